# Every validation rejects what it is there to reject.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

variables {
  environment = "dev"
  image_uri   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/img-pipeline-dev@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "rejects_a_wrong_value_of_every_variable" {
  command = plan

  variables {
    project                      = "ImgPipeline"
    region                       = "Frankfurt"
    replica_region               = "Dublin"
    tags                         = { "aws:cost" = "1" }
    image_uri                    = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/img-pipeline-dev:latest"
    architecture                 = "riscv"
    memory_mb                    = 512
    timeout_seconds              = 901
    batch_size                   = 11
    batching_window_seconds      = 301
    maximum_concurrency          = 1
    max_object_bytes             = 1073741824
    max_pixels                   = 1000000000
    max_icc_bytes                = 0
    max_metadata_bytes           = 0
    max_side                     = 0
    max_alpha_pixels             = 0
    max_frames                   = 0
    max_total_pixels             = 0
    max_animation_pixels         = 0
    max_frame_pixels             = 0
    max_duration_seconds         = 0
    max_decode_seconds           = 0
    log_level                    = "TRACE"
    log_retention_days           = 0
    raw_noncurrent_version_days  = 0
    raw_archive_after_days       = 0
    price_class                  = "PriceClass_300"
    alarm_email                  = "somebody"
    alarm_receivers              = ["http://pager.example", "arn:aws:sqs:eu-central-1:123456789012:queue"]
    canary_minutes               = 4
    oldest_message_alarm_seconds = 345601
    served_formats               = ["jxl"]
    served_sizes                 = ["poster"]
    recipe_grace_days            = 0
    previous_recipe              = "default"
  }

  expect_failures = [
    var.project,
    var.region,
    var.replica_region,
    var.tags,
    var.image_uri,
    var.architecture,
    var.memory_mb,
    var.timeout_seconds,
    var.batch_size,
    var.batching_window_seconds,
    var.maximum_concurrency,
    var.max_object_bytes,
    var.max_pixels,
    var.max_icc_bytes,
    var.max_metadata_bytes,
    var.max_side,
    var.max_alpha_pixels,
    var.max_frames,
    var.max_total_pixels,
    var.max_animation_pixels,
    var.max_frame_pixels,
    var.max_duration_seconds,
    var.max_decode_seconds,
    var.log_level,
    var.log_retention_days,
    var.raw_noncurrent_version_days,
    var.raw_archive_after_days,
    var.price_class,
    var.alarm_email,
    var.alarm_receivers,
    var.canary_minutes,
    var.oldest_message_alarm_seconds,
    var.served_formats,
    var.served_sizes,
    var.recipe_grace_days,
    var.previous_recipe,
  ]
}

run "rejects_copies_beside_the_originals" {
  command = plan

  variables {
    replica_region = "eu-central-1"
  }

  expect_failures = [
    var.replica_region,
  ]
}

run "rejects_other_wrong_values" {
  command = plan

  variables {
    project   = "a-name-that-is-far-too-long"
    image_uri = "img-pipeline@sha256:0123"
  }

  expect_failures = [
    var.project,
    var.image_uri,
  ]
}

run "rejects_a_name_that_parameter_store_reserves" {
  command = plan

  variables {
    project = "aws-pictures"
  }

  expect_failures = [var.project]
}

run "rejects_an_emulator_anywhere_but_in_local" {
  command = plan

  variables {
    emulator = true
  }

  expect_failures = [
    var.emulator,
  ]
}

run "rejects_an_environment_with_a_hyphen" {
  command = plan

  variables {
    environment = "dev-1"
  }

  expect_failures = [
    var.environment,
  ]
}

run "rejects_recipe_over_3000_bytes" {
  command = plan

  variables {
    recipe = {
      sizes = [for number in range(60) : { name = "size-${number}", formats = { jpeg = { key = "folder-${number + 100}/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_a_colour_by_name" {
  command = plan

  variables {
    recipe = {
      background = "white"
      sizes      = [{ name = "only", formats = { jpeg = { key = "s/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_without_sizes" {
  command = plan

  variables {
    recipe = {
      sizes = []
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_a_size_in_capitals" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "Large", formats = { jpeg = { key = "s/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_two_sizes_of_one_name" {
  command = plan

  variables {
    recipe = {
      sizes = [
        { name = "s", formats = { jpeg = { key = "a/{stem}.jpg" } } },
        { name = "s", formats = { jpeg = { key = "b/{stem}.jpg" } } },
      ]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_an_unknown_fit" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", fit = "cover", formats = { jpeg = { key = "s/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_a_size_without_formats" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = {} }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_an_unknown_format" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { heic = { key = "s/{stem}.heic" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_half_a_pixel" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", width = 0.5, formats = { jpeg = { key = "s/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_a_side_that_no_format_has" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "s/{stem}.jpg", max_side = 65536 } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_quality_over_100" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "s/{stem}.jpg", quality = 101 } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_key_without_a_placeholder" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "s/picture.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_key_with_two_placeholders" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "{stem}/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_key_with_the_wrong_extension" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "s/{stem}.webp" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_key_that_begins_with_a_slash" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "/s/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_key_that_climbs_up" {
  command = plan

  variables {
    recipe = {
      sizes = [{ name = "only", formats = { jpeg = { key = "s/../{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_keys_of_which_one_begins_with_the_other" {
  command = plan

  variables {
    recipe = {
      sizes = [
        { name = "a", formats = { jpeg = { key = "{stem}.jpg" } } },
        { name = "b", formats = { jpeg = { key = "b/{stem}.jpg" } } },
      ]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_keys_with_equal_prefixes" {
  command = plan

  variables {
    recipe = {
      sizes = [
        { name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } },
        { name = "b", formats = { jpeg = { key = "a/{stem}_b.jpg" } } },
      ]
    }
  }

  expect_failures = [var.recipe]
}

run "accepts_a_recipe_of_its_own" {
  command = plan

  variables {
    recipe = {
      background = "#102030"
      sizes = [
        { name = "card", width = 640, formats = { jpeg = { key = "card/{stem}.jpeg" }, avif = { key = "card/{stem}.avif", quality = 50, max_side = 640 } } },
        { name = "banner", formats = { webp = { key = "banner/{name}.webp" } } },
      ]
    }
    served_formats = ["jpeg"]
    served_sizes   = ["card"]
  }

  assert {
    condition     = output.recipe == "{\"background\":\"#102030\",\"sizes\":[{\"formats\":{\"avif\":{\"key\":\"card/{stem}.avif\",\"max_side\":640,\"quality\":50},\"jpeg\":{\"key\":\"card/{stem}.jpeg\"}},\"name\":\"card\",\"width\":640},{\"formats\":{\"webp\":{\"key\":\"banner/{name}.webp\"}},\"name\":\"banner\"}]}"
    error_message = "The function must get the recipe as it was written, without nulls for what was left out: ${output.recipe}"
  }
}

run "accepts_a_local_tag_for_an_emulator" {
  command = plan

  variables {
    environment = "local"
    emulator    = true
    image_uri   = "img-pipeline:0123-x86_64"
  }

  assert {
    condition     = output.image_uri == "img-pipeline:0123-x86_64"
    error_message = "An emulator runs the image by its local tag."
  }
}

run "rejects_half_an_invalidation" {
  command = plan

  variables {
    invalidation_paths_per_month = 1.5
  }

  expect_failures = [var.invalidation_paths_per_month]
}

run "rejects_removals_without_a_bound" {
  command = plan

  variables {
    removal_paths_per_month = 1000001
  }

  expect_failures = [var.removal_paths_per_month]
}

run "rejects_a_missing_picture_that_is_none" {
  command = plan

  variables {
    missing_picture = "./tests/none.png"
  }

  expect_failures = [var.missing_picture]
}

run "rejects_a_missing_picture_of_another_kind" {
  command = plan

  variables {
    missing_picture = "./tests/variables.tftest.hcl"
  }

  expect_failures = [var.missing_picture]
}

run "rejects_a_domain_with_a_scheme" {
  command = plan

  variables {
    domain = { name = "https://pictures.example.org", zone_id = "Z0123456789" }
  }

  expect_failures = [var.domain]
}

run "rejects_a_domain_without_zone_or_certificate" {
  command = plan

  variables {
    domain = { name = "pictures.example.org" }
  }

  expect_failures = [var.domain]
}

run "rejects_a_domain_with_a_zone_name_for_its_id" {
  command = plan

  variables {
    domain = { name = "pictures.example.org", zone_id = "example.org" }
  }

  expect_failures = [var.domain]
}

run "rejects_a_certificate_of_another_region" {
  command = plan

  variables {
    domain = { name = "pictures.example.org", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
  }

  expect_failures = [var.domain]
}

run "rejects_a_private_key_to_sign_with" {
  command = plan

  variables {
    signing_public_keys = { site = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----" }
  }

  expect_failures = [var.signing_public_keys]
}

run "rejects_a_signer_with_a_space_in_its_name" {
  command = plan

  variables {
    signing_public_keys = { "my site" = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----" }
  }

  expect_failures = [var.signing_public_keys]
}

run "rejects_more_signers_than_a_key_group_takes" {
  command = plan

  variables {
    signing_public_keys = { for name in ["a", "b", "c", "d", "e", "f"] : name => "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----" }
  }

  expect_failures = [var.signing_public_keys]
}

run "rejects_a_country_by_its_name" {
  command = plan

  variables {
    allowed_countries = ["Germany"]
  }

  expect_failures = [var.allowed_countries]
}

run "rejects_a_country_in_lower_case" {
  command = plan

  variables {
    blocked_countries = ["de"]
  }

  expect_failures = [var.blocked_countries]
}

run "rejects_a_tiny_rate_limit" {
  command = plan

  variables {
    rate_limit_per_ip = 10
  }

  expect_failures = [var.rate_limit_per_ip]
}

run "rejects_an_origin_with_a_path" {
  command = plan

  variables {
    cors_origins = ["https://www.example.org/"]
  }

  expect_failures = [var.cors_origins]
}

run "rejects_all_origins_and_one" {
  command = plan

  variables {
    cors_origins = ["*", "https://www.example.org"]
  }

  expect_failures = [var.cors_origins]
}

run "rejects_logs_for_no_days" {
  command = plan

  variables {
    access_log_days = 0
  }

  expect_failures = [var.access_log_days]
}

run "rejects_countries_both_allowed_and_blocked" {
  command = plan

  variables {
    allowed_countries = ["DE"]
    blocked_countries = ["AT"]
  }

  expect_failures = [var.blocked_countries]
}

run "rejects_widths_and_a_width" {
  command = plan

  variables {
    recipe = { sizes = [{ name = "a", width = 100, widths = [320], formats = { jpeg = { key = "a/{width}/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_more_than_a_hundred_renditions" {
  command = plan

  variables {
    recipe = { sizes = [for name in ["a", "b", "c", "d"] : {
      name    = name
      widths  = [for step in range(9) : 320 + 100 * step]
      formats = { for format in ["jpeg", "webp", "avif"] : format => { key = "${name}/{width}/{stem}.${format}" } }
    }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_a_width_twice" {
  command = plan

  variables {
    recipe = { sizes = [{ name = "a", widths = [320, 320], formats = { jpeg = { key = "a/{width}/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_widths_in_one_folder" {
  command = plan

  variables {
    recipe = { sizes = [{ name = "a", widths = [320, 640], formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_widths_told_apart_after_the_stem" {
  command = plan

  variables {
    recipe = { sizes = [{ name = "a", widths = [320, 640], formats = { jpeg = { key = "a/{stem}_{width}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_a_place_for_a_width_without_widths" {
  command = plan

  variables {
    recipe = { sizes = [{ name = "a", formats = { jpeg = { key = "a/{width}/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "accepts_widths" {
  command = plan

  variables {
    recipe       = { sizes = [{ name = "page", widths = [320, 640], formats = { jpeg = { key = "page/{width}/{stem}.jpg" }, avif = { key = "page/{width}/{stem}.avif" } } }] }
    served_sizes = ["page-640"]
  }

  assert {
    condition     = local.recipe_sizes == ["page-320", "page-640"] && module.negotiation.canonical_keys == ["page/320/{stem}.jpg", "page/640/{stem}.jpg"]
    error_message = "Each width must be a size of its own."
  }

  assert {
    condition     = jsondecode(output.recipe).sizes[0].widths == [320, 640]
    error_message = "The function must get the widths as they were written."
  }
}

run "rejects_keeping_what_is_private" {
  command = plan

  variables {
    recipe = { keep = ["gps"], sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_a_chroma_of_the_recipe_that_no_encoder_knows" {
  command = plan

  variables {
    recipe = { chroma = "4:4:4", sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_a_chroma_of_a_format_that_no_encoder_knows" {
  command = plan

  variables {
    recipe = { sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" }, avif = { key = "a/{stem}.avif", chroma = "none" } } }] }
  }

  expect_failures = [var.recipe]
}

run "accepts_the_options_of_a_recipe" {
  command = plan

  variables {
    recipe = { chroma = "full", linear = true, keep = ["copyright"], gps = true, sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg", chroma = "half" } } }] }
  }

  assert {
    condition     = { for name, value in jsondecode(output.recipe) : name => jsonencode(value) if name != "sizes" } == { chroma = "\"full\"", linear = "true", keep = "[\"copyright\"]", gps = "true" } && jsondecode(output.recipe).sizes[0].formats.jpeg.chroma == "half"
    error_message = "The function must get the options of the recipe as they were set."
  }
}

run "rejects_a_manifest_that_is_no_json" {
  command = plan

  variables {
    recipe = { manifest = "manifest/{name}.txt", sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "accepts_a_manifest" {
  command = plan

  variables {
    recipe = { manifest = "manifest/{name}.json", sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  assert {
    condition     = jsondecode(output.recipe).manifest == "manifest/{name}.json" && strcontains(module.negotiation.code, "[\"\",\"manifest/\",\".json\"]")
    error_message = "The function must write the manifest, and the edge function serve it."
  }
}

run "rejects_recipe_with_no_days_to_retain" {
  command = plan

  variables {
    recipe = {
      retain_days = 0
      sizes       = [{ name = "only", formats = { jpeg = { key = "s/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "rejects_recipe_with_a_key_among_content_addressed_copies" {
  command = plan

  variables {
    recipe = {
      retain_days = 30
      sizes       = [{ name = "only", formats = { jpeg = { key = "v/{stem}.jpg" } } }]
    }
  }

  expect_failures = [var.recipe]
}

run "accepts_tiles" {
  command = plan

  variables {
    recipe = { tiles = { key = "tiles/{name}_zoom", format = "webp" }, sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  assert {
    condition     = jsonencode(jsondecode(output.recipe).tiles) == jsonencode({ format = "webp", key = "tiles/{name}_zoom" })
    error_message = "The function must cut tiles, with defaults for what is not set."
  }

  assert {
    condition     = strcontains(module.negotiation.code, "[\"\",\"tiles/\",\"_zoom.dzi\"]") && strcontains(module.negotiation.code, "[\"\",\"tiles/\",\".webp\"]")
    error_message = "The edge function must serve descriptors and tiles."
  }
}

run "rejects_tiles_beside_a_format" {
  command = plan

  variables {
    recipe = { tiles = { key = "full/{name}" }, sizes = [{ name = "full", formats = { jpeg = { key = "full/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_tiles_below_one_width" {
  command = plan

  variables {
    recipe = { tiles = { key = "page/640/tiles/{name}" }, sizes = [{ name = "page", widths = [320, 640], formats = { webp = { key = "page/{width}/{stem}.webp" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_tiles_in_no_folder" {
  command = plan

  variables {
    recipe = { tiles = { key = "{name}" }, sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_tiles_in_a_format_of_films" {
  command = plan

  variables {
    recipe = { tiles = { key = "tiles/{name}", format = "avif" }, sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_tiles_of_half_a_pixel" {
  command = plan

  variables {
    recipe = { tiles = { key = "tiles/{name}", tile = 254.5 }, sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "rejects_tiles_that_are_too_small" {
  command = plan

  variables {
    recipe = { tiles = { key = "tiles/{name}", tile = 64 }, sizes = [{ name = "a", formats = { jpeg = { key = "a/{stem}.jpg" } } }] }
  }

  expect_failures = [var.recipe]
}

run "accepts_the_longest_names_that_still_make_bucket_names" {
  command = plan

  variables {
    project         = "a-name-as-long-as-may-be"
    environment     = "abcdefghij"
    replica_region  = "eu-west-1"
    alarm_receivers = ["on-call@example.org"]
  }

  assert {
    condition     = alltrue([for name in [output.raw_bucket, output.processed_bucket, output.raw_replica_bucket, output.processed_replica_bucket] : length(name) <= 63])
    error_message = "Bucket names end at 63 characters."
  }
}

run "rejects_a_partition_without_cloudfront" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov" }
  }

  expect_failures = [data.aws_partition.current]
}
