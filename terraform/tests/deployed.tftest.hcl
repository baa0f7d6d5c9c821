# What is deployed, as parameters.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "img-pipeline-dev"
  outputs      = { region = "eu-central-1", memory_mb = 3008, signing_key_ids = { a = "K1" }, replica_region = null }
  recipe_json  = "{\"sizes\":[]}"
  image_uri    = "repository@sha256:0"
  architecture = "arm64"
}

run "values" {
  module {
    source = "./modules/deployed"
  }

  assert {
    condition = jsondecode(aws_ssm_parameter.this["stack"].insecure_value) == {
      region          = { value = "eu-central-1" }
      memory_mb       = { value = 3008 }
      signing_key_ids = { value = { a = "K1" } }
    }
    error_message = "Outputs must have the shape of terraform output -json, which leaves out what is null."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.this["image"].insecure_value) == { image = "repository@sha256:0", architecture = "arm64" }
    error_message = "The image must be named with its architecture, so that a rollback can tell."
  }

  assert {
    condition     = aws_ssm_parameter.this["recipe"].insecure_value == "{\"sizes\":[]}"
    error_message = "The recipe must be there as it is."
  }

  assert {
    condition     = alltrue([for parameter in aws_ssm_parameter.this : parameter.tier == "Standard" && parameter.type == "String"])
    error_message = "What fits into 4 KB must cost nothing."
  }
}

run "large_values_are_paid_for" {
  module {
    source = "./modules/deployed"
  }

  variables {
    recipe_json = join("", [for number in range(820) : "12345"])
  }

  assert {
    condition     = aws_ssm_parameter.this["recipe"].tier == "Advanced" && aws_ssm_parameter.this["stack"].tier == "Standard"
    error_message = "Only a value above 4 KB must be an advanced parameter."
  }
}

run "larger_ones_are_refused" {
  command = plan

  module {
    source = "./modules/deployed"
  }

  variables {
    recipe_json = join("", [for number in range(1000) : "123456789"])
  }

  expect_failures = [aws_ssm_parameter.this["recipe"]]
}
