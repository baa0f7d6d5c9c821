# Pictures and records survive `terraform destroy`: it stops at them.
environment                 = "prod"
force_destroy               = false
log_level                   = "INFO"
log_retention_days          = 90
raw_noncurrent_version_days = 90
maximum_concurrency         = 50
# alarm_receivers           = ["pictures@example.org"] # without one, every plan warns
# replica_region            = "eu-west-1"
