# For trying things out: everything can be destroyed, logs are short-lived.
environment                 = "dev"
force_destroy               = true
log_level                   = "DEBUG"
log_retention_days          = 7
raw_noncurrent_version_days = 7
maximum_concurrency         = 5
ask_before_apply            = false
