output "event_bus_name" {
  description = "Name of the bus."
  value       = aws_cloudwatch_event_bus.announcements.name
}

output "event_bus_arn" {
  description = "ARN of the bus."
  value       = aws_cloudwatch_event_bus.announcements.arn
}
