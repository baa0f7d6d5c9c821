# Nobody reaches a bucket over plain HTTP, whatever else they may do. A bucket has one policy only: the processed
# bucket's is attached by the delivery module, which adds the distribution to it.

data "aws_iam_policy_document" "tls_only" {
  for_each = local.buckets

  dynamic "statement" {
    for_each = var.tls_only ? [each.value.arn] : []

    content {
      sid       = "TlsOnly"
      effect    = "Deny"
      actions   = ["s3:*"]
      resources = [statement.value, "${statement.value}/*"]

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

resource "aws_s3_bucket_policy" "raw" {
  count = var.tls_only ? 1 : 0

  bucket = aws_s3_bucket.raw.id
  policy = data.aws_iam_policy_document.tls_only["raw"].json

  # S3 refuses two changes of a bucket's access settings at a time.
  depends_on = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_ownership_controls.this]
}
