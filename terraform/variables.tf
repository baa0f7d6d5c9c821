variable "project" {
  description = "First part of every resource's name."
  type        = string
  default     = "img-pipeline"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.project))
    error_message = "project becomes part of bucket names: use 3 to 24 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }

  validation {
    condition     = !can(regex("^(aws|ssm)", var.project))
    error_message = "project becomes part of the names of Parameter Store's parameters, of which those with aws or ssm first are reserved: begin with something else."
  }
}

variable "environment" {
  description = "Second part of every resource's name, and the name of the workspace that holds the state: dev, prod, …"
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment becomes part of bucket names: use 2 to 10 lower-case letters and digits, a letter first."
  }

  validation {
    condition     = contains(["default", var.environment], terraform.workspace)
    error_message = "This workspace holds another environment's state: run `terraform workspace select -or-create ${var.environment}` or pass that environment's tfvars file."
  }
}

variable "region" {
  description = "AWS region of everything but CloudFront; null: the AWS configuration's (AWS_REGION or the profile)."
  type        = string
  default     = null

  validation {
    condition     = var.region == null ? true : can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's code such as eu-central-1, or null to take it from AWS_REGION."
  }
}

variable "replica_region" {
  description = "Another AWS region that holds copies of both buckets and of the table, and answers for the CDN where the first one fails. Null: none. It roughly doubles what storage costs: docs/delivery.md."
  type        = string
  default     = null

  validation {
    condition     = var.replica_region == null ? true : can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", var.replica_region))
    error_message = "replica_region must be a region's code such as eu-west-1, or null for no copies."
  }

  validation {
    condition     = var.replica_region == null ? true : var.replica_region != local.region
    error_message = "replica_region must be another region than the stack's own (${local.region}): copies beside the originals are lost with them. Name another, or null for none."
  }
}

variable "tags" {
  description = "Tags for every resource, besides Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "Tag keys that begin with aws: are reserved: rename them."
  }
}

variable "emulator" {
  description = "Whether AWS_ENDPOINT_URL is an emulator on this machine: S3 is addressed by path, and the buckets accept plain HTTP."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.emulator || var.environment == "local"
    error_message = "emulator = true lets the buckets answer plain HTTP: set it only together with environment = \"local\"."
  }
}

variable "force_destroy" {
  description = "Whether destroying may delete pictures, records and logs. False: destroying is refused before anything is deleted. A change counts once it is applied."
  type        = bool
  default     = false
  nullable    = false
}

# For scripts/deploy alone: Terraform by hand asks by itself.
variable "ask_before_apply" {
  description = "Whether `make deploy` and `make push-image` show the plan and wait for a yes, or for the environment's name if something is deleted for good."
  type        = bool
  default     = true
  nullable    = false
}

# The function

variable "image_uri" {
  description = "The processor's container image, by digest: REPOSITORY@sha256:…. scripts/push-image prints it. A local emulator takes a local tag."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}$", var.image_uri)) || (var.emulator && can(regex("^[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?:[A-Za-z0-9_.-]+$", var.image_uri)))
    error_message = "image_uri must name the image by digest, as REPOSITORY@sha256:…: `make push-image ENV=…` pushes one and prints it. Only with emulator = true is a local NAME:TAG enough."
  }
}

variable "architecture" {
  description = "Processor architecture that the image was built for."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64, and the image built for the same."
  }
}

variable "memory_mb" {
  description = "The function's memory in MB. CPU grows with it: one full core at 1,769. New accounts are limited to 3,008, which the default limits on pictures need; with less, lower those too."
  type        = number
  default     = 3008
  nullable    = false

  validation {
    condition     = var.memory_mb == floor(var.memory_mb) && var.memory_mb >= 1024 && var.memory_mb <= 10240
    error_message = "memory_mb must be a whole number from 1024 (an AVIF of a large photo alone takes that much) to 10240."
  }
}

variable "timeout_seconds" {
  description = "How long one invocation may take. The queue's visibility timeout and the lease on a picture are derived from it."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout_seconds == floor(var.timeout_seconds) && var.timeout_seconds >= 30 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be a whole number from 30 to 900, Lambda's limit."
  }
}

