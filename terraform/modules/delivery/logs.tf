# Standard logs (v2): who asked for what, into a bucket of their own. CloudFront delivers them in us-east-1 only.

locals {
  log_bucket_name = "${var.name}-access-logs-${var.account_id}"
  logs            = var.access_log_days == null ? 0 : 1
}

resource "aws_s3_bucket" "logs" {
  provider = aws.us_east_1
  count    = local.logs

  bucket        = local.log_bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "logs" {
  provider = aws.us_east_1
  count    = local.logs

  bucket                  = aws_s3_bucket.logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  provider = aws.us_east_1
  count    = local.logs

  bucket = aws_s3_bucket.logs[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  provider = aws.us_east_1
  count    = local.logs

  bucket = aws_s3_bucket.logs[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# They hold addresses of people: not for longer than needed.
resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  provider = aws.us_east_1
  count    = local.logs

  bucket = aws_s3_bucket.logs[0].id

  rule {
    id     = "forget"
    status = "Enabled"

    filter {}

    expiration {
      days = var.access_log_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "logs" {
  count = local.logs

  statement {
    sid       = "DeliverThisDistributionsLogs"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.logs[0].arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_log_delivery_source.access[0].arn]
    }
  }

  dynamic "statement" {
    for_each = var.tls_only ? ["TlsOnly"] : []

    content {
      sid       = statement.value
      effect    = "Deny"
      actions   = ["s3:*"]
      resources = [aws_s3_bucket.logs[0].arn, "${aws_s3_bucket.logs[0].arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "Bool"
        variable = "aws:SecureTransport"
        values   = ["false"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  provider = aws.us_east_1
  count    = local.logs

  bucket = aws_s3_bucket.logs[0].id
  policy = data.aws_iam_policy_document.logs[0].json

  # S3 refuses two changes of a bucket's access settings at a time.
  depends_on = [aws_s3_bucket_public_access_block.logs, aws_s3_bucket_ownership_controls.logs]
}

resource "aws_cloudwatch_log_delivery_source" "access" {
  provider = aws.us_east_1
  count    = local.logs

  name         = "${var.name}-access"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.pictures.arn
}

resource "aws_cloudwatch_log_delivery_destination" "access" {
  provider = aws.us_east_1
  count    = local.logs

  name          = "${var.name}-access"
  output_format = "parquet"

  delivery_destination_configuration {
    destination_resource_arn = aws_s3_bucket.logs[0].arn
  }
}

resource "aws_cloudwatch_log_delivery" "access" {
  provider = aws.us_east_1
  count    = local.logs

  delivery_source_name     = aws_cloudwatch_log_delivery_source.access[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.access[0].arn

  s3_delivery_configuration {
    suffix_path                 = "/{yyyy}/{MM}/{dd}"
    enable_hive_compatible_path = false
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

# Nobody deletes the bucket's settings before it is clear that the bucket may go.
module "guard" {
  source = "../guard"
  count  = local.logs

  allowed = var.force_destroy
  holds   = "The access logs in ${local.log_bucket_name}"
  names   = [local.log_bucket_name]

  depends_on = [
    aws_s3_bucket_public_access_block.logs,
    aws_s3_bucket_ownership_controls.logs,
    aws_s3_bucket_server_side_encryption_configuration.logs,
    aws_s3_bucket_lifecycle_configuration.logs,
    aws_cloudwatch_log_delivery.access,
  ]
}
