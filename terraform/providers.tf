# No endpoints here: AWS_ENDPOINT_URL and AWS_REGION say where the provider goes, as for every AWS SDK.

provider "aws" {
  region            = var.region
  s3_use_path_style = var.emulator

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes its certificates and web ACLs, and keeps its metrics, in this one region.
provider "aws" {
  alias             = "us_east_1"
  region            = "us-east-1"
  s3_use_path_style = var.emulator

  default_tags {
    tags = local.tags
  }
}

# Where copies are kept. Without replica_region nothing is made with it.
provider "aws" {
  alias             = "replica"
  region            = var.replica_region == null ? var.region : var.replica_region
  s3_use_path_style = var.emulator

  default_tags {
    tags = local.tags
  }
}