variable "batch_size" {
  description = "How many pictures one invocation may be handed. It does them one after the other, within one timeout."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.batch_size == floor(var.batch_size) && var.batch_size >= 1 && var.batch_size <= 10
    error_message = "batch_size must be a whole number from 1 to 10: more do not fit in one timeout."
  }
}

variable "batching_window_seconds" {
  description = "How long a message may wait for others to fill its batch."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.batching_window_seconds == floor(var.batching_window_seconds) && var.batching_window_seconds >= 0 && var.batching_window_seconds <= 300
    error_message = "batching_window_seconds must be a whole number from 0 to 300."
  }
}

variable "maximum_concurrency" {
  description = "How many invocations the queue may run at once. It caps what a flood of uploads can cost at a time."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.maximum_concurrency == floor(var.maximum_concurrency) && var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency must be a whole number from 2 to 1000, the limits of an SQS event source mapping."
  }
}

variable "processing_enabled" {
  description = "The emergency stop: with false, no picture is processed. Uploads wait in the queue, for four days at most; what is published stays served. docs/runbook.md says when."
  type        = bool
  default     = true
  nullable    = false
}

variable "max_object_bytes" {
  description = "Larger uploads are rejected as too_large."
  type        = number
  default     = 67108864
  nullable    = false

  validation {
    condition     = var.max_object_bytes == floor(var.max_object_bytes) && var.max_object_bytes >= 1024 && var.max_object_bytes <= 134217728
    error_message = "max_object_bytes must be a whole number from 1024 to 134217728 (128 MiB): the function holds a picture in memory, and in /tmp beside its renditions."
  }
}

variable "max_pixels" {
  description = "Pictures with more pixels (width times height) are rejected as too_many_pixels."
  type        = number
  default     = 80000000
  nullable    = false

  validation {
    condition     = var.max_pixels == floor(var.max_pixels) && var.max_pixels >= 10000 && var.max_pixels <= 500000000
    error_message = "max_pixels must be a whole number from 10000 to 500000000: a decoded pixel takes up to 4 bytes of the function's memory."
  }
}

variable "max_icc_bytes" {
  description = "Pictures whose colour profile is larger are rejected as metadata_too_large."
  type        = number
  default     = 8388608
  nullable    = false

  validation {
    condition     = var.max_icc_bytes == floor(var.max_icc_bytes) && var.max_icc_bytes >= 1024 && var.max_icc_bytes <= 67108864
    error_message = "max_icc_bytes must be a whole number from 1024 to 67108864 (64 MiB): real profiles take up to 3 MB."
  }
}

variable "max_metadata_bytes" {
  description = "Pictures with more metadata (EXIF, XMP, texts, comments, profile; unpacked) are rejected as metadata_too_large."
  type        = number
  default     = 16777216
  nullable    = false

  validation {
    condition     = var.max_metadata_bytes == floor(var.max_metadata_bytes) && var.max_metadata_bytes >= 65536 && var.max_metadata_bytes <= 134217728
    error_message = "max_metadata_bytes must be a whole number from 65536 to 134217728 (128 MiB): it is held in memory besides the picture."
  }
}

variable "max_alpha_pixels" {
  description = "Pictures that may be transparent and have more pixels are rejected as too_many_pixels: they take three times the memory."
  type        = number
  default     = 50000000
  nullable    = false

  validation {
    condition     = var.max_alpha_pixels == floor(var.max_alpha_pixels) && var.max_alpha_pixels >= 10000 && var.max_alpha_pixels <= 500000000
    error_message = "max_alpha_pixels must be a whole number from 10000 to 500000000."
  }
}

variable "max_side" {
  description = "Pictures with a longer side, in pixels, are rejected as too_many_pixels."
  type        = number
  default     = 65535
  nullable    = false

  validation {
    condition     = var.max_side == floor(var.max_side) && var.max_side >= 64 && var.max_side <= 65535
    error_message = "max_side must be a whole number from 64 to 65535, the longest side that JPEG can express."
  }
}

variable "max_frames" {
  description = "Pictures with more frames or pages are rejected as too_many_frames."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.max_frames == floor(var.max_frames) && var.max_frames >= 1 && var.max_frames <= 100000
    error_message = "max_frames must be a whole number from 1 to 100000."
  }
}

