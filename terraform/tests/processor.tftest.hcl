# The function, and what its role may do. An emulator does not check all of the latter, so it is pinned here.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                       = "img-pipeline-dev-processor"
  stack                      = "img-pipeline-dev"
  partition                  = "aws"
  account_id                 = "123456789012"
  region                     = "eu-central-1"
  image_uri                  = "repository@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  architecture               = "arm64"
  memory_mb                  = 2048
  timeout_seconds            = 300
  lease_seconds              = 330
  visibility_timeout_seconds = 1800
  log_level                  = "INFO"
  log_retention_days         = 30
  tracing                    = false
  recipe_json                = "{}"
  limits = {
    MAX_OBJECT_BYTES     = 1000
    MAX_PIXELS           = 80000000
    MAX_ICC_BYTES        = 8388608
    MAX_METADATA_BYTES   = 16777216
    MAX_SIDE             = 65535
    MAX_ALPHA_PIXELS     = 50000000
    MAX_FRAMES           = 1000
    MAX_TOTAL_PIXELS     = 1000000000
    MAX_ANIMATION_PIXELS = 200000000
    MAX_FRAME_PIXELS     = 10000000
    MAX_DURATION_SECONDS = 600
    MAX_DECODE_SECONDS   = 80
  }
  raw_bucket_name       = "raw"
  raw_bucket_arn        = "arn:aws:s3:::raw"
  processed_bucket_name = "processed"
  processed_bucket_arn  = "arn:aws:s3:::processed"
  table_name            = "records"
  table_arn             = "arn:aws:dynamodb:eu-central-1:123456789012:table/records"
  event_bus_name        = "bus"
  event_bus_arn         = "arn:aws:events:eu-central-1:123456789012:event-bus/bus"
  queue_url             = "https://sqs.eu-central-1.amazonaws.com/123456789012/queue"
  queue_arn             = "arn:aws:sqs:eu-central-1:123456789012:queue"
  cdn_domain            = "pictures.example.org"
  distribution_id       = "EDIST"
  distribution_arn      = "arn:aws:cloudfront::123456789012:distribution/EDIST"

  invalidation_paths_per_month = 500
  removal_paths_per_month      = 700
}

run "processor" {
  module {
    source = "./modules/processor"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.processor.statement : statement.sid => sort(statement.actions) } == {
      ReadUploads       = tolist(["s3:GetObject", "s3:GetObjectVersion"])
      SeeWhatIsMissing  = tolist(["s3:ListBucket"])
      PublishRenditions = tolist(["s3:DeleteObject", "s3:PutObject"])
      KeepRecords       = tolist(["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"])
      Announce          = tolist(["events:PutEvents"])
      Invalidate        = tolist(["cloudfront:CreateInvalidation"])
      RetireRenditions  = tolist(["s3:GetObject", "s3:PutObjectTagging"])

      LeaveTerraformsOwnAlone = tolist(["s3:*"])
      WorkTheQueue            = tolist(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"])
      WriteLog                = tolist(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The role must have exactly these actions."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.processor.statement : statement.sid => join(" ", statement.resources) } == {
      ReadUploads       = "arn:aws:s3:::raw/*"
      SeeWhatIsMissing  = "arn:aws:s3:::raw"
      PublishRenditions = "arn:aws:s3:::processed/*"
      KeepRecords       = "arn:aws:dynamodb:eu-central-1:123456789012:table/records"
      Announce          = "arn:aws:events:eu-central-1:123456789012:event-bus/bus"
      Invalidate        = "arn:aws:cloudfront::123456789012:distribution/EDIST"
      RetireRenditions  = "arn:aws:s3:::processed/*"

      LeaveTerraformsOwnAlone = "arn:aws:s3:::processed/_missing/picture"
      WorkTheQueue            = "arn:aws:sqs:eu-central-1:123456789012:queue"
      WriteLog                = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/img-pipeline-dev-processor:*"
    }
    error_message = "Each action must be on exactly one resource, except what is denied."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.processor.statement : statement.sid if statement.effect == "Deny"][0] == "LeaveTerraformsOwnAlone"
    error_message = "The function must not touch what is Terraform's."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.assume.statement[0].principals).identifiers == toset(["lambda.amazonaws.com"])
    error_message = "Only Lambda may take the role."
  }

  assert {
    condition = aws_lambda_function.processor.environment[0].variables == tomap({
      RAW_BUCKET                   = "raw"
      PROCESSED_BUCKET             = "processed"
      TABLE_NAME                   = "records"
      EVENT_BUS_NAME               = "bus"
      QUEUE_URL                    = "https://sqs.eu-central-1.amazonaws.com/123456789012/queue"
      CDN_DOMAIN                   = "pictures.example.org"
      DISTRIBUTION_ID              = "EDIST"
      INVALIDATION_PATHS_PER_MONTH = "500"
      REMOVAL_PATHS_PER_MONTH      = "700"
      RECIPE                       = "{}"
      RECIPE_GRACE_DAYS            = "30"
      LEASE_SECONDS                = "330"
      MAX_OBJECT_BYTES             = "1000"
      MAX_DECODE_SECONDS           = "80"
      POWERTOOLS_SERVICE_NAME      = "img-pipeline-dev"
      POWERTOOLS_METRICS_NAMESPACE = "img-pipeline-dev"
      POWERTOOLS_LOG_LEVEL         = "INFO"
    })
    error_message = "The function must get the variables that processor/settings.py reads, without the limits that are its defaults."
  }

  assert {
    condition = (
      aws_lambda_function.processor.package_type == "Image" && aws_lambda_function.processor.image_uri == var.image_uri &&
      aws_lambda_function.processor.architectures == tolist(["arm64"]) && aws_lambda_function.processor.publish
    )
    error_message = "The function must be published from the image, for its architecture."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == aws_lambda_function.processor.version
    error_message = "The alias must point at the published version."
  }

  assert {
    condition     = aws_cloudwatch_log_group.processor.name == "/aws/lambda/${aws_lambda_function.processor.function_name}" && aws_cloudwatch_log_group.processor.retention_in_days == 30
    error_message = "The function's log must be the group with the retention."
  }

  assert {
    condition     = aws_lambda_function.processor.tracing_config[0].mode == "PassThrough"
    error_message = "Tracing must be off unless asked for."
  }
}

