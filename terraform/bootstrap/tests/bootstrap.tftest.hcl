# The registry, and what its variables reject.

mock_provider "aws" {}

variables {
  environment = "dev"
}

run "registry" {
  command = plan

  assert {
    condition     = aws_ecr_repository.processor.image_tag_mutability == "IMMUTABLE"
    error_message = "A tag must mean one image for ever."
  }

  assert {
    condition     = one(aws_ecr_repository.processor.image_scanning_configuration).scan_on_push
    error_message = "Images must be scanned when they are pushed."
  }

  assert {
    condition     = { for rule in jsondecode(aws_ecr_lifecycle_policy.processor.policy).rules : rule.selection.tagStatus => rule.selection.countNumber } == { untagged = 7, any = 30 }
    error_message = "Old images and interrupted pushes must not be kept for ever."
  }

  assert {
    condition     = aws_ecr_repository.processor.name == "img-pipeline-dev" && !aws_ecr_repository.processor.force_delete
    error_message = "The repository must be the environment's own, and keep its images unless told otherwise."
  }
}

run "rejects_wrong_values" {
  command = plan

  variables {
    project     = "ImgPipeline"
    environment = "dev-1"
    region      = "Frankfurt"
    images_kept = 1
  }

  expect_failures = [var.project, var.environment, var.region, var.images_kept]
}
