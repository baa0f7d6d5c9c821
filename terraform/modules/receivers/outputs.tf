output "topic_arn" {
  description = "ARN of the topic."
  value       = aws_sns_topic.alarms.arn
}

output "actions" {
  description = "What an alarm of this region does: the topic, and those that existed already."
  value       = concat([aws_sns_topic.alarms.arn], local.topics)
}

output "reached" {
  description = "Whether anybody hears of it."
  value       = length(local.emails) + length(local.urls) + length(local.topics) > 0
}
