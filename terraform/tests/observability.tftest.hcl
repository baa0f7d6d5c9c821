# The dashboard, who is told, and what every plan warns of. When each alarm goes off is tried by tests/unit/test_alarms.py.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

variables {
  environment = "dev"
  image_uri   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/img-pipeline-dev@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  on_call     = "arn:aws:sns:eu-central-1:123456789012:on-call"
}

run "observability" {
  module {
    source = "./modules/observability"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
    aws.replica   = aws.replica
  }

  variables {
    name                   = "img-pipeline-dev"
    region                 = "eu-central-1"
    actions                = ["arn:aws:sns:eu-central-1:123456789012:here"]
    actions_us_east_1      = ["arn:aws:sns:us-east-1:123456789012:there"]
    oldest_message_seconds = 900
    queue_name             = "ingest"
    dead_letter_queue_name = "dead-letters"
    function_name          = "processor"
    table_name             = "records"
    state_machine_arn      = "arn:aws:states:eu-central-1:123456789012:stateMachine:backfill"
    distribution_id        = "EMOCKED"
    metrics_namespace      = "img-pipeline-dev"
    metrics_service        = "img-pipeline-dev"
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.oldest_message, aws_cloudwatch_metric_alarm.silence,
        aws_cloudwatch_metric_alarm.function_errors, aws_cloudwatch_metric_alarm.function_throttles, aws_cloudwatch_metric_alarm.runaway,
        aws_cloudwatch_metric_alarm.failed_share, aws_cloudwatch_metric_alarm.rejected_share, aws_cloudwatch_metric_alarm.table,
        aws_cloudwatch_metric_alarm.backfill, aws_cloudwatch_metric_alarm.invalidations_left_out[0], aws_cloudwatch_metric_alarm.removals_still_served,
      ] : alarm.alarm_actions == toset(var.actions) && alarm.ok_actions == toset(var.actions) && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "Every alarm must tell when it begins and when it ends, and an idle pipeline must not raise one."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.cdn_errors.alarm_actions == toset(var.actions_us_east_1)
    error_message = "CloudFront's alarm is in us-east-1 and can tell topics of that region only."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_letters.dimensions == tomap({ QueueName = "dead-letters" }) &&
      aws_cloudwatch_metric_alarm.oldest_message.dimensions == tomap({ QueueName = "ingest" }) &&
      aws_cloudwatch_metric_alarm.oldest_message.threshold == 900 &&
      aws_cloudwatch_metric_alarm.function_errors.dimensions == tomap({ FunctionName = "processor" }) &&
      one([for query in aws_cloudwatch_metric_alarm.silence.metric_query : query.metric[0].dimensions if query.id == "ended"]) == tomap({ service = "img-pipeline-dev" }) &&
      one([for query in aws_cloudwatch_metric_alarm.backfill.metric_query : query.metric[0].dimensions if query.id == "failed"]) == tomap({ StateMachineArn = var.state_machine_arn }) &&
      one([for query in aws_cloudwatch_metric_alarm.cdn_errors.metric_query : query.metric[0].dimensions if query.id == "requests"]) == tomap({ DistributionId = "EMOCKED", Region = "Global" })
    )
    error_message = "Every alarm must look at this stack's own queue, function, metrics, state machine and distribution."
  }

  assert {
    condition = length(setsubtract(
      ["ImagesProcessed", "ImagesRejected", "ImagesRemoved", "ImagesUnchanged", "ImagesFailed", "ProcessingTime", "BytesIn", "BytesOut", "CompressionSavings", "ImagesEnded", "InvalidationsLeftOut", "RemovalsStillServed"],
      [for metric in flatten([for widget in jsondecode(aws_cloudwatch_dashboard.pipeline.dashboard_body).widgets : [for metric in widget.properties.metrics : metric[1] if metric[0] == "img-pipeline-dev"]]) : metric],
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

run "nobody_is_told_of_what_is_never_invalidated" {
  command = plan

  variables {
    invalidation_paths_per_month = 0
  }

  assert {
    condition     = length(module.receivers_us_east_1) == 1 && length(module.receivers_replica) == 0 && length(module.canary) == 0
    error_message = "CloudFront's alarms need a topic in us-east-1, and nothing else is made that was not asked for."
  }
}

run "one_region_has_one_topic" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "us-east-1" }
  }

  variables {
    replica_region  = "eu-west-1"
    alarm_receivers = ["somebody@example.org"]
  }

  assert {
    condition     = length(module.receivers_us_east_1) == 0 && length(module.receivers_replica) == 1
    error_message = "A stack in us-east-1 has CloudFront's alarms where its own are."
  }
}

