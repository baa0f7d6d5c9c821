variable "name" {
  description = "Beginning of the resources' names."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "originals" {
  description = "The buckets that are copied, with versioning on."
  type = object({
    raw       = object({ name = string, arn = string })
    processed = object({ name = string, arn = string })
  })
}

variable "replicas" {
  description = "Where their copies go, in the other region and with versioning on."
  type = object({
    raw       = object({ name = string, arn = string })
    processed = object({ name = string, arn = string })
  })
}

variable "replica_bucket_domain" {
  description = "Regional host name of the bucket with the copies of the renditions."
  type        = string
}

variable "processed_tls_only_document" {
  description = "Policy document to be part of that bucket's policy."
  type        = string
}

variable "distribution_arn" {
  description = "The distribution that reads it."
  type        = string
}
