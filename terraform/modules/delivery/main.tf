# CloudFront in front of the processed bucket, which only this distribution may read.

resource "aws_cloudfront_origin_access_control" "processed" {
  name                              = "${var.name}-processed"
  description                       = "Signs the distribution's reads of the processed bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_function" "negotiate" {
  name    = "${var.name}-negotiate"
  comment = "Answers AVIF, WebP or JPEG by Accept"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = var.edge_function_code

  lifecycle {
    precondition {
      condition     = length(var.edge_function_code) <= 10240
      error_message = "The edge function is ${length(var.edge_function_code)} bytes long, CloudFront takes 10240: shorten the recipe's key templates, or serve fewer sizes with served_sizes."
    }
  }
}

# The key is the rewritten path alone. Compression is left out of it: these formats are compressed already.
resource "aws_cloudfront_cache_policy" "pictures" {
  name        = "${var.name}-pictures"
  comment     = "By path alone; the objects' Cache-Control decides between 0 s and a year"
  min_ttl     = 0
  default_ttl = 86400
  max_ttl     = 31536000

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

    # For caches between CloudFront and the browser: one URL has several answers.
    items {
      header   = "Vary"
      value    = "Accept"
      override = true
    }
  }

  # What the pipeline notes on its objects is nobody else's business.
  remove_headers_config {
    items {
      header = "x-amz-meta-source"
    }
  }
}

resource "aws_cloudfront_distribution" "pictures" {
  comment         = "${var.name} pictures"
  enabled         = true
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.price_class

  # No recipe can make this key. It keeps "/" from listing the bucket even where no function runs.
  default_root_object = "index.html"

  origin {
    origin_id                = "processed"
    domain_name              = var.processed_bucket_domain
    origin_access_control_id = aws_cloudfront_origin_access_control.processed.id
  }

  default_cache_behavior {
    target_origin_id           = "processed"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.pictures.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.pictures.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.negotiate.arn
    }
  }

  # A picture that is asked for before it is made must not stay missing.
  dynamic "custom_error_response" {
    for_each = [403, 404]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 1
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}
