# The edge function's source, generated from the recipe. No resources: it can be rendered without AWS.

locals {
  recipe = jsondecode(var.recipe_json)

  content_types = {
    jpeg = "image/jpeg"
    webp = "image/webp"
    avif = "image/avif"
    jxl  = "image/jxl"
  }

  # Per size: the literal text around the placeholder of each format's key, most widely understood format first.
  sizes = [
    for size in local.recipe.sizes : {
      name = size.name
      formats = [
        for format in ["jpeg", "webp", "avif", "jxl"] : {
          format       = format
          content_type = local.content_types[format]
          key          = size.formats[format].key
          prefix       = split("{", size.formats[format].key)[0]
          suffix       = split("}", size.formats[format].key)[1]
        } if contains(keys(size.formats), format)
      ]
    }
  ]

  # Where a client likes two formats equally well, the first of these wins.
  preference = [for format in ["avif", "jxl", "webp"] : format if contains(var.served_formats, format)]

  negotiated = [
    for size in local.sizes : {
      canonical = slice(size.formats, 0, 1)[0]
      others = flatten([
        for format in local.preference : [for other in slice(size.formats, 1, length(size.formats)) : other if other.format == format]
      ])
    } if contains(var.served_sizes, size.name)
  ]

  # [type, prefix, suffix] of the canonical key, and of each key that may be answered in its stead.
  table = [
    for size in local.negotiated : [
      for format in concat([size.canonical], size.others) : [format.content_type, format.prefix, format.suffix]
    ] if length(size.others) > 0
  ]

  # The same of every key that is only served as it is. What is in neither list, the function answers itself.
  plain = [
    for entry in concat(
      [
        for format in flatten(local.sizes[*].formats) : [format.content_type, format.prefix, format.suffix]
      ],
      [for key in var.other_keys : ["", split("{", key)[0], split("}", key)[1]]],
    ) : entry if !contains(local.negotiable, jsonencode(entry))
  ]
  negotiable = [for entry in concat([], local.table...) : jsonencode(entry)]
}
