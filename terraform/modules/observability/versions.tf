terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"

      # CloudFront's metrics and certificates are in us-east-1, the delay of copies where the copies are.
      configuration_aliases = [aws.us_east_1, aws.replica]
    }
  }
}
