# A domain of one's own: its certificate, made and validated here or passed in, and its records.

locals {
  zone_id         = try(var.domain.zone_id, null)
  issues          = var.domain != null && try(var.domain.certificate_arn, null) == null
  certificate_arn = local.issues ? one(aws_acm_certificate_validation.pictures[*].certificate_arn) : try(var.domain.certificate_arn, null)
}

resource "aws_acm_certificate" "pictures" {
  provider = aws.us_east_1
  count    = local.issues ? 1 : 0

  domain_name       = var.domain.name
  validation_method = "DNS"

  # A distribution holds on to its certificate until it has another.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  count = local.issues ? 1 : 0

  zone_id         = local.zone_id
  name            = one(aws_acm_certificate.pictures[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.pictures[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.pictures[0].domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true # another stack's certificate for the same name has the same record
}

resource "aws_acm_certificate_validation" "pictures" {
  provider = aws.us_east_1
  count    = local.issues ? 1 : 0

  certificate_arn         = aws_acm_certificate.pictures[0].arn
  validation_record_fqdns = aws_route53_record.validation[*].fqdn
}

resource "aws_route53_record" "pictures" {
  for_each = toset(local.zone_id == null ? [] : var.ipv6 ? ["A", "AAAA"] : ["A"])

  zone_id = local.zone_id
  name    = var.domain.name
  type    = each.value

  alias {
    name                   = aws_cloudfront_distribution.pictures.domain_name
    zone_id                = aws_cloudfront_distribution.pictures.hosted_zone_id
    evaluate_target_health = false
  }
}
