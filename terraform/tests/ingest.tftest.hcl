# The way from an upload to an invocation.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                       = "img-pipeline-dev"
  account_id                 = "123456789012"
  raw_bucket_name            = "raw"
  raw_bucket_arn             = "arn:aws:s3:::raw"
  visibility_timeout_seconds = 1800
  function_arn               = "arn:aws:lambda:eu-central-1:123456789012:function:processor:live"
  batch_size                 = 5
  batching_window_seconds    = 0
  maximum_concurrency        = 10
}

run "ingest" {
  module {
    source = "./modules/ingest"
  }

  assert {
    condition     = aws_sqs_queue.ingest.visibility_timeout_seconds == 1800
    error_message = "The queue must have the visibility timeout that was derived for it."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.ingest.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 }
    error_message = "After five tries a message must go to the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.message_retention_seconds == 14 * 24 * 3600
    error_message = "Dead letters must wait fourteen days, SQS's longest."
  }

  assert {
    condition     = aws_sqs_queue.ingest.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "Both queues must be encrypted, with SQS's own key so that S3 can send."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.ingest.arn] }
    error_message = "Only the ingest queue may send dead letters here."
  }

  assert {
    condition = (
      length(data.aws_iam_policy_document.queue.statement) == 1 &&
      data.aws_iam_policy_document.queue.statement[0].actions == toset(["sqs:SendMessage"]) &&
      data.aws_iam_policy_document.queue.statement[0].resources == toset([aws_sqs_queue.ingest.arn]) &&
      one(data.aws_iam_policy_document.queue.statement[0].principals).identifiers == toset(["s3.amazonaws.com"])
    )
    error_message = "S3, and nobody else, may send to the queue."
  }

  assert {
    condition = { for condition in data.aws_iam_policy_document.queue.statement[0].condition : condition.variable => condition.values } == {
      "aws:SourceArn"     = tolist(["arn:aws:s3:::raw"])
      "aws:SourceAccount" = tolist(["123456789012"])
    }
    error_message = "S3 may send for this bucket of this account only."
  }

  assert {
    condition     = aws_s3_bucket_notification.raw.queue[0].events == toset(["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"])
    error_message = "Uploads, removals and expiries must be announced."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.ingest.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "Of a batch, only what failed may be retried."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.ingest.function_name == var.function_arn && one(aws_lambda_event_source_mapping.ingest.scaling_config).maximum_concurrency == 10
    error_message = "The queue must call the alias, with bounded concurrency."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.ingest.enabled
    error_message = "Pictures must be processed unless somebody stops it."
  }
}

run "the_emergency_stop" {
  command = plan

  module {
    source = "./modules/ingest"
  }

  variables {
    enabled = false
  }

  assert {
    condition     = !aws_lambda_event_source_mapping.ingest.enabled && aws_s3_bucket_notification.raw.queue[0].events == toset(["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"])
    error_message = "Stopped, the function must not be called, and events must still be kept."
  }
}
