data "aws_caller_identity" "current" {}

data "aws_partition" "current" {
  lifecycle {
    postcondition {
      condition     = self.partition == "aws"
      error_message = "There is no CloudFront in the partition ${self.partition} that this stack could use (GovCloud and the isolated regions have none, China's needs a licence and knows no functions): choose a region of the partition aws, for example eu-central-1."
    }
  }
}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id

  name = "${var.project}-${var.environment}"

  tags = merge({
    Project     = var.project
    Environment = var.environment
    ManagedBy   = "terraform"
  }, var.tags)

  # AWS's advice for queues in front of functions: six times the timeout, so that a message is not seen again while it
  # is still being worked on, plus what it may wait for its batch.
  visibility_timeout_seconds = 6 * var.timeout_seconds + var.batching_window_seconds

  # One attempt may hold a picture longer than the function can run and shorter than its message stays invisible.
  lease_seconds = var.timeout_seconds + 30

  # No picture of anybody's, wherever uploads go.
  canary_key = "_canary/canary.png"

  limits = {
    MAX_OBJECT_BYTES     = var.max_object_bytes
    MAX_PIXELS           = var.max_pixels
    MAX_ICC_BYTES        = var.max_icc_bytes
    MAX_METADATA_BYTES   = var.max_metadata_bytes
    MAX_SIDE             = var.max_side
    MAX_ALPHA_PIXELS     = var.max_alpha_pixels
    MAX_FRAMES           = var.max_frames
    MAX_TOTAL_PIXELS     = var.max_total_pixels
    MAX_ANIMATION_PIXELS = var.max_animation_pixels
    MAX_FRAME_PIXELS     = var.max_frame_pixels
    MAX_DURATION_SECONDS = var.max_duration_seconds
    MAX_DECODE_SECONDS   = var.max_decode_seconds
  }
}

locals {
  # The optional attributes that nobody set are null, and the processor spells out its own defaults: leave them out.
  named_recipe = var.recipe == null ? null : merge(
    var.recipe.background == null ? {} : { background = var.recipe.background },
    var.recipe.chroma == null ? {} : { chroma = var.recipe.chroma },
    var.recipe.manifest == null ? {} : { manifest = var.recipe.manifest },
    var.recipe.linear == null ? {} : { linear = var.recipe.linear },
    var.recipe.keep == null ? {} : { keep = var.recipe.keep },
    var.recipe.retain_days == null ? {} : { retain_days = var.recipe.retain_days },
    var.recipe.tiles == null ? {} : { tiles = { for field, value in var.recipe.tiles : field => value if value != null } },
    var.recipe.gps == null ? {} : { gps = var.recipe.gps },
    {
      sizes = [
        for size in var.recipe.sizes : merge(
          { for field, value in size : field => value if field != "formats" && value != null },
          {
            formats = {
              for format, settings in size.formats : format => {
                for field, value in settings : field => value if value != null
              }
            }
          },
        )
      ]
    },
  )

  # One source of truth for the default: the file that the Python package ships.
  recipe_json = local.named_recipe == null ? jsonencode(jsondecode(file("${path.root}/../processor/default_recipe.json"))) : jsonencode(local.named_recipe)
  recipe      = jsondecode(local.recipe_json)

  # Days that content-addressed copies stay after they were replaced; null: there are none.
  retain_days = try(local.recipe.retain_days, null)

  recipe_formats = module.recipe_tables.formats
  recipe_sizes   = module.recipe_tables.sizes
}

module "recipe_tables" {
  source = "./modules/negotiation/tables"

  recipe_json = local.recipe_json
}
