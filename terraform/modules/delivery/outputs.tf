output "domain_name" {
  description = "Host that serves the pictures."
  value       = aws_cloudfront_distribution.pictures.domain_name
}

output "distribution_id" {
  description = "ID of the distribution."
  value       = aws_cloudfront_distribution.pictures.id
}

output "distribution_arn" {
  description = "ARN of the distribution."
  value       = aws_cloudfront_distribution.pictures.arn
}