run "copies_in_us_east_1" {
  command = plan

  variables {
    replica_region  = "us-east-1"
    alarm_receivers = ["somebody@example.org"]
  }

  assert {
    condition     = length(module.receivers_us_east_1) == 1 && length(module.receivers_replica) == 0
    error_message = "Copies in us-east-1 have their alarm where CloudFront's are."
  }
}

run "receivers" {
  module {
    source = "./modules/receivers"
  }

  variables {
    name       = "img-pipeline-dev"
    account_id = "123456789012"
    region     = "eu-central-1"
    receivers  = ["a@example.org", "b@example.org", "https://pager.example/integration/key", "arn:aws:sns:eu-central-1:123456789012:on-call", "arn:aws:sns:us-east-1:123456789012:on-call"]
  }

  assert {
    condition = (
      { for subscription in aws_sns_topic_subscription.email : subscription.endpoint => subscription.protocol } == { "a@example.org" = "email", "b@example.org" = "email" } &&
      { for subscription in aws_sns_topic_subscription.url : subscription.endpoint => subscription.protocol } == { "https://pager.example/integration/key" = "https" }
    )
    error_message = "Addresses and pagers must be subscribed to the topic."
  }

  assert {
    condition     = output.actions == [aws_sns_topic.alarms.arn, "arn:aws:sns:eu-central-1:123456789012:on-call"] && output.reached
    error_message = "A topic of this region is told directly; one of another region cannot be."
  }

  assert {
    condition = (
      one(data.aws_iam_policy_document.alarms.statement[0].principals).identifiers == toset(["cloudwatch.amazonaws.com"]) &&
      one(data.aws_iam_policy_document.alarms.statement[0].condition).values == tolist(["123456789012"])
    )
    error_message = "Only this account's alarms may use the topic."
  }
}

run "alarm_email_is_one_of_the_receivers" {
  command = plan

  variables {
    environment     = "prod"
    alarm_email     = "somebody@example.org"
    alarm_receivers = ["else@example.org"]
  }

  assert {
    condition     = local.receivers == toset(["somebody@example.org", "else@example.org"])
    error_message = "Both must be told."
  }
}

run "production_that_tells_nobody_is_spoken_of_at_every_plan" {
  command = plan

  variables {
    environment = "prod"
  }

  expect_failures = [check.somebody_is_told]
}

run "alarms_that_reach_nobody_in_their_region_are_spoken_of" {
  command = plan

  variables {
    alarm_receivers = [var.on_call]
  }

  expect_failures = [check.somebody_is_told]
}

run "canary" {
  module {
    source = "./modules/canary"
  }

  variables {
    name        = "img-pipeline-dev-canary"
    partition   = "aws"
    account_id  = "123456789012"
    bucket_name = "raw"
    bucket_arn  = "arn:aws:s3:::raw"
    key         = "_canary/canary.png"
    minutes     = 15
  }

  assert {
    condition = (
      aws_scheduler_schedule.canary.schedule_expression == "rate(15 minutes)" &&
      one(aws_scheduler_schedule.canary.target).arn == "arn:aws:scheduler:::aws-sdk:s3:copyObject" &&
      one(aws_scheduler_schedule.canary.target).role_arn == aws_iam_role.canary.arn
    )
    error_message = "The schedule must have S3 copy the picture, as its own role."
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.canary.statement : [sort(statement.actions), one(statement.resources)]] == [
      [tolist(["s3:GetObject", "s3:PutObject"]), "arn:aws:s3:::raw/_canary/canary.png"]
    ]
    error_message = "The role may read and write this one picture, nothing else."
  }

  assert {
    condition = (
      one(data.aws_iam_policy_document.assume.statement[0].principals).identifiers == toset(["scheduler.amazonaws.com"]) &&
      one(data.aws_iam_policy_document.assume.statement[0].condition).values == tolist(["123456789012"])
    )
    error_message = "Only this account's schedules may take the role."
  }
}
