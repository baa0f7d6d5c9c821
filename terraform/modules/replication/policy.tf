# The distribution reads the copies of the renditions as it does the originals, and nobody else does.

data "aws_iam_policy_document" "processed" {
  source_policy_documents = [var.processed_tls_only_document]

  statement {
    sid       = "ThisDistributionReads"
    actions   = ["s3:GetObject"]
    resources = ["${var.replicas.processed.arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [var.distribution_arn]
    }
  }

  # So that a missing picture is 404 here, too.
  statement {
    sid       = "ThisDistributionSeesWhatIsMissing"
    actions   = ["s3:ListBucket"]
    resources = [var.replicas.processed.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [var.distribution_arn]
    }
  }
}

resource "aws_s3_bucket_policy" "processed" {
  provider = aws.replica

  bucket = var.replicas.processed.name
  policy = data.aws_iam_policy_document.processed.json
}
