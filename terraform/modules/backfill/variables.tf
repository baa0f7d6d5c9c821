variable "name" {
  description = "Name of the state machine and its role."
  type        = string
}

variable "partition" {
  description = "AWS partition."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "raw_bucket_name" {
  description = "The bucket that is listed."
  type        = string
}

variable "raw_bucket_arn" {
  description = "Its ARN."
  type        = string
}

variable "queue_url" {
  description = "The ingest queue."
  type        = string
}

variable "queue_arn" {
  description = "Its ARN."
  type        = string
}

variable "maximum_concurrency" {
  description = "How many uploads are queued at once."
  type        = number
  default     = 40
}
