# Which URLs are negotiated. What the generated function does is tried on a JavaScript engine elsewhere.

variables {
  recipe_json = <<-JSON
    {"sizes": [
      {"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}, "avif": {"key": "avif/{stem}.avif"}}},
      {"name": "card", "formats": {"webp": {"key": "card/{name}.webp"}, "avif": {"key": "card/{name}.avif"}}},
      {"name": "plain", "formats": {"jpeg": {"key": "plain/{stem}.jpg"}}}
    ]}
  JSON
}

run "everything_served" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  assert {
    condition     = output.canonical_keys == ["full/{stem}.jpg", "card/{name}.webp", "plain/{stem}.jpg"]
    error_message = "JPEG is canonical, else the first format that is."
  }

  assert {
    condition = jsonencode(local.tables.now) == jsonencode([
      [["image/jpeg", "full/", ".jpg"], ["image/avif", "avif/", ".avif"], ["image/webp", "webp/", ".webp"]],
      [["image/webp", "card/", ".webp"], ["image/avif", "card/", ".avif"]],
    ])
    error_message = "AVIF comes before WebP, and a size with one format has nothing to negotiate."
  }

  assert {
    condition     = jsonencode(local.plain.now) == jsonencode([["", "plain/", ".jpg"]])
    error_message = "What is not negotiated must still be served."
  }
}

run "keys_besides_renditions" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"manifest": "manifest/{name}.json", "tiles": {"key": "tiles/{name}"}, "sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}}}]}
    JSON
  }

  assert {
    condition = jsonencode(local.plain.now) == jsonencode([
      ["", "full/", ".jpg"], ["", "manifest/", ".json"], ["", "tiles/", ".dzi"], ["", "tiles/", ".jpg"],
    ])
    error_message = "Other keys must be served as they are: ${jsonencode(local.plain.now)}"
  }
}

run "one_format_withheld" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    served_formats = ["jpeg", "webp"]
  }

  assert {
    condition     = jsonencode(local.tables.now) == jsonencode([[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]])
    error_message = "A format that is not served yet must not be answered."
  }

  assert {
    condition = alltrue([
      for template in ["avif/", "card/"] : contains([for entry in local.plain.now : entry[1]], template)
    ])
    error_message = "A URL that names a format is served even where nothing is negotiated to it."
  }
}

run "one_size_withheld" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    served_sizes = ["card"]
  }

  assert {
    condition     = length(local.tables.now) == 1 && local.tables.now[0][0][1] == "card/"
    error_message = "A size that is not served yet must not be negotiated."
  }
}

run "copies_are_known" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"retain_days": 30, "sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}}}]}
    JSON
  }

  assert {
    condition     = strcontains(output.code, "const VERSIONED = true;")
    error_message = "The function must know that there are content-addressed copies."
  }
}

run "jpeg_xl_where_a_recipe_makes_it" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "full", "formats": {
        "jxl": {"key": "jxl/{stem}.jxl"}, "jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}, "avif": {"key": "avif/{stem}.avif"}}}]}
    JSON
  }

  assert {
    condition     = jsonencode(local.tables.now[0][*][0]) == jsonencode(["image/jpeg", "image/avif", "image/webp", "image/jxl"])
    error_message = "JPEG XL must come behind the formats in which animations stay animated."
  }
}

# -- while pictures of earlier recipes are published ------------------------------------------------------------------

