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
  account_id                  = "123456789012"
  force_destroy               = true # or the tests could not clean up
}

run "delivery" {
  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
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
    condition = (
      length(aws_cloudfront_distribution.pictures.origin_group) == 0 &&
      aws_cloudfront_distribution.pictures.default_cache_behavior[0].target_origin_id == "processed" &&
      one(aws_cloudfront_distribution.pictures.origin).connection_attempts == 3 && one(aws_cloudfront_distribution.pictures.origin).connection_timeout == 10
    )
    error_message = "Without another region there is one origin, with CloudFront's own patience."
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
    condition     = [aws_cloudfront_cache_policy.pictures.min_ttl, aws_cloudfront_cache_policy.pictures.default_ttl, aws_cloudfront_cache_policy.pictures.max_ttl] == [0, 86400, 86400]
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
    condition = alltrue([
      for code in [403, 404] : [
        for response in aws_cloudfront_distribution.pictures.custom_error_response :
        [response.error_caching_min_ttl, response.response_code, response.response_page_path] if response.error_code == code
      ] == [[1, 404, "/_missing/picture"]]
    ])
    error_message = "A missing picture must be a short 404, and not stay missing for longer than a second."
  }

  assert {
    condition = (
      aws_s3_object.missing.content == "Not found\n" && aws_s3_object.missing.content_type == "text/plain; charset=utf-8" &&
      aws_s3_object.missing.cache_control == "public, max-age=1"
    )
    error_message = "Without a picture for it, what is missing is a short text."
  }

  assert {
    condition = (
      length(aws_cloudfront_public_key.signer) + length(aws_cloudfront_key_group.signers) + length(aws_wafv2_web_acl.pictures) +
      length(aws_cloudfront_function.share) + length(aws_s3_bucket.logs) + length(aws_cloudwatch_log_delivery.access) +
      length(aws_acm_certificate.pictures) + length(aws_route53_record.pictures) == 0
    )
    error_message = "Nothing that was not asked for may be made."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.viewer_certificate[0].cloudfront_default_certificate && length(aws_cloudfront_distribution.pictures.aliases) == 0
    error_message = "Without a domain, CloudFront's own certificate and name are used."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.restrictions[0].geo_restriction[0].restriction_type == "none"
    error_message = "Pictures are served everywhere unless said otherwise."
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
    condition = length(setsubtract(
      ["x-amz-meta-source", "x-amz-server-side-encryption", "x-amz-version-id", "Server"],
      one(aws_cloudfront_response_headers_policy.pictures.remove_headers_config).items[*].header,
    )) == 0 && length(one(aws_cloudfront_response_headers_policy.pictures.remove_headers_config).items) <= 10
    error_message = "What the pipeline and S3 note on objects must not reach viewers. A policy removes ten headers at most."
  }
}

run "rejects_an_edge_function_that_cloudfront_would_not_take" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    edge_function_code = format("%10241s", "x")
  }

  expect_failures = [aws_cloudfront_function.negotiate]
}

run "private_pictures" {
  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    signing_public_keys = { site = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----" }
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.default_cache_behavior[0].trusted_key_groups == tolist([aws_cloudfront_key_group.signers[0].id])
    error_message = "Every picture must need a signature."
  }

  assert {
    condition     = aws_cloudfront_key_group.signers[0].items == toset([aws_cloudfront_public_key.signer["site"].id])
    error_message = "The keys given must be the ones that are trusted."
  }

  assert {
    condition     = aws_cloudfront_public_key.signer["site"].encoded_key == "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    error_message = "A key must end with one line break, as CloudFront gives it back, or every plan would replace it."
  }

  assert {
    condition     = aws_cloudfront_public_key.signer["site"].name == "img-pipeline-dev-site-${substr(sha256("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), 0, 8)}"
    error_message = "Another key must have another name, so that it can be made before the one in use is deleted."
  }

  assert {
    condition     = output.signing_key_ids == { site = aws_cloudfront_public_key.signer["site"].id }
    error_message = "Whoever signs needs the key's id."
  }

  assert {
    condition = [
      for response in aws_cloudfront_distribution.pictures.custom_error_response : coalesce(response.response_page_path, "none") if response.error_code == 403
    ] == ["none"]
    error_message = "A missing signature must show as 403, not as a missing picture."
  }
}

