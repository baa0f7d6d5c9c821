terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"

      # The region of the copies.
      configuration_aliases = [aws.replica]
    }
  }
}
