# What is deployed, readable from the stack itself: another machine, or a person on call, needs no files of the last deploy.
# The history of `image`, which Parameter Store keeps, says who deployed what and when.

locals {
  values = {
    stack  = jsonencode({ for name, value in var.outputs : name => { value = value } if value != null })
    recipe = var.recipe_json
    image  = jsonencode({ image = var.image_uri, architecture = var.architecture })
  }

  descriptions = {
    stack  = "The outputs, as terraform output -json has them, without the recipe"
    recipe = "The renditions that every picture gets"
    image  = "The image that the function runs. Its history is what one can roll back to"
  }
}

resource "aws_ssm_parameter" "this" {
  for_each = local.values

  name           = "/${var.name}/${each.key}"
  description    = local.descriptions[each.key]
  type           = "String"
  insecure_value = each.value # no secrets: a plan may show it

  # Standard parameters are free and hold 4 KB, advanced ones cost $0.05 a month and hold 8 KB.
  tier = length(each.value) <= 4096 ? "Standard" : "Advanced"

  lifecycle {
    precondition {
      condition     = length(each.value) <= 8192
      error_message = "/${var.name}/${each.key} takes ${length(each.value)} bytes and a parameter holds 8192: shorten the recipe, or name fewer signing keys."
    }
  }
}
