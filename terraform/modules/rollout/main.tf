# What the stack itself knows about a change of its recipe: of which recipes something is published, and which code the
# edge functions are to run. `img-pipeline backfill` goes on from here when every picture is made by the recipe.

data "aws_ssm_parameters_by_path" "recipes" {
  path = local.recipes_path
}

locals {
  path         = "/${var.name}/edge"
  recipes_path = "${local.path}/recipes"

  kept = zipmap(
    [for name in data.aws_ssm_parameters_by_path.recipes.names : basename(name)],
    nonsensitive(data.aws_ssm_parameters_by_path.recipes.values),
  )

  # A deployment tells of the recipe of a stack that kept none so far, until it does.
  found = merge(var.seed, local.kept)

  # What a recipe dropped is served for a time. Then it is forgotten here, and the edge function is made without it.
  earlier = {
    for id, value in local.found : id => value
    if jsondecode(value).until == null || timecmp(coalesce(jsondecode(value).until, plantimestamp()), plantimestamp()) > 0
  }

  # Compressed: a function's source has up to 10 KB, a parameter 8.
  codes = merge([
    for name, codes in var.functions : { for stage, code in codes : "${name}/${stage}" => base64gzip(code) }
  ]...)
}

# Before anything is made by the recipe: who changes it again, or is interrupted, still knows of this one.
resource "aws_ssm_parameter" "recipe" {
  for_each = merge(local.earlier, { (var.recipe.id) = var.recipe.value })

  name           = "${local.recipes_path}/${each.key}"
  description    = each.key == var.recipe.id ? "Keys of the recipe" : "Keys of an earlier recipe that are still published"
  type           = "String"
  tier           = length(each.value) > 4096 ? "Advanced" : "Standard"
  insecure_value = each.value

  lifecycle {
    precondition {
      condition     = length(each.value) <= 8192
      error_message = "The recipe's keys take ${length(each.value)} bytes, a parameter holds 8192: drop widths, formats or sizes from the recipe, or shorten its key templates."
    }

    precondition {
      condition     = length(var.recipe.mistakable) == 0
      error_message = "Pictures of an earlier recipe are still published, and a key of this one could name one of their objects (${join("; ", slice(var.recipe.mistakable, 0, min(3, length(var.recipe.mistakable))))}): give the new key a folder of its own."
    }
  }
}

# The code that the edge functions run, and the code for when every picture is made by the recipe. The operation that
# finds that out copies the one to the other.
resource "aws_ssm_parameter" "code" {
  for_each = local.codes

  name           = "${local.path}/code/${each.key}"
  description    = endswith(each.key, "/now") ? "What the edge function runs" : "What it is to run once every picture is made by the recipe"
  type           = "String"
  tier           = length(each.value) > 4096 ? "Advanced" : "Standard"
  insecure_value = each.value
}

resource "aws_ssm_parameter" "current" {
  name        = "${local.path}/current"
  description = "The recipe in force, and what a change of it goes by"
  type        = "String"
  insecure_value = jsonencode({
    recipe         = var.recipe.id
    recipe_hash    = sha256(var.recipe_json)
    grace_days     = var.grace_days
    settle_seconds = var.settle_seconds
    processor      = var.processor_version
  })
}
