output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.processor.function_name
}

output "alias_arn" {
  description = "ARN of the alias `live`. Known once its role may read the queue."
  value       = aws_lambda_alias.live.arn
}

output "version" {
  description = "The version that the alias `live` runs, once it does."
  value       = aws_lambda_alias.live.function_version
}

output "image_uri" {
  description = "The container image that it runs."
  value       = aws_lambda_function.processor.image_uri
}

output "log_group_name" {
  description = "Its log."
  value       = aws_cloudwatch_log_group.processor.name
}

output "metrics_namespace" {
  description = "Namespace of the metrics that it writes."
  value       = local.environment["POWERTOOLS_METRICS_NAMESPACE"]
}

output "metrics_service" {
  description = "Value of those metrics' dimension `service`."
  value       = local.environment["POWERTOOLS_SERVICE_NAME"]
}