variable "max_total_pixels" {
  description = "Pictures with more pixels over all frames (width times height times frames) are rejected as too_many_pixels."
  type        = number
  default     = 1000000000
  nullable    = false

  validation {
    condition     = var.max_total_pixels == floor(var.max_total_pixels) && var.max_total_pixels >= 10000 && var.max_total_pixels <= 50000000000
    error_message = "max_total_pixels must be a whole number from 10000 to 50000000000: every frame of an animation is decoded within one timeout."
  }
}

variable "max_animation_pixels" {
  description = "Animations with more pixels over all frames are rejected as too_many_pixels: every frame is decoded and encoded for every rendition, within max_decode_seconds."
  type        = number
  default     = 200000000
  nullable    = false

  validation {
    condition     = var.max_animation_pixels == floor(var.max_animation_pixels) && var.max_animation_pixels >= 10000 && var.max_animation_pixels <= 10000000000
    error_message = "max_animation_pixels must be a whole number from 10000 to 10000000000."
  }
}

variable "max_frame_pixels" {
  description = "Width x height of one frame of an animation at most. 4K video has 8 megapixels; memory_mb must fit, see docs/formats.md."
  type        = number
  default     = 10000000
  nullable    = false

  validation {
    condition     = var.max_frame_pixels == floor(var.max_frame_pixels) && var.max_frame_pixels >= 10000 && var.max_frame_pixels <= 4294836225
    error_message = "max_frame_pixels must be a whole number from 10000 to 4294836225."
  }
}

variable "max_duration_seconds" {
  description = "Animations that play longer than this are rejected as too_many_frames."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.max_duration_seconds == floor(var.max_duration_seconds) && var.max_duration_seconds >= 1 && var.max_duration_seconds <= 86400
    error_message = "max_duration_seconds must be a whole number from 1 to 86400."
  }
}

variable "max_decode_seconds" {
  description = "Pictures that take longer than this are rejected as decode_timeout."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.max_decode_seconds == floor(var.max_decode_seconds) && var.max_decode_seconds >= 5 && var.max_decode_seconds <= 840
    error_message = "max_decode_seconds must be a whole number from 5 to 840."
  }
}

variable "log_level" {
  description = "The least severe log entries that the function writes."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "How long the function's log is kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's periods, such as 7, 14, 30, 90 or 365; keeping logs for ever is not offered."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces the function's invocations, and in each the steps of every picture."
  type        = bool
  default     = false
  nullable    = false
}

# The pictures

