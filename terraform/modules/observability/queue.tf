# The way in: messages, and the function that takes them.

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Pictures failed five times and wait in the dead-letter queue. Runbook: docs/runbook.md#alarm-dead-letters"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  alarm_name          = "${var.name}-oldest-message"
  alarm_description   = "Pictures wait too long in the queue. Runbook: docs/runbook.md#alarm-oldest-message"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = var.queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.oldest_message_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

# Half an hour, so that what came in at the end of one quarter and ended in the next one is no silence. A message that waits
# alone is told of by its age. FILL, for the function writes no metric while it does nothing.
resource "aws_cloudwatch_metric_alarm" "silence" {
  alarm_name          = "${var.name}-silence"
  alarm_description   = "For half an hour uploads came in and none ended: pictures stand still. Runbook: docs/runbook.md#alarm-silence"
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "IF(FILL(sent, 0) > 0 AND FILL(ended, 0) == 0, 1, 0)"
    label       = "Uploads and no endings"
    return_data = true
  }

  metric_query {
    id = "sent"

    metric {
      namespace   = "AWS/SQS"
      metric_name = "NumberOfMessagesSent"
      dimensions  = { QueueName = var.queue_name }
      stat        = "Sum"
      period      = 900
    }
  }

  metric_query {
    id = "ended"

    metric {
      namespace   = var.metrics_namespace
      metric_name = "ImagesEnded"
      dimensions  = { service = var.metrics_service }
      stat        = "Sum"
      period      = 900
    }
  }
}

# Tells of what no other alarm can see: that uploads are not even announced.
resource "aws_cloudwatch_metric_alarm" "canary" {
  count = var.canary_minutes == null ? 0 : 1

  alarm_name          = "${var.name}-canary"
  alarm_description   = "The picture that is uploaded every few minutes did not come through three times: nothing does. Runbook: docs/runbook.md#alarm-canary"
  namespace           = var.metrics_namespace
  metric_name         = "CanaryEnded"
  dimensions          = { service = var.metrics_service }
  statistic           = "Sum"
  period              = 60 * var.canary_minutes
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

resource "aws_cloudwatch_metric_alarm" "function_errors" {
  alarm_name          = "${var.name}-function-errors"
  alarm_description   = "The function crashed, ran out of memory or timed out: whole batches are retried. Runbook: docs/runbook.md#alarm-function-errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = var.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

resource "aws_cloudwatch_metric_alarm" "function_throttles" {
  alarm_name          = "${var.name}-function-throttles"
  alarm_description   = "Lambda refused invocations for want of concurrency. Runbook: docs/runbook.md#alarm-function-throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = var.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

# A loop, or messages that go round: many invocations, and few pictures that end.
resource "aws_cloudwatch_metric_alarm" "runaway" {
  alarm_name          = "${var.name}-invocations-per-upload"
  alarm_description   = "The function runs ten times as often as pictures end. Runbook: docs/runbook.md#alarm-invocations-per-upload"
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "IF(invocations > 200, invocations / (1 + FILL(ended, 0)), 0)"
    label       = "Invocations per picture that ended"
    return_data = true
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      dimensions  = { FunctionName = var.function_name }
      stat        = "Sum"
      period      = 900
    }
  }

  metric_query {
    id = "ended"

    metric {
      namespace   = var.metrics_namespace
      metric_name = "ImagesEnded"
      dimensions  = { service = var.metrics_service }
      stat        = "Sum"
      period      = 900
    }
  }
}
