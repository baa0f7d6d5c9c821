output "domain_name" {
  description = "Host that serves the pictures."
  value       = var.domain == null ? aws_cloudfront_distribution.pictures.domain_name : var.domain.name
}

output "distribution_id" {
  description = "ID of the distribution."
  value       = aws_cloudfront_distribution.pictures.id
}

output "distribution_arn" {
  description = "ARN of the distribution."
  value       = aws_cloudfront_distribution.pictures.arn
}

output "distribution_domain" {
  description = "CloudFront's own name for it: what a record for a domain of one's own points at."
  value       = aws_cloudfront_distribution.pictures.domain_name
}

output "signing_key_ids" {
  description = "CloudFront's ids of the public keys, by name."
  value       = { for name, key in aws_cloudfront_public_key.signer : name => key.id }
}

output "access_log_bucket" {
  description = "Where access logs go; null: there are none."
  value       = one(aws_s3_bucket.logs[*].bucket)
}

output "certificate_arn" {
  description = "The certificate of the domain; null: there is none."
  value       = local.certificate_arn
}

output "negotiate_name" {
  description = "Name of the viewer-request function. Known before there is one."
  value       = local.function_names.negotiate
}

output "other_functions" {
  description = "The source of the other edge functions by their names, which no change of the recipe concerns. Known before there are any."
  value       = { for name in length(var.cors_origins) > 0 ? [local.function_names.share] : [] : name => { now = local.share_code, after = local.share_code } }
}
