# The state bucket, and what its variables reject.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

variables {
  bucket = "terraform-state-123456789012"
}

run "state_bucket" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "A broken state must be recoverable."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls, aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls, aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "State must not be public."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.state.statement[0].condition).variable == "aws:SecureTransport" && data.aws_iam_policy_document.state.statement[0].effect == "Deny"
    error_message = "Plain HTTP must be refused."
  }
}

run "rejects_wrong_values" {
  command = plan

  variables {
    bucket = "Terraform.State"
    region = "Frankfurt"
  }

  expect_failures = [var.bucket, var.region]
}