run "traced" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    tracing = true
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.processor.statement :
      [sort(statement.actions), one(statement.resources)] if statement.sid == "Trace"
    ] == [[tolist(["xray:PutTelemetryRecords", "xray:PutTraceSegments"]), "*"]]
    error_message = "A traced function must be allowed to send traces, and nothing more."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.processor.statement) == 11
    error_message = "Tracing must add one statement to the other ten."
  }

  assert {
    condition     = aws_lambda_function.processor.environment[0].variables.TRACING == "true"
    error_message = "A traced function must note its steps."
  }
}

run "rejects_a_lease_that_outlives_the_messages_invisibility" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    lease_seconds = 1800
  }

  expect_failures = [aws_lambda_function.processor]
}

run "rejects_a_lease_that_ends_before_the_function" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    lease_seconds = 300
  }

  expect_failures = [aws_lambda_function.processor]
}

run "refuses_to_decode_longer_than_the_function_runs" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    timeout_seconds = 89
  }

  expect_failures = [aws_lambda_function.processor]
}

# Lambda measures the names and values as JSON, where every quotation mark of the recipe takes two bytes.
run "refuses_an_environment_that_lambda_would_not_take" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    recipe_json = jsonencode({ sizes = [for number in range(160) : { name = "size-${number}" }] })
  }

  expect_failures = [aws_lambda_function.processor]
}

run "accepts_the_same_recipe_where_it_fits" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    recipe_json = jsonencode({ sizes = [for number in range(110) : { name = "size-${number}" }] })
  }

  assert {
    condition     = length(var.recipe_json) > 2000
    error_message = "The recipe must be large, or this proves nothing."
  }
}

run "retires_renditions" {
  module {
    source = "./modules/processor"
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.processor.statement : [sort(statement.actions), tolist(statement.resources)] if statement.sid == "RetireRenditions"
    ]) == [tolist(["s3:GetObject", "s3:PutObjectTagging"]), tolist(["arn:aws:s3:::processed/*"])]
    error_message = "Renditions, and nothing else, may be read and tagged."
  }
}

run "the_canary_is_known_to_the_function" {
  command = plan

  module {
    source = "./modules/processor"
  }

  variables {
    canary_key = "_canary/canary.png"
  }

  assert {
    condition     = aws_lambda_function.processor.environment[0].variables["CANARY_KEY"] == "_canary/canary.png"
    error_message = "The function must know which picture it counts by itself."
  }
}
