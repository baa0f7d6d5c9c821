# The function: a container image, published as a version, called through the alias `live`.

locals {
  # What processor/limits.py applies by itself: left out, for Lambda takes 4,096 bytes of environment.
  default_limits = {
    MAX_OBJECT_BYTES     = 67108864
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
    MAX_DECODE_SECONDS   = 120
  }

  environment = tomap(merge({
    RAW_BUCKET                   = var.raw_bucket_name
    PROCESSED_BUCKET             = var.processed_bucket_name
    TABLE_NAME                   = var.table_name
    EVENT_BUS_NAME               = var.event_bus_name
    QUEUE_URL                    = var.queue_url
    CDN_DOMAIN                   = var.cdn_domain
    DISTRIBUTION_ID              = var.distribution_id
    INVALIDATION_PATHS_PER_MONTH = var.invalidation_paths_per_month
    REMOVAL_PATHS_PER_MONTH      = var.removal_paths_per_month
    RECIPE                       = var.recipe_json
    RECIPE_GRACE_DAYS            = var.recipe_grace_days
    LEASE_SECONDS                = var.lease_seconds
    POWERTOOLS_SERVICE_NAME      = var.stack
    POWERTOOLS_METRICS_NAMESPACE = var.stack
    POWERTOOLS_LOG_LEVEL         = var.log_level
    }, var.tracing ? { TRACING = "true" } : {}, var.canary_key == null ? {} : { CANARY_KEY = var.canary_key },
  { for name, value in var.limits : name => value if value != local.default_limits[name] }))
}

# Made first, or Lambda would make one that keeps its entries for ever.
resource "aws_cloudwatch_log_group" "processor" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "processor" {
  function_name = var.name
  description   = "Makes every rendition of an uploaded picture"
  role          = aws_iam_role.processor.arn
  package_type  = "Image"
  image_uri     = var.image_uri
  architectures = [var.architecture]
  memory_size   = var.memory_mb
  timeout       = var.timeout_seconds
  publish       = true

  environment {
    variables = local.environment
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = var.limits.MAX_DECODE_SECONDS + 10 <= var.timeout_seconds
      error_message = "max_decode_seconds must end at least 10 s before timeout_seconds: lower the one or raise the other, or a slow picture would take the function down with it."
    }

    # Lambda measures names and values as JSON, in which each quotation mark of the recipe takes two bytes.
    precondition {
      condition     = length(jsonencode(local.environment)) <= 4096
      error_message = "The function's environment takes ${length(jsonencode(local.environment))} bytes and Lambda 4096. The recipe is ${length(jsonencode(var.recipe_json))} of them, each quotation mark counted twice: drop sizes, shorten their names and keys, or leave quality at its default."
    }

    precondition {
      condition     = var.timeout_seconds < var.lease_seconds && var.lease_seconds < var.visibility_timeout_seconds
      error_message = "lease_seconds must lie between the function's timeout and the queue's visibility timeout, or two workers could hold one picture."
    }
  }

  depends_on = [aws_cloudwatch_log_group.processor, aws_iam_role_policy.processor]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What the ingest queue calls"
  function_name    = aws_lambda_function.processor.function_name
  function_version = aws_lambda_function.processor.version
}
