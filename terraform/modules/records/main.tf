# One item a picture, one for each stem's owner, and a history that nobody rewrites.

resource "aws_dynamodb_table" "records" {
  name                        = var.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "imageId"
  range_key                   = "record"
  deletion_protection_enabled = var.deletion_protection

  # Replicas are fed from it, and DynamoDB refuses to turn it off in the change that removes the last one. Unread, it
  # costs nothing.
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "imageId"
    type = "S"
  }

  attribute {
    name = "record"
    type = "S"
  }

  attribute {
    name = "statusDayShard"
    type = "S"
  }

  attribute {
    name = "updatedAt"
    type = "S"
  }

  # STATUS#day#shard: an index by status alone would be one partition, which takes 1,000 writes a second.
  global_secondary_index {
    name               = "status"
    hash_key           = "statusDayShard"
    range_key          = "updatedAt"
    projection_type    = "INCLUDE"
    non_key_attributes = ["status", "reason", "originalSize", "compressionSavings", "processingTime"]
  }

  point_in_time_recovery {
    enabled = true
  }

  # With a key of KMS, in the account's own audit trail. A replica is encrypted likewise, with its own region's key.
  server_side_encryption {
    enabled = true
  }

  dynamic "replica" {
    for_each = var.replica_region[*]

    content {
      region_name            = replica.value
      point_in_time_recovery = true
      propagate_tags         = true
    }
  }
}
