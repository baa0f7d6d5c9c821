# What a recipe may have published, as far as the edge function tells keys apart. No resources.

locals {
  recipe = jsondecode(var.recipe_json)

  content_types = {
    jpeg = "image/jpeg"
    webp = "image/webp"
    avif = "image/avif"
    jxl  = "image/jxl"
  }

  # A size with widths is one size a width, as in processor/recipe.py.
  sizes = flatten([
    for size in local.recipe.sizes : [
      for width in try(tolist(size.widths), [0]) : {
        name = width == 0 ? size.name : "${size.name}-${width}"
        keys = { for format, settings in size.formats : format => replace(settings.key, "{width}", width) }
      }
    ]
  ])

  # Per size: the most widely understood format, whose key is the canonical one, then the others. Where a client likes
  # two formats equally well, the first of these wins. Animations stand still in JPEG XL.
  ordered = [
    for size in local.sizes : {
      name    = size.name
      formats = concat([local.canonical[size.name]], [for format in ["avif", "webp", "jxl"] : format if contains(keys(size.keys), format) && format != local.canonical[size.name]])
      keys    = size.keys
    }
  ]
  canonical = { for size in local.sizes : size.name => [for format in ["jpeg", "webp", "avif", "jxl"] : format if contains(keys(size.keys), format)][0] }

  # [type, before, after]: the literal text around the placeholder of each key.
  entries = [
    for size in local.ordered : [
      for format in size.formats : [local.content_types[format], split("{", size.keys[format])[0], split("}", size.keys[format])[1]]
    ]
  ]

  # Of descriptors and tiles: tiles/{name}_files/3/0_1.jpg.
  tile_keys = try([
    "${local.recipe.tiles.key}.dzi",
    "${split("}", local.recipe.tiles.key)[0]}}${try(local.recipe.tiles.format, "jpeg") == "webp" ? ".webp" : ".jpg"}",
  ], [])

  # The same of every key that is only ever served as it is.
  others = [
    for key in concat(compact([try(local.recipe.manifest, null)]), local.tile_keys) : ["", split("{", key)[0], split("}", key)[1]]
  ]
}
