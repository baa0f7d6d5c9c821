# A picture that is uploaded again every few minutes, to see that it comes through. It is always the same one: the function
# finds it unchanged, which takes the whole way in and one read, makes no rendition and invalidates nothing. No code is
# needed: the schedule has S3 copy the object onto itself.

locals {
  # 16 x 12 pixels.
  picture      = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAIAAADkharWAAAAF0lEQVR42mP8f4GBJMDEwDCqYVQDNgAAQu0B5ySgX50AAAAASUVORK5CYII="
  content_type = "image/png"
}

resource "aws_s3_object" "canary" {
  bucket         = var.bucket_name
  key            = var.key
  content_base64 = local.picture
  content_type   = local.content_type

  # A copy takes tags along, for which the schedule would need to read and write them.
  override_provider {
    default_tags {
      tags = {}
    }
  }
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "canary" {
  name               = var.name
  description        = "Uploads the canary again"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "canary" {
  statement {
    sid       = "UploadAgain"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arn}/${var.key}"]
  }
}

resource "aws_iam_role_policy" "canary" {
  name   = "canary"
  role   = aws_iam_role.canary.id
  policy = data.aws_iam_policy_document.canary.json
}

resource "aws_scheduler_schedule" "canary" {
  name                = var.name
  description         = "Uploads the canary again"
  schedule_expression = "rate(${var.minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${var.partition}:scheduler:::aws-sdk:s3:copyObject"
    role_arn = aws_iam_role.canary.arn

    # S3 copies an object onto itself only where something is replaced: its metadata, of which it has none.
    input = jsonencode({
      Bucket            = aws_s3_object.canary.bucket
      Key               = aws_s3_object.canary.key
      CopySource        = "${aws_s3_object.canary.bucket}/${aws_s3_object.canary.key}"
      MetadataDirective = "REPLACE"
      ContentType       = local.content_type
    })

    # The next turn is another try.
    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 1
    }
  }

  depends_on = [aws_iam_role_policy.canary]
}
