variable "name" {
  description = "Beginning of the resources' names."
  type        = string
}

variable "region" {
  description = "Region of the function's metrics."
  type        = string
}

variable "actions" {
  description = "What alarms of this region do: ARNs of topics."
  type        = list(string)
}

variable "actions_us_east_1" {
  description = "What alarms in us-east-1 do, where CloudFront's metrics are."
  type        = list(string)
}

variable "actions_replica" {
  description = "What alarms in the region of the copies do."
  type        = list(string)
  default     = []
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

variable "table_name" {
  description = "The records."
  type        = string
}

variable "state_machine_arn" {
  description = "The backfill's state machine."
  type        = string
}

variable "invalidates" {
  description = "Whether the CDN is told of replaced pictures at all."
  type        = bool
  default     = true
}

variable "canary_minutes" {
  description = "How often the canary is uploaded; null: never."
  type        = number
  default     = null
}

variable "certified" {
  description = "Whether there is a certificate."
  type        = bool
  default     = false
}

variable "certificate_arn" {
  description = "The certificate of the domain; null: there is none."
  type        = string
  default     = null
}

variable "originals" {
  description = "Names of the buckets that are copied."
  type        = object({ raw = string, processed = string })
  default     = null
}

variable "replicas" {
  description = "Names of their copies; null: there are none."
  type        = object({ raw = string, processed = string })
  default     = null
}

variable "replication_rule" {
  description = "Name of the rule that copies them."
  type        = string
  default     = null
}
