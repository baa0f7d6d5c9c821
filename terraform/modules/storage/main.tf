# The two buckets: raw holds what people upload, processed what the pipeline made of it.

resource "aws_s3_bucket" "raw" {
  bucket        = var.raw_bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket" "processed" {
  bucket        = var.processed_bucket_name
  force_destroy = var.force_destroy

  lifecycle {
    precondition {
      condition     = var.processed_bucket_name != var.raw_bucket_name
      error_message = "The buckets must differ, or every rendition would trigger its own processing."
    }
  }
}

locals {
  buckets = {
    raw       = aws_s3_bucket.raw
    processed = aws_s3_bucket.processed
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = each.value.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# The current version of an upload decides what is published, and an overwritten one can be brought back.
resource "aws_s3_bucket_versioning" "raw" {
  bucket = aws_s3_bucket.raw.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Renditions can be made again, so versions are kept only where replication asks for them.
resource "aws_s3_bucket_versioning" "processed" {
  count = var.processed_versions ? 1 : 0

  bucket = aws_s3_bucket.processed.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "raw" {
  bucket = aws_s3_bucket.raw.id

  rule {
    id     = "tidy"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = var.archive_after_days[*]

    content {
      id     = "archive"
      status = "Enabled"

      filter {}

      transition {
        days          = rule.value
        storage_class = "GLACIER_IR"
      }
    }
  }

  # Rules on noncurrent versions are refused until there can be any.
  depends_on = [aws_s3_bucket_versioning.raw]
}

resource "aws_s3_bucket_lifecycle_configuration" "processed" {
  bucket = aws_s3_bucket.processed.id

  rule {
    id     = "tidy"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Content-addressed copies of what was replaced, and whatever the recipe dropped. The function copies each onto itself
  # with its tag, from when on it is kept for so long.
  rule {
    id     = "replaced"
    status = "Enabled"

    filter {
      and {
        prefix = "v/"
        tags   = { state = "replaced" }
      }
    }

    expiration {
      days = coalesce(var.retain_days, var.recipe_grace_days)
    }
  }

  rule {
    id     = "dropped"
    status = "Enabled"

    filter {
      tag {
        key   = "state"
        value = "dropped"
      }
    }

    expiration {
      days = var.recipe_grace_days
    }
  }

  # What was removed or replaced must not outlive that for long.
  dynamic "rule" {
    for_each = aws_s3_bucket_versioning.processed

    content {
      id     = "forget"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = 1
      }

      expiration {
        expired_object_delete_marker = true
      }
    }
  }
}

# Nobody deletes the buckets' settings before it is clear that the buckets may go.
module "guard" {
  source = "../guard"

  allowed = var.force_destroy
  holds   = "The buckets ${var.raw_bucket_name} and ${var.processed_bucket_name}"
  names   = [var.raw_bucket_name, var.processed_bucket_name]

  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_lifecycle_configuration.raw,
    aws_s3_bucket_lifecycle_configuration.processed,
    aws_s3_bucket_policy.raw,
  ]
}
