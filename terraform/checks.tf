# What every plan warns of, without refusing anything.

check "processing" {
  assert {
    condition     = var.processing_enabled
    error_message = "processing_enabled is false: no picture is processed, and the queue drops what has waited for four days. Set it to true as soon as the cause is mended: docs/runbook.md."
  }
}
