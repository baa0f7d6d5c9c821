variable "bucket" {
  description = "Name of the state bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits and hyphens, and not begin or end with a hyphen; add your account id to make it unique."
  }
}

variable "region" {
  description = "AWS region; null: the AWS configuration's (AWS_REGION or the profile)."
  type        = string
  default     = null

  validation {
    condition     = var.region == null ? true : can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's code such as eu-central-1, or null to take it from AWS_REGION."
  }
}
