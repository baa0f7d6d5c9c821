variable "table_name" {
  description = "Name of the table."
  type        = string
}

variable "replica_region" {
  description = "Another region that holds a replica; null: none does."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
}