variable "recipe" {
  description = "The closed list of renditions that every picture gets; null: processor/default_recipe.json. A key is a template around one {stem} (the source key without its extension) or {name} (the source key). A size with widths instead of width is made once a width, and its keys hold {width} in a folder."
  type = object({
    background = optional(string)
    # How finely colour is kept beside brightness: auto, full (4:4:4) or half (4:2:0). A format may say otherwise.
    chroma   = optional(string)
    manifest = optional(string)
    linear   = optional(bool)
    keep     = optional(list(string))
    gps      = optional(bool)
    # Days that copies under content-addressed keys stay after they were replaced; without it there are none.
    retain_days = optional(number)
    # A Deep Zoom pyramid of pictures that are large enough, in jpeg or webp.
    tiles = optional(object({
      key      = string
      format   = optional(string)
      quality  = optional(number)
      tile     = optional(number)
      overlap  = optional(number)
      min_side = optional(number)
    }))
    sizes = list(object({
      name   = string
      width  = optional(number)
      widths = optional(list(number))
      height = optional(number)
      fit    = optional(string)
      formats = map(object({
        key      = string
        quality  = optional(number)
        max_side = optional(number)
        chroma   = optional(string)
      }))
    }))
  })
  default = null

  validation {
    condition     = var.recipe == null ? true : length(replace(replace(jsonencode(var.recipe), "/,\"[a-z_]+\":null/", ""), "/\"[a-z_]+\":null,/", "")) <= 3000
    error_message = "The recipe may take 3000 bytes as JSON, because it travels in the function's environment: drop sizes, or shorten names and keys."
  }

  validation {
    condition     = var.recipe == null ? true : can(regex("^#[0-9a-fA-F]{6}$", coalesce(var.recipe.background, "#ffffff")))
    error_message = "recipe.background must be a colour like #ffffff."
  }

  validation {
    condition = var.recipe == null ? true : alltrue([
      for chroma in concat([var.recipe.chroma], flatten([for size in var.recipe.sizes : values(size.formats)[*].chroma])) :
      contains(["auto", "full", "half"], coalesce(chroma, "auto"))
    ])
    error_message = "chroma, of the recipe or of a format, must be auto, full (4:4:4) or half (4:2:0); leave it out for auto."
  }

  validation {
    condition     = var.recipe == null ? true : var.recipe.manifest == null ? true : can(regex("^([A-Za-z0-9_\\-.]+/)*[A-Za-z0-9_\\-.]*\\{(stem|name)\\}[A-Za-z0-9_\\-.]*\\.json$", var.recipe.manifest)) && length(setintersection(split("/", var.recipe.manifest), [".", ".."])) == 0
    error_message = "recipe.manifest must be a key template like \"manifest/{name}.json\"; leave it out for none."
  }

  validation {
    condition     = try(var.recipe.tiles, null) == null ? true : can(regex("^([A-Za-z0-9_\\-.]+/)+[A-Za-z0-9_\\-.]*\\{(stem|name)\\}[A-Za-z0-9_\\-.]*$", var.recipe.tiles.key)) && length(setintersection(split("/", var.recipe.tiles.key), [".", ".."])) == 0 && !startswith(var.recipe.tiles.key, "v/") && contains(["jpeg", "webp"], coalesce(var.recipe.tiles.format, "jpeg"))
    error_message = "recipe.tiles.key must be a key template like \"tiles/{name}\" in a folder of its own, and recipe.tiles.format jpeg or webp; leave tiles out for none."
  }

  validation {
    condition = try(var.recipe.tiles, null) == null ? true : alltrue([
      for prefix in flatten([for size in var.recipe.sizes : [for width in(size.widths == null ? tolist([0]) : size.widths) : [for settings in values(size.formats) : split("{", replace(settings.key, "{width}", width))[0]]]]) :
      !startswith(prefix, split("{", var.recipe.tiles.key)[0]) && !startswith(split("{", var.recipe.tiles.key)[0], prefix)
    ])
    error_message = "recipe.tiles.key could name an object of a size, because what stands before the placeholder of one begins with the other's: give tiles a folder of their own."
  }

  validation {
    condition = try(var.recipe.tiles, null) == null ? true : alltrue([
      for bound in [[var.recipe.tiles.quality, 1, 100], [var.recipe.tiles.tile, 128, 4096], [var.recipe.tiles.overlap, 0, 16], [var.recipe.tiles.min_side, 1, 65535]] :
      bound[0] == null ? true : bound[0] == floor(bound[0]) && bound[0] >= bound[1] && bound[0] <= bound[2]
    ])
    error_message = "In recipe.tiles, quality must be a whole number from 1 to 100, tile from 128 to 4096, overlap from 0 to 16, min_side from 1 to 65535 pixels."
  }

  validation {
    condition     = var.recipe == null ? true : var.recipe.retain_days == null ? true : var.recipe.retain_days == floor(var.recipe.retain_days) && var.recipe.retain_days >= 1 && var.recipe.retain_days <= 3650
    error_message = "recipe.retain_days must be a whole number of days from 1 to 3650; leave it out for no content-addressed copies."
  }

  validation {
    condition = var.recipe == null ? true : var.recipe.retain_days == null ? true : alltrue([
      for key in concat(flatten([for size in var.recipe.sizes : [for format in values(size.formats) : format.key]]), compact([var.recipe.manifest])) :
      !startswith(key, "v/") && !startswith(key, "v{") && !startswith(key, "{")
    ])
    error_message = "With recipe.retain_days no key may begin with a placeholder or with v/, where content-addressed copies are: give it a folder of another name."
  }

  validation {
    condition     = var.recipe == null ? true : length(setsubtract(coalesce(var.recipe.keep, []), ["copyright"])) == 0
    error_message = "recipe.keep may only hold \"copyright\"; leave it out to keep nothing of a source's metadata."
  }

  validation {
    condition     = var.recipe == null ? true : length(var.recipe.sizes) > 0
    error_message = "recipe.sizes must have at least one size; leave recipe out for the default nine renditions."
  }

  validation {
    condition     = var.recipe == null ? true : alltrue([for size in var.recipe.sizes : can(regex("^[a-z][a-z0-9_-]{0,31}$", size.name))])
    error_message = "A size's name must be up to 32 lower-case letters, digits, - and _, a letter first."
  }

  validation {
    condition     = var.recipe == null ? true : sum(concat([0], [for size in var.recipe.sizes : length(size.formats) * length(size.widths == null ? tolist([0]) : size.widths)])) <= 100
    error_message = "The recipe makes more than 100 renditions of a picture: drop widths or formats."
  }

  validation {
    condition     = var.recipe == null ? true : length(distinct(var.recipe.sizes[*].name)) == length(var.recipe.sizes)
    error_message = "Two sizes of the recipe have the same name: give each its own."
  }

  validation {
    condition     = var.recipe == null ? true : alltrue([for size in var.recipe.sizes : coalesce(size.fit, "inside") == "inside"])
    error_message = "fit must be \"inside\": the aspect ratio is kept and nothing is enlarged."
  }

  validation {
    condition     = var.recipe == null ? true : alltrue([for size in var.recipe.sizes : length(size.formats) > 0 && length(setsubtract(keys(size.formats), ["jpeg", "webp", "avif", "jxl"])) == 0])
    error_message = "Every size must have at least one format, and the formats are jpeg, webp, avif and, with an image built for it (docs/formats.md), jxl."
  }

  validation {
    condition = var.recipe == null ? true : alltrue(flatten([
      for size in var.recipe.sizes : [
        for side in concat([size.width, size.height], values(size.formats)[*].max_side) : side == null ? true : side == floor(side) && side >= 1 && side <= 65535
      ]
    ]))
    error_message = "width, height and max_side must be whole numbers of pixels from 1 to 65535; leave them out where there is no bound."
  }

  validation {
    condition = var.recipe == null ? true : alltrue(flatten([
      for size in var.recipe.sizes : [
        for quality in values(size.formats)[*].quality : quality == null ? true : quality == floor(quality) && quality >= 1 && quality <= 100
      ]
    ]))
    error_message = "quality must be a whole number from 1 to 100; leave it out for the tuned default."
  }

  validation {
    condition = var.recipe == null ? true : alltrue(flatten([
      for size in var.recipe.sizes : [
        for format, settings in size.formats : can(regex(
          "^([A-Za-z0-9_\\-.]+/)*[A-Za-z0-9_\\-.]*\\{(stem|name)\\}[A-Za-z0-9_\\-.]*${lookup({ jpeg = "\\.(jpg|jpeg)", webp = "\\.webp", avif = "\\.avif", jxl = "\\.jxl" }, format, "")}$",
          replace(settings.key, "{width}", "0"),
        )) && length(setintersection(split("/", settings.key), [".", ".."])) == 0
      ]
    ]))
    error_message = "A key template must be like \"medium/{stem}.jpg\": letters, digits and _-. in folders, one {stem} or {name} in the last segment, and the format's extension (.jpg or .jpeg, .webp, .avif, .jxl)."
  }

  validation {
    condition = var.recipe == null ? true : alltrue([
      for size in var.recipe.sizes : size.widths == null ? true : size.width == null && length(size.widths) >= 1 && length(size.widths) <= 12 && length(distinct(size.widths)) == length(size.widths) && alltrue([
        for width in size.widths : width == floor(width) && width >= 1 && width <= 65535
      ])
    ])
    error_message = "widths must be 1 to 12 different whole numbers of pixels from 1 to 65535, and stand in place of width."
  }

  validation {
    condition = var.recipe == null ? true : alltrue(flatten([
      for size in var.recipe.sizes : [for settings in values(size.formats) : strcontains(settings.key, "{width}") == (size.widths != null)]
    ]))
    error_message = "The key templates of a size with widths must hold {width} in a folder, like \"page/{width}/{stem}.jpg\", and no others may."
  }

  # Of two templates with one extension, neither literal prefix may begin with the other. Each counts as beginning with
  # itself, so that as many pairs are expected as there are templates.
  validation {
    condition = var.recipe == null ? true : length(flatten([
      for key in flatten([for size in var.recipe.sizes : [for width in(size.widths == null ? tolist([0]) : size.widths) : [for settings in values(size.formats) : replace(settings.key, "{width}", width)]]]) : [
        for other in flatten([for size in var.recipe.sizes : [for width in(size.widths == null ? tolist([0]) : size.widths) : [for settings in values(size.formats) : replace(settings.key, "{width}", width)]]]) : true
        if reverse(split(".", key))[0] == reverse(split(".", other))[0] && startswith(split("{", key)[0], split("{", other)[0])
      ]
    ])) == length(flatten([for size in var.recipe.sizes : [for width in(size.widths == null ? tolist([0]) : size.widths) : [for settings in values(size.formats) : replace(settings.key, "{width}", width)]]]))
    error_message = "Two key templates with one extension could name the same object, because what stands before the placeholder of one begins with the other's: give each its own folder."
  }
}

