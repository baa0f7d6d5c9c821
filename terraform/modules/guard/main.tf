# Destroyed before everything that it depends on. Where deleting is not allowed, that fails, and Terraform stops before it
# has deleted anything: without it, `terraform destroy` takes all away that needs no permission and stops at the rest.

resource "terraform_data" "this" {
  input = {
    allowed = var.allowed
    refusal = "${var.holds} would be deleted, and force_destroy is false. If that is meant: set force_destroy = true, apply that, and try again. If not: none of it was deleted, and `terraform apply -refresh-only` brings the outputs back, which Terraform has left out of the state."
  }

  # What it guards is replaced if its name changes, and that deletes it as well.
  triggers_replace = var.names

  # Deleting uses what was applied last, as the resources themselves do, and no variables.
  provisioner "local-exec" {
    when        = destroy
    command     = self.output.allowed ? "exit 0" : "echo \"$REFUSAL\" >&2; exit 1"
    environment = { REFUSAL = self.output.refusal }
    quiet       = true
  }
}