run "limits" {
  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    rate_limit_per_ip = 500
    blocked_countries = ["XX"]
    cors_origins      = ["https://a.example", "https://b.example"]
    missing_picture   = "./tests/missing.png"
  }

  override_resource {
    target = aws_wafv2_web_acl.pictures
    values = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/mocked/1" }
  }

  assert {
    condition = (
      aws_wafv2_web_acl.pictures[0].scope == "CLOUDFRONT" &&
      one(one(aws_wafv2_web_acl.pictures[0].rule).statement[0].rate_based_statement).limit == 500 &&
      aws_cloudfront_distribution.pictures.web_acl_id == aws_wafv2_web_acl.pictures[0].arn
    )
    error_message = "One address may ask for 500 pictures in five minutes."
  }

  assert {
    condition = (
      aws_cloudfront_distribution.pictures.restrictions[0].geo_restriction[0].restriction_type == "blacklist" &&
      aws_cloudfront_distribution.pictures.restrictions[0].geo_restriction[0].locations == toset(["XX"])
    )
    error_message = "Blocked countries must be blocked."
  }

  assert {
    condition = (
      length(aws_cloudfront_response_headers_policy.pictures.cors_config) == 0 &&
      contains([for header in one(aws_cloudfront_response_headers_policy.pictures.custom_headers_config).items : "${header.header}: ${header.value}"], "Vary: Accept, Origin") &&
      contains([for each in aws_cloudfront_distribution.pictures.default_cache_behavior[0].function_association : each.event_type], "viewer-response")
    )
    error_message = "Each of several origins is answered with its own name, and Vary still names Accept."
  }

  assert {
    condition     = strcontains(aws_cloudfront_function.share[0].code, "[\"https://a.example\",\"https://b.example\"]")
    error_message = "The function must know the origins."
  }

  assert {
    condition     = aws_s3_object.missing.source == "./tests/missing.png" && aws_s3_object.missing.content_type == "image/png"
    error_message = "The picture for what is missing must be stored as what it is."
  }
}

run "all_origins" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    cors_origins      = ["*"]
    allowed_countries = ["DE", "AT"]
  }

  assert {
    condition = { for header in one(aws_cloudfront_response_headers_policy.pictures.custom_headers_config).items : header.header => header.value } == {
      "Cross-Origin-Resource-Policy" = "cross-origin"
      "Vary"                         = "Accept"
    }
    error_message = "CloudFront refuses CORS headers among custom ones, and one answer for all does not vary by origin."
  }

  assert {
    condition     = strcontains(aws_cloudfront_function.share[0].code, "[\"*\"]")
    error_message = "The function must know that all origins may read."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.restrictions[0].geo_restriction[0].restriction_type == "whitelist"
    error_message = "Allowed countries are the only ones."
  }
}

run "one_origin" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    cors_origins = ["https://a.example"]
  }

  assert {
    condition = { for header in one(aws_cloudfront_response_headers_policy.pictures.custom_headers_config).items : header.header => header.value } == {
      "Cross-Origin-Resource-Policy" = "cross-origin"
      "Vary"                         = "Accept, Origin"
    }
    error_message = "One origin is answered by the function as well, and others get no header."
  }

  assert {
    condition     = strcontains(aws_cloudfront_function.share[0].code, "[\"https://a.example\"]")
    error_message = "The function must know the origin."
  }
}

