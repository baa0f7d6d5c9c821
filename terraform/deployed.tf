# The outputs once more, for `img-pipeline --stack ssm:NAME`. Every output belongs here, except the recipe, which has
# a parameter of its own; tests/unit/test_deployed.py holds both lists together.

locals {
  upload_command = "aws s3 cp photo.jpg s3://${module.storage.raw_bucket_name}/"
  example_url    = "https://${module.delivery.domain_name}/${replace(replace(module.negotiation.canonical_keys[0], "{stem}", "photo"), "{name}", "photo.jpg")}"

  # The region of the copies may be us-east-1, and so may the stack's own.
  alarm_topic_arns = merge(
    var.replica_region == null ? {} : { (coalesce(var.replica_region, "none")) = local.receivers_replica.topic_arn },
    { us-east-1 = local.receivers_us_east_1.topic_arn, (local.region) = module.receivers.topic_arn },
  )

  deployed = {
    access_log_bucket          = module.delivery.access_log_bucket
    alarm_topic_arn            = module.receivers.topic_arn
    alarm_topic_arns           = local.alarm_topic_arns
    architecture               = var.architecture
    backfill_state_machine_arn = module.backfill.state_machine_arn
    cdn_domain                 = module.delivery.domain_name
    dashboard_name             = module.observability.dashboard_name
    dead_letter_queue_url      = module.ingest.dead_letter_queue_url
    distribution_domain        = module.delivery.distribution_domain
    distribution_id            = module.delivery.distribution_id
    edge_parameters            = module.rollout.path
    event_bus_name             = module.announcements.event_bus_name
    example_url                = local.example_url
    function_name              = module.processor.function_name
    image_uri                  = module.processor.image_uri
    log_group_name             = module.processor.log_group_name
    maximum_concurrency        = var.maximum_concurrency
    memory_mb                  = var.memory_mb
    processed_bucket           = module.storage.processed_bucket_name
    processed_replica_bucket   = one(module.replica[*].processed_bucket_name)
    queue_url                  = module.ingest.queue_url
    raw_bucket                 = module.storage.raw_bucket_name
    raw_replica_bucket         = one(module.replica[*].raw_bucket_name)
    region                     = local.region
    replica_region             = var.replica_region
    signing_key_ids            = module.delivery.signing_key_ids
    stack_name                 = local.name
    table_name                 = module.records.table_name
    upload_command             = local.upload_command
  }
}

# Last of all: what they say is then true.
module "deployed" {
  source     = "./modules/deployed"
  depends_on = [module.processor, module.ingest]

  name         = local.name
  outputs      = local.deployed
  recipe_json  = local.recipe_json
  image_uri    = var.image_uri
  architecture = var.architecture
}

module "deployed_replica" {
  source     = "./modules/deployed"
  count      = var.replica_region == null ? 0 : 1
  depends_on = [module.processor, module.ingest]

  providers = {
    aws = aws.replica
  }

  name         = local.name
  outputs      = local.deployed
  recipe_json  = local.recipe_json
  image_uri    = var.image_uri
  architecture = var.architecture
}
