# No endpoints here: AWS_ENDPOINT_URL and AWS_REGION say where the provider goes, as for every AWS SDK.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = var.project
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}
