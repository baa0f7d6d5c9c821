output "bucket" {
  description = "The value for STATE_BUCKET."
  value       = aws_s3_bucket.state.id
}