variable "recipe_grace_days" {
  description = "Days for which what a recipe dropped goes on being served: each URL from when its picture was made again, all of them from when the last was. A replaced or removed picture goes at once."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.recipe_grace_days == floor(var.recipe_grace_days) && var.recipe_grace_days >= 1 && var.recipe_grace_days <= 365
    error_message = "recipe_grace_days must be a whole number of days from 1 to 365."
  }
}

variable "previous_recipe" {
  description = "The output `recipe` of a stack deployed by a version that did not keep recipes in the stack, as JSON. scripts/deploy sets it where it is needed; without it, what only that recipe made is not served any more."
  type        = string
  default     = null

  validation {
    condition     = var.previous_recipe == null ? true : can(jsondecode(var.previous_recipe).sizes[0].formats)
    error_message = "previous_recipe must be the output `recipe` as it was before: terraform output -raw recipe."
  }
}

variable "served_formats" {
  description = "Formats that the edge function may answer with; null: all that every published picture has. It can only take away: a new format is never answered before its backfill is through."
  type        = set(string)
  default     = null

  validation {
    condition     = var.served_formats == null ? true : length(setsubtract(var.served_formats, local.recipe_formats)) == 0
    error_message = "served_formats may name only formats that the recipe makes (${join(", ", local.recipe_formats)})."
  }
}

