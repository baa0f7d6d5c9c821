output "repository_url" {
  description = "Where the processor's image is pushed."
  value       = aws_ecr_repository.processor.repository_url
}

output "repository_name" {
  description = "Name of the repository."
  value       = aws_ecr_repository.processor.name
}
