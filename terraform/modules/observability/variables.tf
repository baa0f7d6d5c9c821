variable "name" {
  description = "Beginning of the resources' names."
  type        = string
}

variable "account_id" {
  description = "The account whose alarms may use the topic."
  type        = string
}

variable "region" {
  description = "Region of the function's metrics."
  type        = string
}

variable "alarm_email" {
  description = "Where alarms are sent; null: nowhere."
  type        = string
}

variable "oldest_message_seconds" {
  description = "Age of the oldest message that sets the alarm off."
  type        = number
}

variable "queue_name" {
  description = "The ingest queue."
  type        = string
}

variable "dead_letter_queue_name" {
  description = "The dead-letter queue."
  type        = string
}

variable "function_name" {
  description = "The function."
  type        = string
}

variable "distribution_id" {
  description = "The CloudFront distribution."
  type        = string
}

variable "metrics_namespace" {
  description = "Namespace of the function's own metrics."
  type        = string
}

variable "metrics_service" {
  description = "Value of their dimension `service`."
  type        = string
}
