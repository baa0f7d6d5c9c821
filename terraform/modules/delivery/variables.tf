variable "name" {
  description = "Beginning of the resources' names."
  type        = string
}

variable "processed_bucket_name" {
  description = "The bucket with the renditions."
  type        = string
}

variable "processed_bucket_arn" {
  description = "ARN of that bucket."
  type        = string
}

variable "processed_bucket_domain" {
  description = "Regional host name of that bucket."
  type        = string
}

variable "processed_tls_only_document" {
  description = "Policy document to be part of that bucket's policy."
  type        = string
}

variable "edge_function_code" {
  description = "Source of the viewer-request function."
  type        = string
}

variable "price_class" {
  description = "Which edge locations are used."
  type        = string
}
