# Which URLs are negotiated. What the generated function does is tried on a JavaScript engine elsewhere.

variables {
  recipe_json    = <<-JSON
    {"sizes": [
      {"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}, "avif": {"key": "avif/{stem}.avif"}}},
      {"name": "card", "formats": {"webp": {"key": "card/{name}.webp"}, "avif": {"key": "card/{name}.avif"}}},
      {"name": "plain", "formats": {"jpeg": {"key": "plain/{stem}.jpg"}}}
    ]}
  JSON
  served_formats = ["jpeg", "webp", "avif"]
  served_sizes   = ["full", "card", "plain"]
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
    condition = jsonencode(local.table) == jsonencode([
      [["image/jpeg", "full/", ".jpg"], ["image/avif", "avif/", ".avif"], ["image/webp", "webp/", ".webp"]],
      [["image/webp", "card/", ".webp"], ["image/avif", "card/", ".avif"]],
    ])
    error_message = "AVIF comes before WebP, and a size with one format has nothing to negotiate."
  }

  assert {
    condition     = jsonencode(local.plain) == jsonencode([["image/jpeg", "plain/", ".jpg"]])
    error_message = "What is not negotiated must still be served."
  }
}

run "keys_besides_renditions" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    other_keys = ["manifest/{name}.json"]
  }

  assert {
    condition     = contains([for entry in local.plain : jsonencode(entry)], jsonencode(["", "manifest/", ".json"]))
    error_message = "Other keys must be served as they are."
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
    condition     = jsonencode(local.table) == jsonencode([[["image/jpeg", "full/", ".jpg"], ["image/webp", "webp/", ".webp"]]])
    error_message = "A format that is not served yet must not be answered."
  }

  assert {
    condition = alltrue([
      for template in ["avif/", "card/"] : contains([for entry in local.plain : entry[1]], template)
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
    condition     = length(local.table) == 1 && local.table[0][0][1] == "card/"
    error_message = "A size that is not served yet must not be negotiated."
  }
}

run "jpeg_xl_where_a_recipe_makes_it" {
  command = plan

  module {
    source = "./modules/negotiation"
  }

  variables {
    recipe_json    = <<-JSON
      {"sizes": [{"name": "full", "formats": {
        "jxl": {"key": "jxl/{stem}.jxl"}, "jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}, "avif": {"key": "avif/{stem}.avif"}}}]}
    JSON
    served_formats = ["jpeg", "webp", "avif", "jxl"]
    served_sizes   = ["full"]
  }

  assert {
    condition     = jsonencode(local.table[0][*][0]) == jsonencode(["image/jpeg", "image/avif", "image/jxl", "image/webp"])
    error_message = "JPEG XL must be answered to those who name it and no AVIF, before WebP."
  }
}
