output "code" {
  description = "Source of the viewer-request function for as long as pictures of earlier recipes are published."
  value       = local.codes.now
}

output "code_after" {
  description = "Source of the same once every picture is made by the recipe."
  value       = local.codes.after
}

output "id" {
  description = "Stands for what the recipe publishes: the same for recipes with the same keys."
  value       = local.id
}

output "value" {
  description = "What the stack has to keep of the recipe: an entry of a later `earlier`."
  value       = local.value
}

output "pending" {
  description = "Whether pictures of other recipes may be published."
  value       = length(local.stages.now.published) > 1
}

output "mistakable" {
  description = "Pairs of keys, of this and of earlier recipes, that could name the same object."
  value       = local.mistakable
}

output "canonical_keys" {
  description = "The key template of each size's canonical URL, in the recipe's order."
  value       = module.tables.canonical_keys
}
