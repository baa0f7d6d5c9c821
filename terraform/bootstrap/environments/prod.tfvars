environment   = "prod"
force_destroy = false
