# Copies in the other region. S3 counts failures where the originals are and measures the delay where the copies are.

resource "aws_cloudwatch_metric_alarm" "replication_failed" {
  count = var.replicas == null ? 0 : 1

  alarm_name          = "${var.name}-replication-failed"
  alarm_description   = "S3 could not copy uploads or renditions to the other region, and does not try again. Runbook: docs/runbook.md#alarm-replication-failed"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions

  metric_query {
    id          = "result"
    expression  = "FILL(raw, 0) + FILL(processed, 0)"
    label       = "Operations that failed"
    return_data = true
  }

  metric_query {
    id = "raw"

    metric {
      namespace   = "AWS/S3"
      metric_name = "OperationsFailedReplication"
      dimensions  = { SourceBucket = var.originals.raw, DestinationBucket = var.replicas.raw, RuleId = var.replication_rule }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "processed"

    metric {
      namespace   = "AWS/S3"
      metric_name = "OperationsFailedReplication"
      dimensions  = { SourceBucket = var.originals.processed, DestinationBucket = var.replicas.processed, RuleId = var.replication_rule }
      stat        = "Sum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "replication_late" {
  provider = aws.replica
  count    = var.replicas == null ? 0 : 1

  alarm_name          = "${var.name}-replication-late"
  alarm_description   = "Copies in the other region are more than a quarter of an hour behind. Runbook: docs/runbook.md#alarm-replication-late"
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions_replica
  ok_actions          = var.actions_replica

  metric_query {
    id          = "result"
    expression  = "IF(FILL(raw, 0) > 900 OR FILL(processed, 0) > 900, 1, 0)"
    label       = "Late by more than 15 minutes"
    return_data = true
  }

  metric_query {
    id = "raw"

    metric {
      namespace   = "AWS/S3"
      metric_name = "ReplicationLatency"
      dimensions  = { SourceBucket = var.originals.raw, DestinationBucket = var.replicas.raw, RuleId = var.replication_rule }
      stat        = "Maximum"
      period      = 300
    }
  }

  metric_query {
    id = "processed"

    metric {
      namespace   = "AWS/S3"
      metric_name = "ReplicationLatency"
      dimensions  = { SourceBucket = var.originals.processed, DestinationBucket = var.replicas.processed, RuleId = var.replication_rule }
      stat        = "Maximum"
      period      = 300
    }
  }
}
