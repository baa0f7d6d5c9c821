# Pictures and records survive: destroying is refused, and every change is shown before it is made.
environment                 = "prod"
region                      = "us-east-1" # yours; whatever AWS_REGION is
force_destroy               = false
log_level                   = "INFO"
log_retention_days          = 90
raw_noncurrent_version_days = 90
maximum_concurrency         = 50
# alarm_receivers           = ["pictures@example.org"] # without one, every plan warns
# replica_region            = "eu-west-1"
