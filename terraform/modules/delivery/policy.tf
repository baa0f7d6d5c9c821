data "aws_iam_policy_document" "processed" {
  source_policy_documents = [var.processed_tls_only_document]

  statement {
    sid       = "ThisDistributionReads"
    actions   = ["s3:GetObject"]
    resources = ["${var.processed_bucket_arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.pictures.arn]
    }
  }

  # So that a missing picture is 404, not 403. Nothing can be listed: the function and the default root object answer
  # for "/", and query strings do not reach the bucket.
  statement {
    sid       = "ThisDistributionSeesWhatIsMissing"
    actions   = ["s3:ListBucket"]
    resources = [var.processed_bucket_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.pictures.arn]
    }
  }
}

resource "aws_s3_bucket_policy" "processed" {
  bucket = var.processed_bucket_name
  policy = data.aws_iam_policy_document.processed.json
}
