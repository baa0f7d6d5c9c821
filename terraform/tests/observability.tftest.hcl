# Who is told, and of what.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                   = "img-pipeline-dev"
  account_id             = "123456789012"
  region                 = "eu-central-1"
  alarm_email            = null
  oldest_message_seconds = 900
  queue_name             = "ingest"
  dead_letter_queue_name = "dead-letters"
  function_name          = "processor"
  distribution_id        = "EMOCKED"
  metrics_namespace      = "ImgPipeline"
  metrics_service        = "img-pipeline"
}

run "observability" {
  module {
    source = "./modules/observability"
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.oldest_message,
        aws_cloudwatch_metric_alarm.function_errors, aws_cloudwatch_metric_alarm.function_throttles,
        aws_cloudwatch_metric_alarm.runaway,
      ] : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "Every alarm must reach the topic, and an idle pipeline must not raise one."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_letters.dimensions == tomap({ QueueName = "dead-letters" }) &&
      aws_cloudwatch_metric_alarm.dead_letters.comparison_operator == "GreaterThanThreshold" &&
      aws_cloudwatch_metric_alarm.dead_letters.threshold == 0
    )
    error_message = "One dead letter is one too many."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.oldest_message.metric_name == "ApproximateAgeOfOldestMessage" &&
      aws_cloudwatch_metric_alarm.oldest_message.dimensions == tomap({ QueueName = "ingest" }) &&
      aws_cloudwatch_metric_alarm.oldest_message.threshold == 900
    )
    error_message = "Pictures that wait too long must be noticed."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.runaway.threshold == 10 &&
      sort([for query in aws_cloudwatch_metric_alarm.runaway.metric_query : query.metric[0].metric_name if length(query.metric) > 0]) ==
      tolist(["ImagesProcessed", "ImagesRejected", "ImagesRemoved", "ImagesUnchanged", "Invocations"]) &&
      alltrue([
        for query in aws_cloudwatch_metric_alarm.runaway.metric_query :
        strcontains(one([for each in aws_cloudwatch_metric_alarm.runaway.metric_query : each.expression if each.id == "ratio"]), query.id) if query.id != "ratio"
      ])
    )
    error_message = "Invocations that go far beyond the pictures that end must be noticed."
  }

  assert {
    condition = [for alarm in [aws_cloudwatch_metric_alarm.function_errors, aws_cloudwatch_metric_alarm.function_throttles] : [alarm.metric_name, alarm.dimensions.FunctionName, alarm.threshold]] == [
      ["Errors", "processor", 0], ["Throttles", "processor", 0],
    ]
    error_message = "The function's errors and throttles must be noticed."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Nobody is written to unless an address is given."
  }

  assert {
    condition = length(setsubtract(
      ["ImagesProcessed", "ImagesRejected", "ImagesRemoved", "ImagesUnchanged", "ImagesFailed", "ProcessingTime", "BytesIn", "BytesOut", "CompressionSavings"],
      [for metric in flatten([for widget in jsondecode(aws_cloudwatch_dashboard.pipeline.dashboard_body).widgets : [for metric in widget.properties.metrics : metric[1] if metric[0] == "ImgPipeline"]]) : metric],
    )) == 0
    error_message = "The dashboard must show every metric that the function writes."
  }

  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.pipeline.dashboard_body).widgets :
      (widget.properties.metrics[0][0] == "AWS/CloudFront") == (widget.properties.region == "us-east-1")
    ])
    error_message = "CloudFront's metrics are in us-east-1, all others where the stack is."
  }
}

run "an_address_is_subscribed" {
  command = plan

  module {
    source = "./modules/observability"
  }

  variables {
    alarm_email = "somebody@example.org"
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].protocol == "email" && aws_sns_topic_subscription.email[0].endpoint == "somebody@example.org"
    error_message = "Alarms must go to the address."
  }
}
