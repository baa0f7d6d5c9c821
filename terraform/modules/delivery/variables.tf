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

variable "replica_bucket_domain" {
  description = "Regional host name of the bucket that is asked where that one fails, once it is replicated; null: there is none."
  type        = string
  default     = null
}

variable "processed_tls_only_document" {
  description = "Policy document to be part of that bucket's policy."
  type        = string
}

variable "edge_function_code" {
  description = "Source of the viewer-request function."
  type        = string
}

variable "edge_function_code_after" {
  description = "Its source once every picture is made by the recipe; null: the same."
  type        = string
  default     = null
}

variable "price_class" {
  description = "Which edge locations are used."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "missing_picture" {
  description = "Path of a picture that is shown, with status 404, where one is missing; null: a short text."
  type        = string
  default     = null
}

variable "domain" {
  description = "A domain of one's own, with a certificate or the zone to make one in."
  type = object({
    name            = string
    zone_id         = optional(string)
    certificate_arn = optional(string)
  })
  default = null
}

variable "ipv6" {
  description = "Whether pictures are served over IPv6 as well."
  type        = bool
  default     = true
}

variable "signing_public_keys" {
  description = "Public keys, by name, of those who may sign URLs and cookies. None: pictures are public."
  type        = map(string)
  default     = {}
}

variable "allowed_countries" {
  description = "Where pictures may be seen; none: everywhere."
  type        = set(string)
  default     = []
}

variable "blocked_countries" {
  description = "Where they may not be seen."
  type        = set(string)
  default     = []
}

variable "rate_limit_per_ip" {
  description = "Requests that one address may make in five minutes; null: no web ACL."
  type        = number
  default     = null
}

variable "cors_origins" {
  description = "Origins whose scripts may read pictures, or \"*\" alone."
  type        = list(string)
  default     = []
}

variable "access_log_days" {
  description = "How long access logs are kept; null: there are none."
  type        = number
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying deletes the access logs."
  type        = bool
  default     = false
}

variable "tls_only" {
  description = "Whether the access logs' bucket refuses plain HTTP."
  type        = bool
  default     = true
}
