variable "recipe_json" {
  description = "A recipe, as JSON."
  type        = string
}
