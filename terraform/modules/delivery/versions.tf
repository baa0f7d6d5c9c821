terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"

      # For certificates, web ACLs and CloudFront's own alarms, which live only there.
      configuration_aliases = [aws.us_east_1]
    }
  }
}
