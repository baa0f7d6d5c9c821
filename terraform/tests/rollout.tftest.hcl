# What a stack keeps of its recipes, and for how long.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "img-pipeline-dev"
  recipe            = { id = "new", value = "{\"sizes\":[],\"other\":[],\"versioned\":false,\"until\":null}", mistakable = [] }
  recipe_json       = "{}"
  seed              = {}
  grace_days        = 30
  settle_seconds    = 120
  processor_version = "7"
  functions         = { "img-pipeline-dev-negotiate" = { now = "now", after = "after" } }
}

run "a_new_stack" {
  module {
    source = "./modules/rollout"
  }

  assert {
    condition     = length(output.earlier) == 0 && { for id, kept in aws_ssm_parameter.recipe : id => kept.insecure_value } == { new = var.recipe.value }
    error_message = "A new stack has no earlier recipe, and keeps its own."
  }

  assert {
    condition     = aws_ssm_parameter.recipe["new"].name == "/img-pipeline-dev/edge/recipes/new" && aws_ssm_parameter.recipe["new"].tier == "Standard"
    error_message = "What is kept must be where the next apply looks for it, and cost nothing."
  }

  assert {
    condition     = { for kept in aws_ssm_parameter.code : kept.name => kept.insecure_value } == { for stage in ["now", "after"] : "/img-pipeline-dev/edge/code/img-pipeline-dev-negotiate/${stage}" => base64gzip(stage) }
    error_message = "The code that is meant must be kept where the processor cannot write."
  }

  assert {
    condition     = jsonencode(jsondecode(aws_ssm_parameter.current.insecure_value)) == jsonencode({ recipe = "new", recipe_hash = sha256("{}"), grace_days = 30, settle_seconds = 120, processor = "7" })
    error_message = "What a change of the recipe goes by must be kept."
  }
}

run "a_stack_of_a_version_that_kept_none" {
  module {
    source = "./modules/rollout"
  }

  variables {
    seed = { old = "{\"sizes\":[],\"other\":[],\"versioned\":true,\"until\":null}" }
  }

  assert {
    condition     = jsonencode(output.earlier) == jsonencode(var.seed) && join(" ", keys(aws_ssm_parameter.recipe)) == "new old"
    error_message = "What the deployment tells of the recipe before must be kept like any other."
  }
}

run "earlier_recipes" {
  module {
    source = "./modules/rollout"
  }

  variables {
    seed = { dropped = "{\"sizes\":[],\"other\":[],\"versioned\":true,\"until\":null}" }
  }

  override_data {
    target = data.aws_ssm_parameters_by_path.recipes
    values = {
      names = ["/img-pipeline-dev/edge/recipes/new", "/img-pipeline-dev/edge/recipes/published", "/img-pipeline-dev/edge/recipes/dropped", "/img-pipeline-dev/edge/recipes/over"]
      values = [
        "{\"sizes\":[],\"other\":[],\"versioned\":false,\"until\":\"2999-01-01T00:00:00Z\"}",
        "{\"until\": null, \"sizes\":[],\"other\":[],\"versioned\":false}",
        "{\"sizes\":[],\"other\":[],\"versioned\":false,\"until\":\"2999-01-01T00:00:00Z\"}",
        "{\"sizes\":[],\"other\":[],\"versioned\":false,\"until\":\"2020-01-01T00:00:00Z\"}",
      ]
    }
  }

  assert {
    condition     = join(" ", keys(aws_ssm_parameter.recipe)) == "dropped new published"
    error_message = "Only what has been dropped for long enough may be forgotten."
  }

  assert {
    condition     = aws_ssm_parameter.recipe["published"].insecure_value == "{\"until\": null, \"sizes\":[],\"other\":[],\"versioned\":false}"
    error_message = "What others have written there must be left as it is, letter for letter, or a plan would never be empty."
  }

  assert {
    condition     = strcontains(aws_ssm_parameter.recipe["dropped"].insecure_value, "2999")
    error_message = "What is kept must count for more than what a deployment tells."
  }

  assert {
    condition     = aws_ssm_parameter.recipe["new"].insecure_value == var.recipe.value
    error_message = "A recipe that comes back is published for as long as nothing takes its place."
  }
}

run "rejects_keys_that_could_be_mistaken" {
  command = plan

  module {
    source = "./modules/rollout"
  }

  variables {
    recipe = { id = "new", value = "{}", mistakable = ["s/{…}.jpg and s/{…}_small.jpg"] }
  }

  expect_failures = [aws_ssm_parameter.recipe]
}
