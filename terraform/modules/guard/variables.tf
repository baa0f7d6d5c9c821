variable "allowed" {
  description = "Whether what is guarded may be deleted."
  type        = bool
}

variable "holds" {
  description = "What would be lost, as the beginning of a sentence."
  type        = string
}

variable "names" {
  description = "Names of what is guarded: if one changes, its resource is replaced."
  type        = list(string)
  default     = []
}
