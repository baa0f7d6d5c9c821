# What every plan warns of, without refusing anything.

check "processing" {
  assert {
    condition     = var.processing_enabled
    error_message = "processing_enabled is false: no picture is processed, and the queue drops what has waited for four days. Set it to true as soon as the cause is mended: docs/runbook.md."
  }
}

# Only environments that are named dev or local are known to be nobody's business.
check "somebody_is_told" {
  assert {
    condition     = contains(["dev", "local"], var.environment) || length(local.receivers) > 0
    error_message = "Nobody is told when ${local.name} stands still or shows errors: set alarm_receivers to e-mail addresses, URLs of a pager, or ARNs of SNS topics."
  }

  assert {
    condition     = length(local.receivers) == 0 || length(local.unheard_regions) == 0
    error_message = "Nobody is told of the alarms in ${join(" and ", local.unheard_regions)}, since alarm_receivers names topics of other regions alone: add a topic of that region, an e-mail address or a URL."
  }
}

locals {
  unheard_regions = sort(distinct(concat(
    module.receivers.reached ? [] : [local.region],
    local.receivers_us_east_1.reached ? [] : ["us-east-1"],
    try(local.receivers_replica.reached, true) ? [] : [var.replica_region],
  )))
}
