# CloudFront: who may read the bucket, how long answers are kept, what they carry.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

variables {
  name                        = "img-pipeline-dev"
  processed_bucket_name       = "processed"
  processed_bucket_arn        = "arn:aws:s3:::processed"
  processed_bucket_domain     = "processed.s3.eu-central-1.amazonaws.com"
  processed_tls_only_document = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  edge_function_code          = "function handler(event) { return event.request; }"
  price_class                 = "PriceClass_100"
}

run "delivery" {
  module {
    source = "./modules/delivery"
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.processed.statement :
      one(statement.principals).identifiers == toset(["cloudfront.amazonaws.com"]) &&
      one(statement.condition).test == "StringEquals" && one(statement.condition).variable == "aws:SourceArn" &&
      one(statement.condition).values == tolist([aws_cloudfront_distribution.pictures.arn])
    ])
    error_message = "The bucket must be open to this one distribution, by its exact ARN."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.processed.statement : one(statement.actions) => one(statement.resources) } == {
      "s3:GetObject"  = "arn:aws:s3:::processed/*"
      "s3:ListBucket" = "arn:aws:s3:::processed"
    }
    error_message = "The distribution may read objects and see what is missing, nothing else."
  }

  assert {
    condition     = data.aws_iam_policy_document.processed.source_policy_documents == tolist([var.processed_tls_only_document])
    error_message = "The bucket's policy must refuse plain HTTP as well."
  }

  assert {
    condition     = one(aws_cloudfront_distribution.pictures.origin).origin_access_control_id == aws_cloudfront_origin_access_control.processed.id && aws_cloudfront_origin_access_control.processed.signing_behavior == "always"
    error_message = "Reads of the bucket must be signed."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https" && aws_cloudfront_distribution.pictures.default_cache_behavior[0].allowed_methods == toset(["GET", "HEAD"])
    error_message = "Pictures must be read only, over HTTPS."
  }

  assert {
    condition     = [aws_cloudfront_cache_policy.pictures.min_ttl, aws_cloudfront_cache_policy.pictures.default_ttl, aws_cloudfront_cache_policy.pictures.max_ttl] == [0, 86400, 31536000]
    error_message = "Answers must be kept for a day by default and a year at most."
  }

  assert {
    condition = alltrue([
      for parameters in aws_cloudfront_cache_policy.pictures.parameters_in_cache_key_and_forwarded_to_origin :
      parameters.cookies_config[0].cookie_behavior == "none" && parameters.headers_config[0].header_behavior == "none" &&
      parameters.query_strings_config[0].query_string_behavior == "none"
    ])
    error_message = "The cache key must be the path alone, or a query string lists the bucket and empties the cache."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.price_class == "PriceClass_100" && aws_cloudfront_distribution.pictures.http_version == "http2and3" && aws_cloudfront_distribution.pictures.is_ipv6_enabled
    error_message = "The distribution must have the price class asked for, HTTP/3 and IPv6."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.default_root_object == "index.html"
    error_message = "The root must name an object, or the bucket's listing would answer where no function runs."
  }

  assert {
    condition     = { for response in aws_cloudfront_distribution.pictures.custom_error_response : tostring(response.error_code) => response.error_caching_min_ttl } == { "403" = 1, "404" = 1 }
    error_message = "A missing picture must not stay missing for longer than a second."
  }

  assert {
    condition     = one(aws_cloudfront_distribution.pictures.default_cache_behavior[0].function_association).event_type == "viewer-request"
    error_message = "The function must run before the cache, or one client's format would be everybody's."
  }

  assert {
    condition = (
      one(aws_cloudfront_response_headers_policy.pictures.security_headers_config[0].strict_transport_security).access_control_max_age_sec == 31536000 &&
      !one(aws_cloudfront_response_headers_policy.pictures.security_headers_config[0].strict_transport_security).include_subdomains &&
      !one(aws_cloudfront_response_headers_policy.pictures.security_headers_config[0].strict_transport_security).preload &&
      one(aws_cloudfront_response_headers_policy.pictures.security_headers_config[0].content_type_options).override &&
      one(aws_cloudfront_response_headers_policy.pictures.security_headers_config[0].content_security_policy).content_security_policy == "default-src 'none'; sandbox"
    )
    error_message = "Pictures must never be taken for documents, and HTTPS is for this host only."
  }

  assert {
    condition = { for header in one(aws_cloudfront_response_headers_policy.pictures.custom_headers_config).items : header.header => header.value } == {
      "Cross-Origin-Resource-Policy" = "cross-origin"
      "Vary"                         = "Accept"
    }
    error_message = "Any site may show the pictures, and caches must know that answers depend on Accept."
  }

  assert {
    condition     = one(one(aws_cloudfront_response_headers_policy.pictures.remove_headers_config).items).header == "x-amz-meta-source"
    error_message = "What the pipeline notes on its objects must not reach viewers."
  }
}

run "rejects_an_edge_function_that_cloudfront_would_not_take" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  variables {
    edge_function_code = format("%10241s", "x")
  }

  expect_failures = [aws_cloudfront_function.negotiate]
}
