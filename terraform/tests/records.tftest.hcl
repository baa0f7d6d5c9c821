# The table's shape is a contract with the processor.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  table_name          = "records"
  deletion_protection = true
}

run "records" {
  module {
    source = "./modules/records"
  }

  assert {
    condition     = aws_dynamodb_table.records.hash_key == "imageId" && aws_dynamodb_table.records.range_key == "record"
    error_message = "The key must be imageId and record."
  }

  assert {
    condition     = one(aws_dynamodb_table.records.global_secondary_index).name == "status" && one(aws_dynamodb_table.records.global_secondary_index).hash_key == "statusDayShard" && one(aws_dynamodb_table.records.global_secondary_index).range_key == "updatedAt"
    error_message = "The index must be by status, day and shard."
  }

  assert {
    condition     = one(aws_dynamodb_table.records.global_secondary_index).non_key_attributes == toset(["status", "reason", "originalSize", "compressionSavings", "processingTime"])
    error_message = "The index must hold what a dashboard shows."
  }

  assert {
    condition     = aws_dynamodb_table.records.billing_mode == "PAY_PER_REQUEST"
    error_message = "An idle table must cost nothing."
  }

  assert {
    condition     = aws_dynamodb_table.records.point_in_time_recovery[0].enabled && aws_dynamodb_table.records.server_side_encryption[0].enabled && aws_dynamodb_table.records.deletion_protection_enabled
    error_message = "Records must be recoverable, encrypted, and protected from deletion where that is asked for."
  }

  assert {
    condition     = length(aws_dynamodb_table.records.replica) == 0
    error_message = "Without another region, there is no replica."
  }

  assert {
    condition     = aws_dynamodb_table.records.stream_enabled == true && aws_dynamodb_table.records.stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "DynamoDB refuses to turn the stream off in the change that removes a replica, so it stays on."
  }
}

run "in_two_regions" {
  command = plan

  module {
    source = "./modules/records"
  }

  variables {
    replica_region = "eu-west-1"
  }

  assert {
    condition     = one(aws_dynamodb_table.records.replica).region_name == "eu-west-1" && one(aws_dynamodb_table.records.replica).point_in_time_recovery && one(aws_dynamodb_table.records.replica).propagate_tags
    error_message = "The replica must be in the other region, recoverable, and say what it belongs to."
  }

  # The replica is encrypted like the table, with the key of its own region.
  assert {
    condition     = aws_dynamodb_table.records.server_side_encryption[0].enabled
    error_message = "The table, and with it the replica, must be encrypted with KMS."
  }
}
