# What must exist before the image can be pushed, and so before the stack can be made: the registry.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

# Noted once, when the state is new, and compared before every plan: with another project's, environment's, account's or
# region's variables, a plan of this state would destroy this registry to make another.
resource "terraform_data" "owner" {
  input = {
    project     = var.project
    environment = var.environment
    account_id  = data.aws_caller_identity.current.account_id
    region      = data.aws_region.current.id
  }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition = (
        self.input.project == var.project && self.input.environment == var.environment &&
        self.input.account_id == data.aws_caller_identity.current.account_id && self.input.region == data.aws_region.current.id
      )
      error_message = "This state belongs to project ${self.input.project}, environment ${self.input.environment}, account ${self.input.account_id}, region ${self.input.region}. Use that stack's variables, credentials and region, or another state: docs/deploying.md."
    }
  }
}

resource "aws_ecr_repository" "processor" {
  name                 = "${var.project}-${var.environment}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

# The newest stay, to roll back to.
resource "aws_ecr_lifecycle_policy" "processor" {
  repository = aws_ecr_repository.processor.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers of interrupted pushes"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 7
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "All but the newest images"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = var.images_kept
        }
        action = { type = "expire" }
      },
    ]
  })
}

module "guard" {
  source = "../modules/guard"

  allowed = var.force_destroy
  holds   = "The registry ${aws_ecr_repository.processor.name}"
  names   = [aws_ecr_repository.processor.name]

  depends_on = [terraform_data.owner, aws_ecr_lifecycle_policy.processor]
}
