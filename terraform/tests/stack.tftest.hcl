# What the stack as a whole is, from its variables to the resources.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

variables {
  environment     = "dev"
  force_destroy   = true # or the tests could not clean up
  alarm_receivers = ["on-call@example.org"]
  image_uri       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/img-pipeline-dev@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "the_default_stack" {
  variables {
    timeout_seconds         = 180
    batching_window_seconds = 7
  }

  assert {
    condition     = output.raw_bucket == "img-pipeline-dev-raw-123456789012" && output.processed_bucket == "img-pipeline-dev-processed-123456789012"
    error_message = "Bucket names must hold project, environment and account."
  }

  assert {
    condition     = local.visibility_timeout_seconds == 6 * 180 + 7
    error_message = "The visibility timeout must be six times the function's plus the batching window."
  }

  assert {
    condition     = local.lease_seconds > 180 && local.lease_seconds < local.visibility_timeout_seconds
    error_message = "A lease must outlast the function and end before the message is seen again."
  }

  assert {
    condition     = jsondecode(output.recipe) == jsondecode(file("../processor/default_recipe.json"))
    error_message = "Without a recipe of its own, the stack must run the one that the Python package ships."
  }

  assert {
    condition     = output.memory_mb == 3008 && output.maximum_concurrency == 10
    error_message = "A backfill's estimate takes memory and concurrency from the outputs."
  }

  assert {
    condition     = output.upload_command == "aws s3 cp photo.jpg s3://img-pipeline-dev-raw-123456789012/"
    error_message = "The upload command must be ready to paste."
  }

  assert {
    condition     = output.example_url == "https://mocked.cloudfront.net/full/photo.jpg"
    error_message = "The example must be the canonical URL of the picture that the upload command names."
  }

  assert {
    condition     = length(setsubtract(["raw_bucket", "processed_bucket"], keys({ raw_bucket = output.raw_bucket, processed_bucket = output.processed_bucket }))) == 0
    error_message = "Both buckets must be outputs."
  }

  assert {
    condition = (
      length(module.replica) + length(module.replication) == 0 &&
      output.replica_region == null && output.raw_replica_bucket == null && output.processed_replica_bucket == null
    )
    error_message = "Without another region, nothing is copied there."
  }

  assert {
    condition     = local.tags == { Project = "img-pipeline", Environment = "dev", ManagedBy = "terraform" }
    error_message = "Every resource must say what it belongs to."
  }
}

run "tags_of_its_own" {
  command = plan

  variables {
    tags = { CostCentre = "42" }
  }

  assert {
    condition     = local.tags["CostCentre"] == "42" && local.tags["Project"] == "img-pipeline"
    error_message = "Own tags must be added to the default ones."
  }
}

run "another_projects_variables" {
  command = plan

  variables {
    project = "other-pictures"
  }

  expect_failures = [terraform_data.owner]
}

run "another_region" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "eu-west-1" }
  }

  expect_failures = [terraform_data.owner]
}

run "another_account" {
  command = plan

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "210987654321" }
  }

  expect_failures = [terraform_data.owner]
}

run "a_stopped_stack_is_spoken_of_at_every_plan" {
  command = plan

  variables {
    processing_enabled = false
  }

  expect_failures = [check.processing]
}

run "what_is_deployed_can_be_read_from_the_stack" {
  assert {
    condition = alltrue([
      module.deployed.parameter_names.stack == "/img-pipeline-dev/stack",
      module.deployed.parameter_names.recipe == "/img-pipeline-dev/recipe",
      module.deployed.parameter_names.image == "/img-pipeline-dev/image",
      length(module.deployed_replica) == 0,
    ])
    error_message = "Outputs, recipe and image must be parameters under the stack's name, in its own region alone."
  }

  assert {
    condition     = local.deployed.image_uri == var.image_uri && local.deployed.architecture == "x86_64" && local.deployed.raw_bucket == output.raw_bucket
    error_message = "They must say what is deployed."
  }
}

run "and_in_the_other_region_too" {
  variables {
    replica_region = "eu-west-1"
  }

  assert {
    condition     = module.deployed_replica[0].parameter_names == module.deployed.parameter_names && local.deployed.replica_region == "eu-west-1"
    error_message = "With copies in another region, what is deployed must be readable there."
  }
}
