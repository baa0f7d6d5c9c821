# Noted once, when the state is new, and compared before every plan: with another project's, environment's, account's or
# region's variables, a plan of this state would destroy this stack to make another.
resource "terraform_data" "owner" {
  input = {
    project     = var.project
    environment = var.environment
    account_id  = local.account_id
    region      = local.region
  }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition = (
        self.input.project == var.project && self.input.environment == var.environment &&
        self.input.account_id == local.account_id && self.input.region == local.region
      )
      error_message = "This state belongs to project ${self.input.project}, environment ${self.input.environment}, account ${self.input.account_id}, region ${self.input.region}, not to ${var.project}, ${var.environment}, ${local.account_id}, ${local.region}. Use that stack's variables, credentials and region, or another state: docs/deploying.md."
    }
  }
}

# In the order in which a picture passes through.

module "storage" {
  source = "./modules/storage"

  raw_bucket_name         = "${local.name}-raw-${local.account_id}"
  processed_bucket_name   = "${local.name}-processed-${local.account_id}"
  noncurrent_version_days = var.raw_noncurrent_version_days
  archive_after_days      = var.raw_archive_after_days
  retain_days             = local.retain_days
  recipe_grace_days       = var.recipe_grace_days
  processed_versions      = var.replica_region != null
  force_destroy           = var.force_destroy
  tls_only                = !var.emulator
}

# The same buckets once more, in the other region.
module "replica" {
  source = "./modules/storage"
  count  = var.replica_region == null ? 0 : 1

  providers = {
    aws = aws.replica
  }

  raw_bucket_name         = "${local.name}-raw-copy-${local.account_id}"
  processed_bucket_name   = "${local.name}-processed-copy-${local.account_id}"
  noncurrent_version_days = var.raw_noncurrent_version_days
  archive_after_days      = var.raw_archive_after_days
  retain_days             = local.retain_days
  recipe_grace_days       = var.recipe_grace_days
  processed_versions      = true
  force_destroy           = var.force_destroy
  tls_only                = !var.emulator
}

module "replication" {
  source = "./modules/replication"
  count  = var.replica_region == null ? 0 : 1

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }

  name                        = local.name
  account_id                  = local.account_id
  originals                   = module.storage.versioned
  replicas                    = module.replica[0].versioned
  replica_bucket_domain       = module.replica[0].processed_bucket_domain
  processed_tls_only_document = module.replica[0].processed_tls_only_document
  distribution_arn            = module.delivery.distribution_arn
}

module "ingest" {
  source = "./modules/ingest"

  name                       = local.name
  account_id                 = local.account_id
  raw_bucket_name            = module.storage.private.raw
  raw_bucket_arn             = module.storage.raw_bucket_arn
  visibility_timeout_seconds = local.visibility_timeout_seconds
  function_arn               = module.processor.alias_arn
  batch_size                 = var.batch_size
  batching_window_seconds    = var.batching_window_seconds
  maximum_concurrency        = var.maximum_concurrency
  enabled                    = var.processing_enabled
}

module "processor" {
  source = "./modules/processor"

  name                       = "${local.name}-processor"
  stack                      = local.name
  partition                  = local.partition
  account_id                 = local.account_id
  region                     = local.region
  image_uri                  = var.image_uri
  architecture               = var.architecture
  memory_mb                  = var.memory_mb
  timeout_seconds            = var.timeout_seconds
  lease_seconds              = local.lease_seconds
  visibility_timeout_seconds = local.visibility_timeout_seconds
  log_level                  = var.log_level
  log_retention_days         = var.log_retention_days
  tracing                    = var.tracing
  recipe_json                = local.recipe_json
  recipe_grace_days          = var.recipe_grace_days
  limits                     = local.limits
  raw_bucket_name            = module.storage.raw_bucket_name
  raw_bucket_arn             = module.storage.raw_bucket_arn
  processed_bucket_name      = module.storage.processed_bucket_name
  processed_bucket_arn       = module.storage.processed_bucket_arn
  table_name                 = module.records.table_name
  table_arn                  = module.records.table_arn
  event_bus_name             = module.announcements.event_bus_name
  event_bus_arn              = module.announcements.event_bus_arn
  queue_url                  = module.ingest.queue_url
  queue_arn                  = module.ingest.queue_arn
  cdn_domain                 = module.delivery.domain_name
  distribution_id            = module.delivery.distribution_id
  distribution_arn           = module.delivery.distribution_arn
  canary_key                 = var.canary_minutes == null ? null : local.canary_key

  invalidation_paths_per_month = var.invalidation_paths_per_month
  removal_paths_per_month      = var.removal_paths_per_month
}

module "records" {
  source = "./modules/records"

  table_name          = "${local.name}-records"
  replica_region      = var.replica_region
  deletion_protection = !var.force_destroy
}

module "announcements" {
  source = "./modules/announcements"

  event_bus_name = local.name
}

module "backfill" {
  source = "./modules/backfill"

  name            = "${local.name}-backfill"
  partition       = local.partition
  account_id      = local.account_id
  region          = local.region
  raw_bucket_name = module.storage.raw_bucket_name
  raw_bucket_arn  = module.storage.raw_bucket_arn
  queue_url       = module.ingest.queue_url
  queue_arn       = module.ingest.queue_arn
}

module "negotiation" {
  source = "./modules/negotiation"

  recipe_json    = local.recipe_json
  earlier        = module.rollout.earlier
  served_formats = var.served_formats
  served_sizes   = var.served_sizes
}

