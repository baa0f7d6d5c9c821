output "value" {
  description = "As JSON, in the form in which a stack keeps it for as long as anything of that recipe is published: sizes, other keys, whether there are content-addressed copies, and until when it is published (null: for as long as nothing takes its place)."
  value = jsonencode({
    sizes     = local.entries
    other     = local.others
    versioned = try(local.recipe.retain_days, null) != null
    until     = null
  })
}

output "sizes" {
  description = "Names of the sizes, those of every width included."
  value       = local.sizes[*].name
}

output "formats" {
  description = "Names of the formats that some size has."
  value       = distinct(flatten([for size in local.ordered : size.formats]))
}

output "canonical" {
  description = "The entry of each size's canonical key, by the size's name."
  value       = { for index, size in local.ordered : size.name => local.entries[index][0] }
}

output "canonical_keys" {
  description = "The key template of each size's canonical URL, in the recipe's order."
  value       = [for size in local.ordered : size.keys[size.formats[0]]]
}

output "content_types" {
  description = "Media type of each format."
  value       = local.content_types
}
