output "region" {
  description = "AWS region of everything but CloudFront."
  value       = local.region
}

output "raw_bucket" {
  description = "Upload pictures here."
  value       = module.storage.raw_bucket_name
}

output "processed_bucket" {
  description = "Where the renditions are. Private: read them through cdn_domain."
  value       = module.storage.processed_bucket_name
}

output "replica_region" {
  description = "Where copies are kept; null: nowhere."
  value       = var.replica_region
}

output "raw_replica_bucket" {
  description = "Copies of the uploads, in replica_region; null: there are none. Only replication writes there."
  value       = one(module.replica[*].raw_bucket_name)
}

output "processed_replica_bucket" {
  description = "Copies of the renditions, in replica_region; null: there are none."
  value       = one(module.replica[*].processed_bucket_name)
}

output "cdn_domain" {
  description = "Host that serves the renditions."
  value       = module.delivery.domain_name
}

output "distribution_id" {
  description = "The CloudFront distribution, for invalidations."
  value       = module.delivery.distribution_id
}

output "distribution_domain" {
  description = "CloudFront's own name of that host: what a record for a domain of one's own points at."
  value       = module.delivery.distribution_domain
}

output "signing_key_ids" {
  description = "CloudFront's ids of signing_public_keys, by name. `img-pipeline sign` needs one."
  value       = module.delivery.signing_key_ids
}

output "access_log_bucket" {
  description = "Where access logs go, in us-east-1; null: there are none."
  value       = module.delivery.access_log_bucket
}

output "table_name" {
  description = "The records: one item a picture, and its history."
  value       = module.records.table_name
}

output "queue_url" {
  description = "The ingest queue."
  value       = module.ingest.queue_url
}

output "dead_letter_queue_url" {
  description = "Where messages end that failed five times."
  value       = module.ingest.dead_letter_queue_url
}

output "backfill_state_machine_arn" {
  description = "Queues every upload: what `img-pipeline backfill --distributed` starts."
  value       = module.backfill.state_machine_arn
}

output "event_bus_name" {
  description = "Where ImageProcessed, ImageRejected and ImageRemoved are announced."
  value       = module.announcements.event_bus_name
}

output "function_name" {
  description = "The processor. Its alias `live` is what the queue calls."
  value       = module.processor.function_name
}

output "memory_mb" {
  description = "The processor's memory in MB, which decides what its seconds cost."
  value       = var.memory_mb
}

output "maximum_concurrency" {
  description = "How many invocations the queue may run at once."
  value       = var.maximum_concurrency
}

output "log_group_name" {
  description = "The processor's log."
  value       = module.processor.log_group_name
}

output "architecture" {
  description = "Processor architecture of that image."
  value       = var.architecture
}

output "stack_name" {
  description = "First part of every resource's name. `img-pipeline --stack ssm:NAME` reads these outputs from the stack itself."
  value       = local.name
}

output "image_uri" {
  description = "The container image that the processor runs."
  value       = module.processor.image_uri
}

output "recipe" {
  description = "The renditions that every picture gets, as JSON."
  value       = local.recipe_json
}

output "edge_parameters" {
  description = "What the names of the parameters begin with in which the stack keeps how far a change of the recipe is."
  value       = module.rollout.path
}

output "alarm_topic_arn" {
  description = "SNS topic of the alarms in the stack's own region."
  value       = module.receivers.topic_arn
}

output "alarm_topic_arns" {
  description = "SNS topics of all alarms, by region: the stack's own, us-east-1 for CloudFront and certificates, and the copies'."
  value       = local.alarm_topic_arns
}

output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = module.observability.dashboard_name
}

output "upload_command" {
  description = "Uploads a picture: paste it, with a file name of yours."
  value       = local.upload_command
}

output "example_url" {
  description = "Where that picture's first size is served, seconds later."
  value       = local.example_url
}
