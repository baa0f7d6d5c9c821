# The edge function's source, generated from the recipes of which something is published. No resources: it can be
# rendered without AWS.

module "tables" {
  source = "./tables"

  recipe_json = var.recipe_json
}

locals {
  value = module.tables.value
  id    = substr(sha256(local.value), 0, 16)

  recipes = merge({ for id, value in var.earlier : id => jsondecode(value) if id != local.id }, { (local.id) = jsondecode(local.value) })
  others  = [for id in sort(keys(local.recipes)) : id if id != local.id]

  # Recipes by which some picture may be published, and recipes of which only what later ones dropped is left. A picture
  # has all keys of one of the first kind, and may have those of any other.
  stages = {
    now = {
      published = concat([local.id], [for id in local.others : id if local.recipes[id].until == null])
      dropped   = [for id in local.others : id if local.recipes[id].until != null]
    }
    after = {
      published = [local.id]
      dropped   = local.others
    }
  }

  # Per recipe, with entries as JSON, by which they can be compared: all keys, and what each canonical key stands for.
  entries   = { for id, recipe in local.recipes : id => [for entry in concat(concat([], recipe.sizes...), recipe.other) : jsonencode(entry)] }
  canonical = { for id, recipe in local.recipes : id => [for size in recipe.sizes : jsonencode(size[0])] }
  alternatives = {
    for id, recipe in local.recipes : id => { for size in recipe.sizes : jsonencode(size[0]) => [for entry in slice(size, 1, length(size)) : jsonencode(entry)] }
  }

  # By stage and canonical key: the recipes whose pictures may have it. What was dropped counts where a picture can have
  # the key only from there.
  holders = {
    for stage, ids in local.stages : stage => {
      for key in distinct(flatten([for id in concat(ids.published, ids.dropped) : local.canonical[id]])) : key => [
        for id in concat(ids.published, alltrue([for id in ids.published : contains(local.entries[id], key)]) ? [] : ids.dropped) : id if contains(local.entries[id], key)
      ]
    }
  }

  # A key is answered by another only if every picture that has the one has the other.
  common = {
    for stage, holders in local.holders : stage => {
      for key, ids in holders : key => [
        for entry in try(local.alternatives[ids[0]][key], []) : entry if alltrue([for id in ids : contains(try(local.alternatives[id][key], []), entry)])
      ]
    }
  }

  # What the variables hold back on top of that.
  served_types = [for format in coalesce(var.served_formats, keys(module.tables.content_types)) : module.tables.content_types[format]]
  withheld     = [for name, entry in module.tables.canonical : jsonencode(entry) if !contains(coalesce(var.served_sizes, module.tables.sizes), name)]

  negotiated = {
    for stage, common in local.common : stage => {
      for key, entries in common : key => [for entry in entries : entry if contains(local.served_types, jsondecode(entry)[0]) && !contains(local.withheld, key)]
    }
  }

  # Per stage: [type, prefix, suffix] of a canonical key, and of each key that may be answered in its stead.
  tables = {
    for stage, ids in local.stages : stage => [
      for key in distinct(flatten([for id in concat(ids.published, ids.dropped) : local.canonical[id]])) :
      [for entry in concat([key], local.negotiated[stage][key]) : jsondecode(entry)] if length(local.negotiated[stage][key]) > 0
    ]
  }
  in_tables = { for stage, table in local.tables : stage => [for entry in concat([], table...) : jsonencode(entry)] }

  # The same, without the type, of every key that is only served as it is. What is in neither list, the function answers
  # itself.
  plain = {
    for stage, ids in local.stages : stage => [
      for text in distinct([
        for entry in flatten([for id in concat(ids.published, ids.dropped) : local.entries[id]]) :
        jsonencode(["", jsondecode(entry)[1], jsondecode(entry)[2]]) if !contains(local.in_tables[stage], entry)
      ]) : jsondecode(text)
    ]
  }

  # Keys of an earlier recipe that could be another one's of this recipe: neither object would be safe from the other.
  mistakable = distinct(flatten([
    for id in local.others : [
      for theirs in concat(concat([], local.recipes[id].sizes...), local.recipes[id].other) : [
        for ours in concat(concat([], local.recipes[local.id].sizes...), local.recipes[local.id].other) :
        "${ours[1]}{…}${ours[2]} and ${theirs[1]}{…}${theirs[2]}"
        if(ours[1] != theirs[1] || ours[2] != theirs[2]) && (startswith(ours[1], theirs[1]) || startswith(theirs[1], ours[1])) && (endswith(ours[2], theirs[2]) || endswith(theirs[2], ours[2]))
      ]
    ]
  ]))

  codes = {
    for stage, ids in local.stages : stage => templatefile("${path.module}/edge_function.js.tftpl", {
      sizes     = jsonencode(local.tables[stage])
      plain     = jsonencode(local.plain[stage])
      versioned = anytrue([for id in concat(ids.published, ids.dropped) : local.recipes[id].versioned])
    })
  }
}
