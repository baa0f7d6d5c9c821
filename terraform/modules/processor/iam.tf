# What the function may do: the actions that its code uses, on exactly these resources.

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "processor" {
  name               = var.name
  description        = "The image processor function"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "processor" {
  statement {
    sid = "ReadUploads"
    # An earlier version is read where a half-stored replacement turned out to be bad.
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${var.raw_bucket_arn}/*"]
  }

  # Without it a missing key answers 403 instead of 404.
  statement {
    sid       = "SeeWhatIsMissing"
    actions   = ["s3:ListBucket"]
    resources = [var.raw_bucket_arn]
  }

  statement {
    sid       = "PublishRenditions"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${var.processed_bucket_arn}/*"]
  }

  # What was dropped or replaced is copied onto itself with a tag, from when on its last days are counted.
  statement {
    sid       = "RetireRenditions"
    actions   = ["s3:GetObject", "s3:PutObjectTagging"]
    resources = ["${var.processed_bucket_arn}/*"]
  }

  # What is served in place of missing pictures.
  statement {
    sid       = "LeaveTerraformsOwnAlone"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${var.processed_bucket_arn}/_missing/picture"]
  }

  statement {
    sid       = "KeepRecords"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "Announce"
    actions   = ["events:PutEvents"]
    resources = [var.event_bus_arn]
  }

  # Only this distribution's copies, by path only as far as the budgets in the table go.
  statement {
    sid       = "Invalidate"
    actions   = ["cloudfront:CreateInvalidation"]
    resources = [var.distribution_arn]
  }

  statement {
    sid = "WorkTheQueue"
    actions = [
      "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
      "sqs:ChangeMessageVisibility", "sqs:SendMessage",
    ]
    resources = [var.queue_arn]
  }

  # The group is Terraform's: the function may not make one.
  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:${aws_cloudwatch_log_group.processor.name}:*"]
  }

  dynamic "statement" {
    for_each = var.tracing ? ["Trace"] : []

    content {
      sid       = statement.value
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = ["*"] # X-Ray knows no narrower one
    }
  }
}

resource "aws_iam_role_policy" "processor" {
  name   = "processor"
  role   = aws_iam_role.processor.id
  policy = data.aws_iam_policy_document.processor.json
}
