variable "name" {
  description = "Name of the stack: what the parameters' names begin with."
  type        = string
}

variable "recipe" {
  description = "The recipe as module `negotiation` describes it."
  type = object({
    id         = string
    value      = string
    mistakable = list(string)
  })
}

variable "recipe_json" {
  description = "The recipe, as JSON."
  type        = string
}

variable "seed" {
  description = "The recipe that the stack had before it kept any, in the same form; {}: it had none."
  type        = map(string)
}

variable "grace_days" {
  description = "Days for which keys that a recipe dropped are served after the last picture was made again."
  type        = number
}

variable "settle_seconds" {
  description = "How long after a deployment an older version of the processor may still publish."
  type        = number
}

variable "processor_version" {
  description = "The version of the processor that takes new pictures. What is written behind it is known to be later."
  type        = string
}

variable "functions" {
  description = "The source of each edge function by its name: `now`, and `after` every picture is made by the recipe."
  type        = map(object({ now = string, after = string }))
}
