variable "name" {
  description = "First part of the parameters' names: the stack's name."
  type        = string
}

variable "outputs" {
  description = "The root module's outputs by name, except the recipe."
  type        = any
}

variable "recipe_json" {
  description = "The renditions to make, as JSON."
  type        = string
}

variable "image_uri" {
  description = "The container image that the function's alias runs."
  type        = string
}

variable "architecture" {
  description = "Architecture of that image."
  type        = string
}
