# From each bucket to its copy in another region, one way. A role each: neither may write into the other one's copy.

locals {
  rule = "everything"
}

data "aws_iam_policy_document" "assume" {
  for_each = var.originals

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    # IfExists: that S3 names its bucket when it takes a replication role is not documented, and a role that it cannot
    # take copies nothing. Only those who may pass the role to a bucket of this account can have it used at all.
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnEqualsIfExists"
      variable = "aws:SourceArn"
      values   = [each.value.arn]
    }
  }
}

resource "aws_iam_role" "replication" {
  for_each = var.originals

  name               = "${var.name}-replication-${each.key}"
  description        = "Lets S3 copy what is in the ${each.key} bucket"
  assume_role_policy = data.aws_iam_policy_document.assume[each.key].json
}

data "aws_iam_policy_document" "replication" {
  for_each = var.originals

  statement {
    sid       = "ReadRules"
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = [each.value.arn]
  }

  statement {
    sid       = "ReadOriginals"
    actions   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    resources = ["${each.value.arn}/*"]
  }

  statement {
    sid       = "WriteCopies"
    actions   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
    resources = ["${var.replicas[each.key].arn}/*"]
  }
}

resource "aws_iam_role_policy" "replication" {
  for_each = var.originals

  name   = "replication"
  role   = aws_iam_role.replication[each.key].id
  policy = data.aws_iam_policy_document.replication[each.key].json
}

resource "aws_s3_bucket_replication_configuration" "this" {
  for_each = var.originals

  bucket = each.value.name
  role   = aws_iam_role.replication[each.key].arn

  rule {
    id       = local.rule
    priority = 0
    status   = "Enabled"

    filter {}

    # What is removed here disappears there.
    delete_marker_replication {
      status = "Enabled"
    }

    destination {
      bucket = var.replicas[each.key].arn

      # For the alarms; without them nobody would know that nothing is copied.
      metrics {
        status = "Enabled"
      }
    }
  }

  depends_on = [aws_iam_role_policy.replication]
}
