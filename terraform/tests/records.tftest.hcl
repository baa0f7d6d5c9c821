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
}
