# The state machine for millions of pictures, and what its role may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name            = "img-pipeline-dev-backfill"
  partition       = "aws"
  account_id      = "123456789012"
  region          = "eu-central-1"
  raw_bucket_name = "raw"
  raw_bucket_arn  = "arn:aws:s3:::raw"
  queue_url       = "https://sqs.eu-central-1.amazonaws.com/123456789012/queue"
  queue_arn       = "arn:aws:sqs:eu-central-1:123456789012:queue"
}

run "backfill" {
  module {
    source = "./modules/backfill"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.backfill.statement : statement.sid => [sort(statement.actions), one(statement.resources)] } == {
      ListUploads = [tolist(["s3:ListBucket"]), "arn:aws:s3:::raw"]
      QueueThem   = [tolist(["sqs:SendMessage"]), "arn:aws:sqs:eu-central-1:123456789012:queue"]
      StartParts  = [tolist(["states:StartExecution"]), "arn:aws:states:eu-central-1:123456789012:stateMachine:img-pipeline-dev-backfill"]
      FollowParts = [tolist(["states:DescribeExecution", "states:StopExecution"]), "arn:aws:states:eu-central-1:123456789012:execution:img-pipeline-dev-backfill/*"]
    }
    error_message = "The role may list the uploads, queue them, and run its own parts; nothing else."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.backfill.definition).States.EveryUpload.ItemProcessor.ProcessorConfig.Mode == "DISTRIBUTED"
    error_message = "The map must be a distributed one, or it ends at 25,000 history events."
  }
}
