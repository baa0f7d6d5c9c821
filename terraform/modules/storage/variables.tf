variable "raw_bucket_name" {
  description = "Name of the bucket for uploads."
  type        = string
}

variable "processed_bucket_name" {
  description = "Name of the bucket for renditions."
  type        = string
}

variable "noncurrent_version_days" {
  description = "Days until replaced and deleted uploads are gone for good."
  type        = number
}

variable "archive_after_days" {
  description = "Days until uploads move to Glacier Instant Retrieval; null: never."
  type        = number
}

variable "retain_days" {
  description = "Days until content-addressed copies of replaced renditions go; null: there are no new ones."
  type        = number
  default     = null
}

variable "recipe_grace_days" {
  description = "Days until renditions go that the recipe dropped."
  type        = number
  default     = 30
}

variable "processed_versions" {
  description = "Whether the bucket for renditions keeps versions, as replication needs it to. Old ones are gone after a day or two."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether destroying deletes what is in the buckets."
  type        = bool
}

variable "tls_only" {
  description = "Whether plain HTTP is refused."
  type        = bool
}
