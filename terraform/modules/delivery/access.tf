# Who may see the pictures: everybody, unless one of these is asked for.

locals {
  # With one line break at the end, as CloudFront gives them back.
  signers = { for name, key in var.signing_public_keys : name => "${trimspace(key)}\n" }
}

# Holders of a private key sign URLs or cookies; CloudFront checks them with these. No key can be deleted while its group
# holds it: one that takes another's place is made first, for which it needs a name of its own.
resource "aws_cloudfront_public_key" "signer" {
  for_each = local.signers

  name        = "${var.name}-${each.key}-${substr(sha256(each.value), 0, 8)}"
  comment     = "Signs URLs and cookies of ${var.name}"
  encoded_key = each.value

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudfront_key_group" "signers" {
  count = length(var.signing_public_keys) > 0 ? 1 : 0

  name    = "${var.name}-signers"
  comment = "Whoever may sign URLs and cookies of ${var.name}"
  items   = [for key in aws_cloudfront_public_key.signer : key.id]
}

resource "aws_wafv2_web_acl" "pictures" {
  provider = aws.us_east_1
  count    = var.rate_limit_per_ip == null ? 0 : 1

  name        = "${var.name}-pictures"
  description = "Blocks addresses that ask for too many pictures"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  rule {
    name     = "rate-per-address"
    priority = 0

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = var.rate_limit_per_ip
        aggregate_key_type    = "IP"
        evaluation_window_sec = 300
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate-per-address"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-pictures"
    sampled_requests_enabled   = true
  }
}

# Answers each origin with its own name. One that is not named gets no header, and its scripts no pixels.
resource "aws_cloudfront_function" "share" {
  count = length(var.cors_origins) > 0 ? 1 : 0

  name    = local.function_names.share
  comment = "Names the origin that may read a picture"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = local.share_code
}

locals {
  share_code = templatefile("${path.module}/share_function.js.tftpl", { origins = jsonencode(var.cors_origins) })
}
