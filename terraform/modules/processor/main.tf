# The function: a container image, published as a version, called through the alias `live`.

locals {
  metrics_namespace = "ImgPipeline"
  metrics_service   = "img-pipeline"
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
    variables = {
      RAW_BUCKET                   = var.raw_bucket_name
      PROCESSED_BUCKET             = var.processed_bucket_name
      TABLE_NAME                   = var.table_name
      EVENT_BUS_NAME               = var.event_bus_name
      QUEUE_URL                    = var.queue_url
      CDN_DOMAIN                   = var.cdn_domain
      DISTRIBUTION_ID              = var.distribution_id
      INVALIDATION_PATHS_PER_MONTH = var.invalidation_paths_per_month
      RECIPE                       = var.recipe_json
      LEASE_SECONDS                = var.lease_seconds
      MAX_OBJECT_BYTES             = var.max_object_bytes
      MAX_PIXELS                   = var.max_pixels
      MAX_ICC_BYTES                = var.max_icc_bytes
      MAX_METADATA_BYTES           = var.max_metadata_bytes
      MAX_SIDE                     = var.max_side
      MAX_ALPHA_PIXELS             = var.max_alpha_pixels
      MAX_FRAMES                   = var.max_frames
      MAX_TOTAL_PIXELS             = var.max_total_pixels
      MAX_ANIMATION_PIXELS         = var.max_animation_pixels
      MAX_FRAME_PIXELS             = var.max_frame_pixels
      MAX_DURATION_SECONDS         = var.max_duration_seconds
      MAX_DECODE_SECONDS           = var.max_decode_seconds
      POWERTOOLS_SERVICE_NAME      = local.metrics_service
      POWERTOOLS_METRICS_NAMESPACE = local.metrics_namespace
      POWERTOOLS_LOG_LEVEL         = var.log_level
    }
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = var.max_decode_seconds + 10 <= var.timeout_seconds
      error_message = "max_decode_seconds must end at least 10 s before timeout_seconds: lower the one or raise the other, or a slow picture would take the function down with it."
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