run "own_domain_in_a_zone" {
  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    domain = { name = "pictures.example.org", zone_id = "Z0123456789" }
  }

  override_resource {
    target = aws_acm_certificate.pictures
    values = {
      arn = "arn:aws:acm:us-east-1:123456789012:certificate/mocked"
      domain_validation_options = [
        { domain_name = "pictures.example.org", resource_record_name = "_a.pictures.example.org.", resource_record_type = "CNAME", resource_record_value = "_b.acm-validations.aws." },
      ]
    }
  }

  override_resource {
    target = aws_acm_certificate_validation.pictures
    values = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/mocked" }
  }

  assert {
    condition = (
      aws_acm_certificate.pictures[0].validation_method == "DNS" &&
      aws_route53_record.validation[0].name == "_a.pictures.example.org." && aws_route53_record.validation[0].records == toset(["_b.acm-validations.aws."])
    )
    error_message = "The certificate must be validated by a record in the zone."
  }

  assert {
    condition = (
      aws_cloudfront_distribution.pictures.aliases == toset(["pictures.example.org"]) &&
      aws_cloudfront_distribution.pictures.viewer_certificate[0].acm_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/mocked" &&
      aws_cloudfront_distribution.pictures.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" &&
      aws_cloudfront_distribution.pictures.viewer_certificate[0].ssl_support_method == "sni-only"
    )
    error_message = "The distribution must answer for the name, with TLS 1.2 or newer."
  }

  assert {
    condition     = keys(aws_route53_record.pictures) == ["A", "AAAA"] && output.domain_name == "pictures.example.org"
    error_message = "The name must lead to the distribution, over IPv4 and IPv6, and be the one in URLs."
  }
}

run "ipv4_alone" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    ipv6   = false
    domain = { name = "pictures.example.org", zone_id = "Z0123456789", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/mine" }
  }

  assert {
    condition     = !aws_cloudfront_distribution.pictures.is_ipv6_enabled && keys(aws_route53_record.pictures) == ["A"]
    error_message = "Without IPv6 nobody may be led there by it, or signatures for an IPv4 address would be refused."
  }
}

run "own_domain_with_a_certificate" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    domain = { name = "pictures.example.org", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/mine" }
  }

  assert {
    condition     = length(aws_acm_certificate.pictures) == 0 && length(aws_route53_record.pictures) == 0
    error_message = "A certificate that is passed in is used, and nobody else's zone is touched."
  }

  assert {
    condition     = aws_cloudfront_distribution.pictures.viewer_certificate[0].acm_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/mine"
    error_message = "The certificate passed in must be the one in use."
  }
}

run "access_logs" {
  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    access_log_days = 14
  }

  override_resource {
    target = aws_cloudwatch_log_delivery_source.access
    values = { arn = "arn:aws:logs:us-east-1:123456789012:delivery-source:img-pipeline-dev-access" }
  }

  override_resource {
    target = aws_cloudwatch_log_delivery_destination.access
    values = { arn = "arn:aws:logs:us-east-1:123456789012:delivery-destination:img-pipeline-dev-access" }
  }

  assert {
    condition = (
      aws_cloudwatch_log_delivery_source.access[0].log_type == "ACCESS_LOGS" &&
      aws_cloudwatch_log_delivery_source.access[0].resource_arn == aws_cloudfront_distribution.pictures.arn &&
      aws_cloudwatch_log_delivery_destination.access[0].delivery_destination_configuration[0].destination_resource_arn == aws_s3_bucket.logs[0].arn
    )
    error_message = "This distribution's access logs must go to the bucket."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.logs[0].block_public_policy && aws_s3_bucket_public_access_block.logs[0].restrict_public_buckets &&
      one(aws_s3_bucket_lifecycle_configuration.logs[0].rule).expiration[0].days == 14
    )
    error_message = "The bucket must be private, and forget."
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.logs[0].statement : statement.sid] == ["DeliverThisDistributionsLogs", "TlsOnly"] && alltrue([
      for condition in data.aws_iam_policy_document.logs[0].statement[0].condition : contains([
        "123456789012", "arn:aws:logs:us-east-1:123456789012:delivery-source:img-pipeline-dev-access",
      ], one(condition.values))
    ])
    error_message = "Only the deliveries of this distribution may write there."
  }
}
