output "parameter_names" {
  description = "Names of the parameters, by what they hold."
  value       = { for name, parameter in aws_ssm_parameter.this : name => parameter.name }
}