variable "served_sizes" {
  description = "Sizes whose canonical URL the edge function negotiates; null: all of the recipe's. The others answer with just what the URL names."
  type        = set(string)
  default     = null

  validation {
    condition     = var.served_sizes == null ? true : length(setsubtract(var.served_sizes, local.recipe_sizes)) == 0
    error_message = "served_sizes may name only sizes of the recipe (${join(", ", local.recipe_sizes)})."
  }
}

variable "raw_noncurrent_version_days" {
  description = "How long a replaced or deleted upload can still be brought back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.raw_noncurrent_version_days == floor(var.raw_noncurrent_version_days) && var.raw_noncurrent_version_days >= 1 && var.raw_noncurrent_version_days <= 3650
    error_message = "raw_noncurrent_version_days must be a whole number from 1 to 3650."
  }
}

variable "raw_archive_after_days" {
  description = "When uploads move to Glacier Instant Retrieval, from which they can still be read at once; null: never."
  type        = number
  default     = null

  validation {
    condition     = var.raw_archive_after_days == null ? true : var.raw_archive_after_days == floor(var.raw_archive_after_days) && var.raw_archive_after_days >= 1 && var.raw_archive_after_days <= 3650
    error_message = "raw_archive_after_days must be a whole number from 1 to 3650, or null to leave uploads where they are."
  }
}

# Delivery and observation