run "format_added" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    earlier = {
      before = <<-JSON
        {"sizes": [
          [["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]],
          [["image/webp", "card/", ".webp"]],
          [["image/jpeg", "plain/", ".jpg"]]
        ], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition     = jsonencode(local.tables.now) == jsonencode([[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]])
    error_message = "Older pictures have no AVIF, so it must not be answered: ${jsonencode(local.tables.now)}"
  }

  assert {
    condition     = strcontains(output.code, jsonencode(["", "avif/", ".avif"]))
    error_message = "New pictures have AVIF at once, so a URL that names it must be served."
  }

  assert {
    condition     = strcontains(output.code_after, jsonencode([["image/jpeg", "full/", ".jpg"], ["image/avif", "avif/", ".avif"], ["image/webp", "webp/", ".webp"]]))
    error_message = "When every picture has AVIF, it must be answered."
  }

  assert {
    condition     = output.pending
    error_message = "A recipe whose pictures are not all made is pending."
  }
}

run "all_pictures_made" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    earlier = {
      before = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]], [["image/jpeg", "gone/", ".jpg"], ["image/avif", "gone/", ".avif"]]],
         "other": [["", "manifest/", ".json"]], "versioned": true, "until": "2026-12-01T00:00:00Z"}
      JSON
    }
  }

  assert {
    condition     = output.code == output.code_after && !output.pending
    error_message = "What is served when all pictures are made must be what was announced for that time."
  }

  assert {
    condition     = contains([for size in local.tables.now : jsonencode(size)], jsonencode([["image/jpeg", "gone/", ".jpg"], ["image/avif", "gone/", ".avif"]]))
    error_message = "A dropped size must be negotiated as before, for its objects go together."
  }

  assert {
    condition     = contains([for entry in local.plain.now : jsonencode(entry)], jsonencode(["", "manifest/", ".json"])) && strcontains(output.code, "const VERSIONED = true;")
    error_message = "Dropped manifests and copies must be served until their time is over."
  }
}

run "format_dropped" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}}}]}
    JSON
    earlier = {
      before = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition     = length(local.tables.now) + length(local.tables.after) == 0
    error_message = "New pictures have no WebP, so it must not be answered any more."
  }

  assert {
    condition     = alltrue([for stage in ["now", "after"] : contains([for entry in local.plain[stage] : jsonencode(entry)], jsonencode(["", "webp/", ".webp"]))])
    error_message = "A URL that names the dropped format must be served for its time."
  }
}

run "size_renamed_another_with_other_keys" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [
        {"name": "large", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}},
        {"name": "card", "formats": {"webp": {"key": "tile/{name}.webp"}, "avif": {"key": "tile/{name}.avif"}}}
      ]}
    JSON
    earlier = {
      before = <<-JSON
        {"sizes": [
          [["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]],
          [["image/webp", "card/", ".webp"], ["image/avif", "card/", ".avif"]]
        ], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition = jsonencode(local.tables.now) == jsonencode([
      [["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]],
      [["image/webp", "tile/", ".webp"], ["image/avif", "tile/", ".avif"]],
      [["image/webp", "card/", ".webp"], ["image/avif", "card/", ".avif"]],
    ])
    error_message = "A new name changes nothing, and each picture at an old or a new URL has all formats of that URL: ${jsonencode(local.tables.now)}"
  }
}

run "one_format_with_another_key" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "avif": {"key": "new/{stem}.avif"}, "webp": {"key": "webp/{stem}.webp"}}}]}
    JSON
    earlier = {
      before = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"], ["image/avif", "avif/", ".avif"], ["image/webp", "webp/", ".webp"]]], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition     = jsonencode(local.tables.now) == jsonencode([[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]])
    error_message = "No picture has both keys of AVIF for certain."
  }
}

run "jpeg_added_to_a_size" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "card", "formats": {"jpeg": {"key": "card/{name}.jpg"}, "webp": {"key": "card/{name}.webp"}, "avif": {"key": "card/{name}.avif"}}}]}
    JSON
    earlier = {
      before = <<-JSON
        {"sizes": [[["image/webp", "card/", ".webp"], ["image/avif", "card/", ".avif"]]], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition     = jsonencode(local.tables.now[*][0]) == jsonencode([["image/jpeg", "card/", ".jpg"]])
    error_message = "The WebP was canonical and is now an alternative: served as it is. The JPEG's URL is of pictures that have all."
  }
}

