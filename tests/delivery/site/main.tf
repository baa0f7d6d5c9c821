# Distributions of the delivery module on an emulator: one with nothing asked for, and if wanted one with everything.

variable "guarded" {
  type = bool
}

variable "bucket" {
  type = string
}

variable "recipe_json" {
  type = string
}

variable "public_key" {
  type = string
}

variable "zone_id" {
  type = string
}

variable "missing_picture" {
  type = string
}

terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true
}

provider "aws" {
  alias             = "us_east_1"
  region            = "us-east-1"
  s3_use_path_style = true
}

resource "aws_s3_bucket" "processed" {
  for_each = toset(["open", "guarded"])

  bucket        = "${var.bucket}-${each.key}"
  force_destroy = true
}

module "negotiation" {
  source = "./modules/negotiation"

  recipe_json = var.recipe_json
}

module "open" {
  source = "./modules/delivery"

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  name                        = "open"
  account_id                  = "000000000000"
  processed_bucket_name       = aws_s3_bucket.processed["open"].bucket
  processed_bucket_arn        = aws_s3_bucket.processed["open"].arn
  processed_bucket_domain     = aws_s3_bucket.processed["open"].bucket_regional_domain_name
  processed_tls_only_document = jsonencode({ Version = "2012-10-17", Statement = [] })
  edge_function_code          = module.negotiation.code
  price_class                 = "PriceClass_100"
}

module "guarded" {
  source = "./modules/delivery"
  count  = var.guarded ? 1 : 0

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  name                        = "guarded"
  account_id                  = "000000000000"
  processed_bucket_name       = aws_s3_bucket.processed["guarded"].bucket
  processed_bucket_arn        = aws_s3_bucket.processed["guarded"].arn
  processed_bucket_domain     = aws_s3_bucket.processed["guarded"].bucket_regional_domain_name
  processed_tls_only_document = jsonencode({ Version = "2012-10-17", Statement = [] })
  edge_function_code          = module.negotiation.code
  price_class                 = "PriceClass_100"

  missing_picture     = var.missing_picture
  domain              = { name = "pictures.example.org", zone_id = var.zone_id }
  signing_public_keys = { site = var.public_key }
  blocked_countries   = ["AQ"]
  rate_limit_per_ip   = 1000
  cors_origins        = ["https://a.example", "https://b.example"]
  access_log_days     = 7
  force_destroy       = true
  tls_only            = false
}

output "open" {
  value = module.open
}

output "guarded" {
  value = one(module.guarded)
}
