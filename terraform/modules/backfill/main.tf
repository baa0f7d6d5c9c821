# For millions of pictures: a Distributed Map over the listing of the raw bucket, feeding the same queue. It costs nothing
# until it is started. What is current already, the function skips at the price of one read.

locals {
  state_machine_arn = "arn:${var.partition}:states:${var.region}:${var.account_id}:stateMachine:${var.name}"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "backfill" {
  name               = var.name
  description        = "Lists uploads and queues them"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "backfill" {
  statement {
    sid       = "ListUploads"
    actions   = ["s3:ListBucket"]
    resources = [var.raw_bucket_arn]
  }

  statement {
    sid       = "QueueThem"
    actions   = ["sqs:SendMessage"]
    resources = [var.queue_arn]
  }

  # A Distributed Map runs its parts as executions of its own.
  statement {
    sid       = "StartParts"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arn]
  }

  statement {
    sid       = "FollowParts"
    actions   = ["states:DescribeExecution", "states:StopExecution"]
    resources = ["${replace(local.state_machine_arn, ":stateMachine:", ":execution:")}/*"]
  }
}

resource "aws_iam_role_policy" "backfill" {
  name   = "backfill"
  role   = aws_iam_role.backfill.id
  policy = data.aws_iam_policy_document.backfill.json
}

resource "aws_sfn_state_machine" "backfill" {
  name     = var.name
  role_arn = aws_iam_role.backfill.arn

  definition = jsonencode({
    Comment = "Queue every upload below a prefix. Input: {\"prefix\": \"\"}"
    StartAt = "EveryUpload"
    States = {
      EveryUpload = {
        Type           = "Map"
        Label          = "EveryUpload"
        MaxConcurrency = var.maximum_concurrency
        ItemReader = {
          Resource   = "arn:${var.partition}:states:::s3:listObjectsV2"
          Parameters = { Bucket = var.raw_bucket_name, "Prefix.$" = "$.prefix" }
        }
        ItemProcessor = {
          ProcessorConfig = { Mode = "DISTRIBUTED", ExecutionType = "STANDARD" }
          StartAt         = "Queue"
          States = {
            Queue = {
              Type     = "Task"
              Resource = "arn:${var.partition}:states:::sqs:sendMessage"
              Parameters = {
                QueueUrl = var.queue_url
                # EventBridge's shape: its keys are not URL-encoded, and Step Functions could not encode them.
                MessageBody = {
                  source = "aws.s3"
                  detail = { bucket = { name = var.raw_bucket_name }, object = { "key.$" = "$.Key" } }
                }
              }
              Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 2, MaxAttempts = 6, BackoffRate = 2 }]
              End   = true
            }
          }
        }
        ResultPath = null
        End        = true
      }
    }
  })

  depends_on = [aws_iam_role_policy.backfill]
}
