variable "recipe_json" {
  description = "The recipe, as JSON."
  type        = string
}

variable "served_formats" {
  description = "Formats that may be answered in place of a canonical URL's own."
  type        = list(string)
}

variable "served_sizes" {
  description = "Sizes whose canonical URL is negotiated."
  type        = list(string)
}

variable "other_keys" {
  description = "Key templates of what is served besides renditions, as it is."
  type        = list(string)
  default     = []
}

variable "versioned" {
  description = "Whether renditions have content-addressed copies."
  type        = bool
  default     = false
}
