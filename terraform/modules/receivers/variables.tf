variable "name" {
  description = "Beginning of the topic's name."
  type        = string
}

variable "account_id" {
  description = "The account whose alarms may use the topic."
  type        = string
}

variable "region" {
  description = "The region that this is."
  type        = string
}

variable "receivers" {
  description = "E-mail addresses, https:// URLs, and ARNs of SNS topics; those of other regions are left out."
  type        = set(string)
}
