# CloudFront in front of the processed bucket, which only this distribution may read.

resource "aws_cloudfront_origin_access_control" "processed" {
  name                              = "${var.name}-processed"
  description                       = "Signs the distribution's reads of the processed bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_function" "negotiate" {
  name    = local.function_names.negotiate
  comment = "Answers AVIF, WebP or JPEG by Accept"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = var.edge_function_code

  lifecycle {
    precondition {
      condition     = max(length(var.edge_function_code), length(coalesce(var.edge_function_code_after, " "))) <= 10240
      error_message = "The edge function is ${max(length(var.edge_function_code), length(coalesce(var.edge_function_code_after, " ")))} bytes long, CloudFront takes 10240: drop widths, formats or sizes from the recipe, or shorten its key templates. Each width takes some 35 bytes a format, whether it is in served_sizes or not. Keys of earlier recipes count for as long as they are served: finish their backfill first (img-pipeline backfill), and wait until recipe_grace_days are over or shorten them."
    }
  }
}

# The key is the rewritten path alone. Compression is left out of it: these formats are compressed already. No copy
# lasts for more than a day: what was removed is gone then, even if CloudFront could not be told.
resource "aws_cloudfront_cache_policy" "pictures" {
  name        = "${var.name}-pictures"
  comment     = "By path alone; the objects' Cache-Control decides between 0 s and a day"
  min_ttl     = 0
  default_ttl = 86400
  max_ttl     = 86400

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = false
    enable_accept_encoding_gzip   = false

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "pictures" {
  name    = "${var.name}-pictures"
  comment = "Pictures: usable from any site, never a document"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = false
      preload                    = false
      override                   = true
    }

    content_type_options {
      override = true
    }

    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox"
      override                = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Resource-Policy"
      value    = "cross-origin"
      override = true
    }

    # For caches between CloudFront and the browser: one URL has several answers. A cors_config would have CloudFront
    # decide on Vary by itself and drop ours, and CORS headers are refused here: the function `share` sets them.
    items {
      header   = "Vary"
      value    = length(setsubtract(var.cors_origins, ["*"])) > 0 ? "Accept, Origin" : "Accept"
      override = true
    }
  }

  # What the pipeline and S3 note on objects is nobody else's business.
  remove_headers_config {
    dynamic "items" {
      for_each = local.removed_headers

      content {
        header = items.value
      }
    }
  }
}

# A picture that is not there is answered with this object, as 404. No key template ends like it.
resource "aws_s3_object" "missing" {
  bucket        = var.processed_bucket_name
  key           = local.missing_key
  content       = var.missing_picture == null ? "Not found\n" : null
  source        = var.missing_picture
  source_hash   = var.missing_picture == null ? null : filemd5(var.missing_picture)
  content_type  = local.missing_content_type
  cache_control = "public, max-age=1"

  # Only what is stored after the rules are in force is replicated.
  depends_on = [var.replica_bucket_domain]
}

locals {
  function_names = { negotiate = "${var.name}-negotiate", share = "${var.name}-share" }

  missing_key = "_missing/picture"
  missing_content_type = var.missing_picture == null ? "text/plain; charset=utf-8" : lookup({
    avif = "image/avif", gif = "image/gif", jpeg = "image/jpeg", jpg = "image/jpeg", png = "image/png", webp = "image/webp"
  }, lower(reverse(split(".", var.missing_picture))[0]), "image/png")

  # S3 answers 403 only where its policy is not in place. A 403 that means something must stay one: signatures, the web
  # ACL and countries answer with it as well.
  refuses = length(var.signing_public_keys) > 0 || var.rate_limit_per_ip != null || length(var.allowed_countries) + length(var.blocked_countries) > 0

  # CloudFront's own is three times ten seconds, for every request that comes while a region is away.
  patience = var.replica_bucket_domain == null ? { attempts = 3, seconds = 10 } : { attempts = 2, seconds = 3 }

  removed_headers = [
    "x-amz-meta-source", "x-amz-server-side-encryption", "x-amz-version-id", "x-amz-request-id", "x-amz-id-2",
    "x-amz-replication-status", "x-amz-tagging-count", "Server",
  ]
}

resource "aws_cloudfront_distribution" "pictures" {
  comment         = "${var.name} pictures"
  aliases         = var.domain[*].name
  enabled         = true
  http_version    = "http2and3"
  is_ipv6_enabled = var.ipv6
  price_class     = var.price_class
  web_acl_id      = one(aws_wafv2_web_acl.pictures[*].arn)

  # No recipe can make this key. It keeps "/" from listing the bucket even where no function runs.
  default_root_object = "index.html"

  origin {
    origin_id                = "processed"
    domain_name              = var.processed_bucket_domain
    origin_access_control_id = aws_cloudfront_origin_access_control.processed.id
    connection_attempts      = local.patience.attempts
    connection_timeout       = local.patience.seconds
  }

  dynamic "origin" {
    for_each = var.replica_bucket_domain[*]

    content {
      origin_id                = "replica"
      domain_name              = origin.value
      origin_access_control_id = aws_cloudfront_origin_access_control.processed.id
      connection_attempts      = local.patience.attempts
      connection_timeout       = local.patience.seconds
    }
  }

  # A region in trouble answers 5xx or not at all, which counts as 504. A 404 is an answer: the replica is late by seconds
  # to minutes, so asking it would bring removed pictures back. A 403 means that a policy is wrong, and must be seen.
  dynamic "origin_group" {
    for_each = var.replica_bucket_domain[*]

    content {
      origin_id = "either"

      failover_criteria {
        status_codes = [500, 502, 503, 504]
      }

      member {
        origin_id = "processed"
      }

      member {
        origin_id = "replica"
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = var.replica_bucket_domain == null ? "processed" : "either"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.pictures.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.pictures.id
    trusted_key_groups         = aws_cloudfront_key_group.signers[*].id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.negotiate.arn
    }

    dynamic "function_association" {
      for_each = aws_cloudfront_function.share[*].arn

      content {
        event_type   = "viewer-response"
        function_arn = function_association.value
      }
    }
  }

  # A picture that is asked for before it is made must not stay missing.
  custom_error_response {
    error_code            = 404
    response_code         = 404
    response_page_path    = "/${local.missing_key}"
    error_caching_min_ttl = 1
  }

  custom_error_response {
    error_code            = 403
    response_code         = local.refuses ? null : 404
    response_page_path    = local.refuses ? null : "/${local.missing_key}"
    error_caching_min_ttl = 1
  }

  restrictions {
    geo_restriction {
      restriction_type = length(var.allowed_countries) > 0 ? "whitelist" : length(var.blocked_countries) > 0 ? "blacklist" : "none"
      locations        = setunion(var.allowed_countries, var.blocked_countries)
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = local.certificate_arn
    minimum_protocol_version       = var.domain == null ? null : "TLSv1.2_2021"
    ssl_support_method             = var.domain == null ? null : "sni-only"
  }

  depends_on = [aws_s3_object.missing]
}
