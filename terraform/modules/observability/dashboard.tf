locals {
  # Metrics that the function writes into its log, all under one dimension.
  own = { for name in ["ImagesProcessed", "ImagesRejected", "ImagesRemoved", "ImagesUnchanged", "ImagesFailed", "ImagesEnded", "InvalidationsLeftOut", "RemovalsStillServed", "ProcessingTime", "BytesIn", "BytesOut", "CompressionSavings"] :
    name => [var.metrics_namespace, name, "service", var.metrics_service]
  }

  widgets = [
    {
      title  = "Pictures"
      region = var.region
      stat   = "Sum"
      metrics = [
        local.own["ImagesProcessed"], local.own["ImagesRejected"], local.own["ImagesRemoved"], local.own["ImagesUnchanged"],
        local.own["ImagesFailed"], local.own["ImagesEnded"], local.own["InvalidationsLeftOut"], local.own["RemovalsStillServed"],
      ]
    },
    {
      title   = "Time per picture (ms)"
      region  = var.region
      stat    = "p95"
      metrics = [local.own["ProcessingTime"], concat(local.own["ProcessingTime"], [{ stat = "p50" }])]
    },
    {
      title   = "Bytes in and out"
      region  = var.region
      stat    = "Sum"
      metrics = [local.own["BytesIn"], local.own["BytesOut"]]
    },
    {
      title   = "Saved by WebP (%)"
      region  = var.region
      stat    = "Average"
      metrics = [local.own["CompressionSavings"]]
    },
    {
      title  = "Queue"
      region = var.region
      stat   = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", var.queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dead_letter_queue_name],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.queue_name, { yAxis = "right" }],
      ]
    },
    {
      title  = "Function"
      region = var.region
      stat   = "Sum"
      metrics = [
        ["AWS/Lambda", "Invocations", "FunctionName", var.function_name],
        ["AWS/Lambda", "Errors", "FunctionName", var.function_name],
        ["AWS/Lambda", "Throttles", "FunctionName", var.function_name],
        ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", var.function_name, { stat = "Maximum", yAxis = "right" }],
      ]
    },
    {
      title  = "CloudFront"
      region = "us-east-1"
      stat   = "Sum"
      metrics = [
        ["AWS/CloudFront", "Requests", "Region", "Global", "DistributionId", var.distribution_id],
        ["AWS/CloudFront", "BytesDownloaded", "Region", "Global", "DistributionId", var.distribution_id, { yAxis = "right" }],
      ]
    },
    {
      title  = "CloudFront errors (%)"
      region = "us-east-1"
      stat   = "Average"
      metrics = [
        ["AWS/CloudFront", "4xxErrorRate", "Region", "Global", "DistributionId", var.distribution_id],
        ["AWS/CloudFront", "5xxErrorRate", "Region", "Global", "DistributionId", var.distribution_id],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "pipeline" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = merge(widget, {
          view   = "timeSeries"
          period = 300
        })
      }
    ]
  })
}