variable "price_class" {
  description = "Which of CloudFront's edge locations serve the pictures: PriceClass_100 is North America, Europe and Israel."
  type        = string
  default     = "PriceClass_100"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "missing_picture" {
  description = "Path of a small picture that is shown, with status 404, where one is missing; null: a short text. A relative path is below terraform/."
  type        = string
  default     = null

  validation {
    condition     = var.missing_picture == null ? true : can(regex("(?i)\\.(avif|gif|jpe?g|png|webp)$", var.missing_picture)) && fileexists(var.missing_picture)
    error_message = "missing_picture must be the path of an existing .png, .jpg, .gif, .webp or .avif file. PNG and JPEG are shown by every browser."
  }
}

variable "domain" {
  description = "A domain of your own for the pictures. With zone_id (of the Route 53 zone) its records are made there, and its certificate unless certificate_arn names one. With certificate_arn alone, point the name at the output distribution_domain yourself."
  type = object({
    name            = string
    zone_id         = optional(string)
    certificate_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null ? true : can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain.name)) && !startswith(var.domain.name, "*")
    error_message = "domain.name must be a host name in lower case, such as pictures.example.org, without https:// and without a wildcard."
  }

  validation {
    condition     = var.domain == null ? true : var.domain.zone_id != null || var.domain.certificate_arn != null
    error_message = "domain needs zone_id, to make the certificate and the records in that Route 53 zone, or certificate_arn, of a certificate that you made."
  }

  validation {
    condition     = var.domain == null ? true : var.domain.zone_id == null ? true : can(regex("^Z[A-Z0-9]{4,31}$", var.domain.zone_id))
    error_message = "domain.zone_id must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ; `aws route53 list-hosted-zones` lists them."
  }

  validation {
    condition     = var.domain == null ? true : var.domain.certificate_arn == null ? true : can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be of a certificate in us-east-1, where CloudFront looks for them: request or import it there."
  }
}

variable "ipv6" {
  description = "Whether pictures are served over IPv6 as well. False where signatures are bound to addresses (`img-pipeline sign --ip`): CloudFront checks IPv4 addresses alone."
  type        = bool
  default     = true
  nullable    = false
}

variable "signing_public_keys" {
  description = "Who may sign URLs and cookies: RSA public keys of 2048 bits in PEM, by a name of your choice. With any, every picture needs a signature (`img-pipeline sign`). None: pictures are public."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.signing_public_keys) : can(regex("^[A-Za-z0-9_-]{1,32}$", name))])
    error_message = "The names in signing_public_keys must be up to 32 letters, digits, - and _."
  }

  validation {
    condition     = alltrue([for key in values(var.signing_public_keys) : can(regex("^\\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\\s]+-----END PUBLIC KEY-----\\s*$", key))])
    error_message = "signing_public_keys must hold public keys in PEM, from `openssl genrsa -out private.pem 2048` and `openssl rsa -pubout -in private.pem`. A private key must never come here: Terraform would keep it in its state."
  }

  validation {
    condition     = length(var.signing_public_keys) <= 5
    error_message = "A key group takes five public keys: remove the oldest."
  }
}

variable "allowed_countries" {
  description = "Countries in which alone pictures are served, as two capital letters (ISO 3166-1); none: all."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for country in var.allowed_countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "allowed_countries must be codes of two capital letters, such as [\"DE\", \"AT\"]."
  }
}

variable "blocked_countries" {
  description = "Countries in which no picture is served, as two capital letters (ISO 3166-1)."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for country in var.blocked_countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "blocked_countries must be codes of two capital letters, such as [\"DE\", \"AT\"]."
  }

  validation {
    condition     = length(var.blocked_countries) == 0 || length(var.allowed_countries) == 0
    error_message = "CloudFront takes allowed_countries or blocked_countries, not both: leave one out."
  }
}

variable "rate_limit_per_ip" {
  description = "How many requests one address may make in five minutes before AWS WAF blocks it for a while; null: no web ACL, which saves its $6 a month."
  type        = number
  default     = null

  validation {
    condition     = var.rate_limit_per_ip == null ? true : var.rate_limit_per_ip == floor(var.rate_limit_per_ip) && var.rate_limit_per_ip >= 100 && var.rate_limit_per_ip <= 2000000000
    error_message = "rate_limit_per_ip must be a whole number from 100 up: a page with a gallery alone makes dozens of requests, and offices share one address."
  }
}