run "three_recipes_at_once" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "avif": {"key": "avif/{stem}.avif"}, "webp": {"key": "webp/{stem}.webp"}}}]}
    JSON
    earlier = {
      first  = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"], ["image/avif", "avif/", ".avif"]]], "other": [], "versioned": false, "until": null}
      JSON
      second = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]], [["image/jpeg", "small/", ".jpg"]]], "other": [], "versioned": false, "until": null}
      JSON
      third  = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"]], [["image/jpeg", "old/", ".jpg"]]], "other": [], "versioned": false, "until": "2026-12-01T00:00:00Z"}
      JSON
    }
  }

  assert {
    condition     = length(local.tables.now) == 0
    error_message = "Only what all recipes on the air have may be answered, and these have the JPEG in common."
  }

  assert {
    condition     = jsonencode(local.tables.after) == jsonencode([[["image/jpeg", "full/", ".jpg"], ["image/avif", "avif/", ".avif"], ["image/webp", "webp/", ".webp"]]])
    error_message = "A recipe of which only dropped keys are left must not hold the others back."
  }

  assert {
    condition     = length(setsubtract([for prefix in ["full/", "avif/", "webp/", "small/", "old/"] : jsonencode(["", prefix, prefix == "avif/" ? ".avif" : prefix == "webp/" ? ".webp" : ".jpg"])], [for entry in local.plain.now : jsonencode(entry)])) == 0
    error_message = "Every key of every recipe must be served."
  }
}

run "the_recipe_itself_is_not_earlier" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "s", "formats": {"jpeg": {"key": "s/{stem}.jpg", "quality": 70}}}]}
    JSON
    earlier = {
      "6a1d2d1c7b0e4f55" = <<-JSON
        {"sizes": [[["image/jpeg", "other/", ".jpg"]]], "other": [], "versioned": false, "until": "2026-12-01T00:00:00Z"}
      JSON
    }
    served_formats = ["jpeg"]
  }

  assert {
    condition     = output.value == jsonencode({ sizes = [[["image/jpeg", "s/", ".jpg"]]], other = [], versioned = false, until = null })
    error_message = "What a stack keeps of a recipe must say which keys there are, and nothing that changes without them: ${output.value}"
  }

  assert {
    condition     = output.id == substr(sha256(output.value), 0, 16)
    error_message = "Recipes with the same keys must be the same to the edge function."
  }
}

run "keys_that_could_be_mistaken" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [{"name": "s", "formats": {"jpeg": {"key": "s/{stem}.jpg"}, "webp": {"key": "s/{stem}.webp"}}}]}
    JSON
    earlier = {
      before = <<-JSON
        {"sizes": [[["image/jpeg", "s/", "_small.jpg"], ["image/webp", "s/", ".webp"]], [["image/jpeg", "t/", ".jpg"]]], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition     = tolist(output.mistakable) == tolist(["s/{…}.jpg and s/{…}_small.jpg"])
    error_message = "A key that could be another picture's by an earlier recipe must be found, and no other: ${jsonencode(output.mistakable)}"
  }
}

run "size_that_comes_back" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json = <<-JSON
      {"sizes": [
        {"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}},
        {"name": "card", "formats": {"jpeg": {"key": "card/{stem}.jpg"}, "webp": {"key": "card/{stem}.webp"}}}
      ]}
    JSON
    earlier = {
      dropped = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"]], [["image/jpeg", "card/", ".jpg"]]], "other": [], "versioned": false, "until": "2026-12-01T00:00:00Z"}
      JSON
      without = <<-JSON
        {"sizes": [[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]], "other": [], "versioned": false, "until": null}
      JSON
    }
  }

  assert {
    condition     = jsonencode(local.tables.now) == jsonencode([[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]])
    error_message = "A picture that is not made again yet may have that size from before it was dropped, without WebP. All have both formats of the other: ${jsonencode(local.tables.now)}"
  }
}
