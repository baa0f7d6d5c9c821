# What becomes of pictures, and what that needs.

# One bad picture fails five times: the floor keeps four of them quiet.
resource "aws_cloudwatch_metric_alarm" "failed_share" {
  alarm_name          = "${var.name}-failed-share"
  alarm_description   = "More than a fifth of the tries failed: something around the pictures is broken. Runbook: docs/runbook.md#alarm-failed-share"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 20
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "IF(FILL(failed, 0) > 20, 100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(ended, 0)), 0)"
    label       = "Failed tries (%)"
    return_data = true
  }

  metric_query {
    id = "failed"

    metric {
      namespace   = var.metrics_namespace
      metric_name = "ImagesFailed"
      dimensions  = { service = var.metrics_service }
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

resource "aws_cloudwatch_metric_alarm" "rejected_share" {
  alarm_name          = "${var.name}-rejected-share"
  alarm_description   = "More than half of what came in was rejected: somebody uploads what is no picture, or the bounds are too tight. Runbook: docs/runbook.md#alarm-rejected-share"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 50
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "IF(FILL(rejected, 0) > 20, 100 * FILL(rejected, 0) / FILL(ended, 1), 0)"
    label       = "Rejected (%)"
    return_data = true
  }

  metric_query {
    id = "rejected"

    metric {
      namespace   = var.metrics_namespace
      metric_name = "ImagesRejected"
      dimensions  = { service = var.metrics_service }
      stat        = "Sum"
      period      = 3600
    }
  }

  metric_query {
    id = "ended"

    metric {
      namespace   = var.metrics_namespace
      metric_name = "ImagesEnded"
      dimensions  = { service = var.metrics_service }
      stat        = "Sum"
      period      = 3600
    }
  }
}

# The SDK tries again by itself: a few are nothing.
resource "aws_cloudwatch_metric_alarm" "table" {
  alarm_name          = "${var.name}-table"
  alarm_description   = "The table refused reads or writes: pictures are retried and late. Runbook: docs/runbook.md#alarm-table"
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "FILL(reads, 0) + FILL(writes, 0) + FILL(errors, 0)"
    label       = "Refused by the table"
    return_data = true
  }

  metric_query {
    id = "reads"

    metric {
      namespace   = "AWS/DynamoDB"
      metric_name = "ReadThrottleEvents"
      dimensions  = { TableName = var.table_name }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "writes"

    metric {
      namespace   = "AWS/DynamoDB"
      metric_name = "WriteThrottleEvents"
      dimensions  = { TableName = var.table_name }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/DynamoDB"
      metric_name = "SystemErrors"
      dimensions  = { Operation = "TransactWriteItems", TableName = var.table_name }
      stat        = "Sum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "backfill" {
  alarm_name          = "${var.name}-backfill"
  alarm_description   = "A distributed backfill failed or was aborted: what it had not queued is not queued. Runbook: docs/runbook.md#alarm-backfill"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "FILL(failed, 0) + FILL(timed_out, 0) + FILL(aborted, 0)"
    label       = "Backfills that did not end well"
    return_data = true
  }

  metric_query {
    id = "failed"

    metric {
      namespace   = "AWS/States"
      metric_name = "ExecutionsFailed"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "timed_out"

    metric {
      namespace   = "AWS/States"
      metric_name = "ExecutionsTimedOut"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "aborted"

    metric {
      namespace   = "AWS/States"
      metric_name = "ExecutionsAborted"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      stat        = "Sum"
      period      = 300
    }
  }
}
