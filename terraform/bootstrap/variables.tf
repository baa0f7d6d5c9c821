variable "project" {
  description = "First part of the repository's name."
  type        = string
  default     = "img-pipeline"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.project))
    error_message = "project must be the stack's: 3 to 24 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }
}

variable "environment" {
  description = "Second part of the repository's name, and the name of the workspace that holds the state."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment must be the stack's: 2 to 10 lower-case letters and digits, a letter first."
  }

  validation {
    condition     = contains(["default", var.environment], terraform.workspace)
    error_message = "This workspace holds another environment's state: run `terraform workspace select -or-create ${var.environment}`."
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

variable "force_destroy" {
  description = "Whether destroying may delete a repository that still holds images."
  type        = bool
  default     = false
  nullable    = false
}

variable "images_kept" {
  description = "How many images are kept. Lambda keeps copies of those that it runs."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.images_kept == floor(var.images_kept) && var.images_kept >= 2 && var.images_kept <= 1000
    error_message = "images_kept must be a whole number from 2, the running image and the one before, to 1000."
  }
}
