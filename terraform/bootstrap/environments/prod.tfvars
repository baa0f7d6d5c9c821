environment   = "prod"
region        = "us-east-1" # as in terraform/environments/prod.tfvars
force_destroy = false