variable "cors_origins" {
  description = "Origins whose scripts may read the pixels of pictures (canvas, fetch), such as https://www.example.org, or \"*\" alone for all. Showing pictures needs none of this."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^https?://[a-z0-9.-]+(:[0-9]{1,5})?$", origin))])
    error_message = "cors_origins must be origins as browsers send them: https://www.example.org, in lower case, without a path or a slash at the end."
  }

  validation {
    condition     = !contains(var.cors_origins, "*") || length(var.cors_origins) == 1
    error_message = "\"*\" stands for all origins: name it alone, or name origins only."
  }
}

variable "access_log_days" {
  description = "How long CloudFront's access logs are kept, in a private bucket in us-east-1; null: none are written. They hold the addresses of visitors."
  type        = number
  default     = null

  validation {
    condition     = var.access_log_days == null ? true : var.access_log_days == floor(var.access_log_days) && var.access_log_days >= 1 && var.access_log_days <= 3650
    error_message = "access_log_days must be a whole number from 1 to 3650, or null for no logs."
  }
}

variable "invalidation_paths_per_month" {
  description = "How many paths replacements may have CloudFront forget in a calendar month, nine a picture with the default recipe. AWS charges from the 1001st of an account on. Beyond it, a replaced picture is served from caches for up to a day. 0: never invalidate. Removals have a budget of their own."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.invalidation_paths_per_month == floor(var.invalidation_paths_per_month) && var.invalidation_paths_per_month >= 0 && var.invalidation_paths_per_month <= 1000000
    error_message = "invalidation_paths_per_month must be a whole number from 0 (replaced pictures stay cached for up to a day) to 1000000 (which cost about $5000)."
  }
}

variable "removal_paths_per_month" {
  description = "How many paths removals may have CloudFront forget one by one in a calendar month, nine a picture with the default recipe. AWS charges from the 1001st of an account on. Beyond it CloudFront forgets everything, once in 15 minutes for all removals of that time: nothing removed stays, but every picture is fetched from S3 again. 0: always so."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.removal_paths_per_month == floor(var.removal_paths_per_month) && var.removal_paths_per_month >= 0 && var.removal_paths_per_month <= 1000000
    error_message = "removal_paths_per_month must be a whole number from 0 (each removal has CloudFront forget everything, at most once in 15 minutes) to 1000000 (which cost about $5000)."
  }
}

variable "alarm_receivers" {
  description = "Who is told when something is wrong: e-mail addresses, https:// URLs of pagers (Terraform's state holds them), and ARNs of SNS topics that you have already, each for the alarms of its region: the stack's own, us-east-1 (CloudFront, certificate) and replica_region. Owners of addresses must confirm the subscription, one a region."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for receiver in var.alarm_receivers :
      can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", receiver)) || can(regex("^https://[^@\\s]+$", receiver)) || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", receiver))
    ])
    error_message = "alarm_receivers must be e-mail addresses, https:// URLs without an @, or ARNs of standard SNS topics, such as arn:aws:sns:eu-central-1:123456789012:on-call."
  }
}

variable "alarm_email" {
  description = "One more of alarm_receivers, for a single e-mail address; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null ? true : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "alarm_email must be an e-mail address, or null for none."
  }
}

variable "canary_minutes" {
  description = "How often a tiny picture (_canary/canary.png) is uploaded to see that it comes through, with an alarm when it does not three times in a row; null: never. It finds out that uploads are not even announced, and costs less than a dollar a month: docs/costs.md."
  type        = number
  default     = null

  validation {
    condition     = var.canary_minutes == null ? true : var.canary_minutes == floor(var.canary_minutes) && var.canary_minutes >= 5 && var.canary_minutes <= 480
    error_message = "canary_minutes must be a whole number from 5 to 480, or null for no canary: an alarm looks back a day at most, and waits for three."
  }
}

variable "oldest_message_alarm_seconds" {
  description = "The alarm goes off when a picture has waited this long in the queue."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.oldest_message_alarm_seconds == floor(var.oldest_message_alarm_seconds) && var.oldest_message_alarm_seconds >= 60 && var.oldest_message_alarm_seconds <= 345600
    error_message = "oldest_message_alarm_seconds must be a whole number from 60 to 345600; messages are dropped after four days."
  }
}
