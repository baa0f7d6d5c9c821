output "raw_bucket_name" {
  description = "Name of the bucket for uploads."
  value       = aws_s3_bucket.raw.bucket
}

output "raw_bucket_arn" {
  description = "ARN of the bucket for uploads."
  value       = aws_s3_bucket.raw.arn
}

output "processed_bucket_name" {
  description = "Name of the bucket for renditions."
  value       = aws_s3_bucket.processed.bucket
}

output "processed_bucket_arn" {
  description = "ARN of the bucket for renditions."
  value       = aws_s3_bucket.processed.arn
}

output "processed_bucket_domain" {
  description = "Regional host name of the bucket for renditions, CloudFront's origin."
  value       = aws_s3_bucket.processed.bucket_regional_domain_name
}

output "processed_tls_only_document" {
  description = "Policy document that refuses plain HTTP, to be part of the processed bucket's policy."
  value       = data.aws_iam_policy_document.tls_only["processed"].json
}

output "private" {
  description = "Names of both buckets, once nobody can make them public. Policies, notifications and objects take the name from here, so that they come after these settings and go before them."
  value       = { raw = aws_s3_bucket.raw.bucket, processed = aws_s3_bucket.processed.bucket }

  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.raw,
    aws_s3_bucket_versioning.raw,
  ]
}

output "versioned" {
  description = "Name and ARN of both buckets, once nobody can make them public and they keep versions."
  value = {
    raw       = { name = aws_s3_bucket.raw.bucket, arn = aws_s3_bucket.raw.arn }
    processed = { name = aws_s3_bucket.processed.bucket, arn = aws_s3_bucket.processed.arn }
  }

  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.raw,
    aws_s3_bucket_versioning.raw,
    aws_s3_bucket_versioning.processed,
  ]
}
