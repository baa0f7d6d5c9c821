variable "recipe_json" {
  description = "The recipe, as JSON."
  type        = string
}

variable "earlier" {
  description = "Other recipes of which something is published, by their id: what `tables` made of each, with `until` set once nothing but what was dropped is left of it."
  type        = map(string)
  default     = {}
}

variable "served_formats" {
  description = "Formats that may be answered in place of a canonical URL's own; null: all."
  type        = list(string)
  default     = null
}

variable "served_sizes" {
  description = "Sizes whose canonical URL is negotiated; null: all."
  type        = list(string)
  default     = null
}