# Its form alone, of the recipe that a stack had before it kept any.
module "previous_recipe" {
  source = "./modules/negotiation/tables"
  count  = var.previous_recipe == null ? 0 : 1

  recipe_json = var.previous_recipe
}

# Both before and behind the two modules beside it: which recipes are published decides what the edge function serves.
module "rollout" {
  source = "./modules/rollout"

  name           = local.name
  recipe         = module.negotiation
  recipe_json    = local.recipe_json
  seed           = { for tables in module.previous_recipe : substr(sha256(tables.value), 0, 16) => tables.value }
  grace_days     = var.recipe_grace_days
  settle_seconds = var.timeout_seconds
  functions = merge(
    { (module.delivery.negotiate_name) = { now = module.negotiation.code, after = module.negotiation.code_after } },
    module.delivery.other_functions,
  )
  processor_version = module.processor.version
}

module "delivery" {
  source = "./modules/delivery"

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  name                        = local.name
  processed_bucket_name       = module.storage.private.processed
  processed_bucket_arn        = module.storage.processed_bucket_arn
  processed_bucket_domain     = module.storage.processed_bucket_domain
  processed_tls_only_document = module.storage.processed_tls_only_document
  replica_bucket_domain       = var.replica_region == null ? null : module.replication[0].origin_domain
  edge_function_code          = module.rollout.kept > 0 ? module.negotiation.code : null
  edge_function_code_after    = module.negotiation.code_after
  price_class                 = var.price_class
  account_id                  = local.account_id
  missing_picture             = var.missing_picture
  domain                      = var.domain
  ipv6                        = var.ipv6
  signing_public_keys         = var.signing_public_keys
  allowed_countries           = var.allowed_countries
  blocked_countries           = var.blocked_countries
  rate_limit_per_ip           = var.rate_limit_per_ip
  cors_origins                = tolist(var.cors_origins)
  access_log_days             = var.access_log_days
  force_destroy               = var.force_destroy
  tls_only                    = !var.emulator
}

module "canary" {
  source = "./modules/canary"
  count  = var.canary_minutes == null ? 0 : 1

  name        = "${local.name}-canary"
  partition   = local.partition
  account_id  = local.account_id
  bucket_name = module.ingest.announced_bucket_name
  bucket_arn  = module.storage.raw_bucket_arn
  key         = local.canary_key
  minutes     = var.canary_minutes
}

module "receivers" {
  source = "./modules/receivers"

  name       = local.name
  account_id = local.account_id
  region     = local.region
  receivers  = local.receivers
}

module "receivers_us_east_1" {
  source = "./modules/receivers"
  count  = local.region == "us-east-1" ? 0 : 1

  providers = {
    aws = aws.us_east_1
  }

  name       = local.name
  account_id = local.account_id
  region     = "us-east-1"
  receivers  = local.receivers
}

module "receivers_replica" {
  source = "./modules/receivers"
  count  = var.replica_region == null || var.replica_region == "us-east-1" ? 0 : 1

  providers = {
    aws = aws.replica
  }

  name       = local.name
  account_id = local.account_id
  region     = var.replica_region
  receivers  = local.receivers
}

locals {
  receivers = setunion(var.alarm_receivers, var.alarm_email[*])

  # One a region, however many of the stack's regions are the same.
  receivers_us_east_1 = one(concat(module.receivers_us_east_1, local.region == "us-east-1" ? [module.receivers] : []))
  receivers_replica   = one(concat(module.receivers_replica, var.replica_region == "us-east-1" ? [local.receivers_us_east_1] : []))
}

module "observability" {
  source = "./modules/observability"

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
    aws.replica   = aws.replica
  }

  name                   = local.name
  region                 = local.region
  actions                = module.receivers.actions
  actions_us_east_1      = local.receivers_us_east_1.actions
  actions_replica        = var.replica_region == null ? [] : local.receivers_replica.actions
  oldest_message_seconds = var.oldest_message_alarm_seconds
  queue_name             = module.ingest.queue_name
  dead_letter_queue_name = module.ingest.dead_letter_queue_name
  function_name          = module.processor.function_name
  table_name             = module.records.table_name
  state_machine_arn      = module.backfill.state_machine_arn
  distribution_id        = module.delivery.distribution_id
  certified              = var.domain != null
  certificate_arn        = module.delivery.certificate_arn
  invalidates            = var.invalidation_paths_per_month > 0
  metrics_namespace      = module.processor.metrics_namespace
  metrics_service        = module.processor.metrics_service
  canary_minutes         = var.canary_minutes
  originals              = { raw = module.storage.raw_bucket_name, processed = module.storage.processed_bucket_name }
  replicas               = var.replica_region == null ? null : { raw = module.replica[0].raw_bucket_name, processed = module.replica[0].processed_bucket_name }
  replication_rule       = one(module.replication[*].rule)
}

# Last to be made, so first to be destroyed: every other module is named here.
module "guard" {
  source = "./modules/guard"

  allowed = var.force_destroy
  holds   = "The stack ${local.name} with its pictures and records"

  depends_on = [
    terraform_data.owner,
    module.storage,
    module.replica,
    module.replication,
    module.ingest,
    module.processor,
    module.records,
    module.announcements,
    module.backfill,
    module.negotiation,
    module.previous_recipe,
    module.recipe_tables,
    module.rollout,
    module.delivery,
    module.observability,
    module.canary,
    module.receivers,
    module.receivers_us_east_1,
    module.receivers_replica,
    module.deployed,
    module.deployed_replica,
  ]
}
