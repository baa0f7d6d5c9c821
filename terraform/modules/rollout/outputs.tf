output "earlier" {
  description = "Recipes of which something is published, as kept, by their id."
  value       = local.earlier
}

output "kept" {
  description = "How many parameters hold recipes and code. What uses it is changed only after them."
  value       = length(aws_ssm_parameter.recipe) + length(aws_ssm_parameter.code)
}

output "path" {
  description = "What the parameters' names begin with, once they are there."
  value       = local.path
  depends_on  = [aws_ssm_parameter.recipe, aws_ssm_parameter.code, aws_ssm_parameter.current]
}
