# What visitors get. CloudFront's and certificates' metrics are in us-east-1, and so must their alarms be.

resource "aws_cloudwatch_metric_alarm" "invalidations_left_out" {
  count = var.invalidates ? 1 : 0

  alarm_name          = "${var.name}-invalidations-left-out"
  alarm_description   = "The CDN was not told of replaced pictures: it may show the old ones for up to a day. Runbook: docs/runbook.md#alarm-invalidations-left-out"
  namespace           = var.metrics_namespace
  metric_name         = "InvalidationsLeftOut"
  dimensions          = { service = var.metrics_service }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

resource "aws_cloudwatch_metric_alarm" "removals_still_served" {
  alarm_name          = "${var.name}-removals-still-served"
  alarm_description   = "The CDN may show pictures that were removed, until it is told to forget everything. Runbook: docs/runbook.md#alarm-removals-still-served"
  namespace           = var.metrics_namespace
  metric_name         = "RemovalsStillServed"
  dimensions          = { service = var.metrics_service }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions
  ok_actions          = var.actions
}

# A bucket that CloudFront may no longer read shows as 4xx. Half of all requests for a quarter of an hour are no mistyped links.
resource "aws_cloudwatch_metric_alarm" "cdn_errors" {
  provider = aws.us_east_1

  alarm_name          = "${var.name}-cdn-errors"
  alarm_description   = "CloudFront answers more than 5 % of requests with 5xx, or more than half with 4xx. Runbook: docs/runbook.md#alarm-cdn-errors"
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.actions_us_east_1
  ok_actions          = var.actions_us_east_1

  metric_query {
    id          = "result"
    expression  = "IF(FILL(requests, 0) > 100 AND (FILL(errors_5xx, 0) > 5 OR FILL(errors_4xx, 0) > 50), 1, 0)"
    label       = "Too many errors"
    return_data = true
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/CloudFront"
      metric_name = "Requests"
      dimensions  = { DistributionId = var.distribution_id, Region = "Global" }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "errors_5xx"

    metric {
      namespace   = "AWS/CloudFront"
      metric_name = "5xxErrorRate"
      dimensions  = { DistributionId = var.distribution_id, Region = "Global" }
      stat        = "Average"
      period      = 300
    }
  }

  metric_query {
    id = "errors_4xx"

    metric {
      namespace   = "AWS/CloudFront"
      metric_name = "4xxErrorRate"
      dimensions  = { DistributionId = var.distribution_id, Region = "Global" }
      stat        = "Average"
      period      = 300
    }
  }
}

# ACM renews its own 60 days before; imported ones are the owner's. Of one that has ended there is no metric: the alarm stays.
resource "aws_cloudwatch_metric_alarm" "certificate" {
  provider = aws.us_east_1
  count    = var.certified ? 1 : 0

  alarm_name          = "${var.name}-certificate"
  alarm_description   = "The certificate of the domain ends within 30 days: it was not renewed. Runbook: docs/runbook.md#alarm-certificate"
  namespace           = "AWS/CertificateManager"
  metric_name         = "DaysToExpiry"
  dimensions          = { CertificateArn = var.certificate_arn }
  statistic           = "Minimum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 30
  treat_missing_data  = "ignore"
  alarm_actions       = var.actions_us_east_1
  ok_actions          = var.actions_us_east_1
}
