variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
}

variable "stack" {
  description = "Name of the stack: namespace of the metrics that it writes, their dimension `service`, and the log's."
  type        = string
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, …"
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

variable "image_uri" {
  description = "The container image."
  type        = string
}

variable "architecture" {
  description = "x86_64 or arm64."
  type        = string
}

variable "memory_mb" {
  description = "Memory in MB."
  type        = number
}

variable "timeout_seconds" {
  description = "How long one invocation may take."
  type        = number
}

variable "lease_seconds" {
  description = "How long one attempt may hold a picture."
  type        = number
}

variable "visibility_timeout_seconds" {
  description = "The ingest queue's, which must be longer than the lease."
  type        = number
}

variable "log_level" {
  description = "DEBUG, INFO, WARNING or ERROR."
  type        = string
}

variable "log_retention_days" {
  description = "How long the log is kept."
  type        = number
}

variable "tracing" {
  description = "Whether invocations are traced with X-Ray."
  type        = bool
}

variable "recipe_json" {
  description = "The renditions to make, as JSON."
  type        = string
}

variable "recipe_grace_days" {
  description = "Days for which renditions stay that the recipe dropped, as the bucket's lifecycle rule has it."
  type        = number
  default     = 30
}

variable "limits" {
  description = "The bounds on uploads, by the environment variables that set them."
  type        = map(number)
}

variable "raw_bucket_name" {
  description = "Where pictures are uploaded."
  type        = string
}

variable "raw_bucket_arn" {
  description = "ARN of that bucket."
  type        = string
}

variable "processed_bucket_name" {
  description = "Where renditions are published."
  type        = string
}

variable "processed_bucket_arn" {
  description = "ARN of that bucket."
  type        = string
}

variable "table_name" {
  description = "The records."
  type        = string
}

variable "table_arn" {
  description = "ARN of that table."
  type        = string
}

variable "event_bus_name" {
  description = "Where results are announced."
  type        = string
}

variable "event_bus_arn" {
  description = "ARN of that bus."
  type        = string
}

variable "queue_url" {
  description = "The ingest queue."
  type        = string
}

variable "queue_arn" {
  description = "ARN of that queue."
  type        = string
}

variable "cdn_domain" {
  description = "Host of the public URLs."
  type        = string
}

variable "distribution_id" {
  description = "The distribution that serves them, for invalidations."
  type        = string
}

variable "distribution_arn" {
  description = "ARN of that distribution."
  type        = string
}

variable "invalidation_paths_per_month" {
  description = "How many paths replacements may have invalidated in a calendar month."
  type        = number
}

variable "removal_paths_per_month" {
  description = "How many paths removals may have invalidated one by one in a calendar month."
  type        = number
}

variable "canary_key" {
  description = "Key of the picture that is counted by itself; null: there is none."
  type        = string
  default     = null
}
