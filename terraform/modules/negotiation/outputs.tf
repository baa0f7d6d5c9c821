output "code" {
  description = "Source of the viewer-request function."
  value = templatefile("${path.module}/edge_function.js.tftpl", {
    sizes     = jsonencode(local.table)
    plain     = jsonencode(local.plain)
    versioned = var.versioned
  })
}

output "canonical_keys" {
  description = "The key template of each size's canonical URL, in the recipe's order."
  value       = [for size in local.sizes : size.formats[0].key]
}
