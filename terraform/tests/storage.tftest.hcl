# The buckets: private, encrypted, kept in order.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  raw_bucket_name         = "raw"
  processed_bucket_name   = "processed"
  noncurrent_version_days = 30
  archive_after_days      = null
  force_destroy           = true # or the tests could not clean up
  tls_only                = true
}

run "replaced_copies_expire" {
  module {
    source = "./modules/storage"
  }

  variables {
    retain_days = 14
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.processed.rule : [
        rule.filter[0].and[0].prefix, rule.filter[0].and[0].tags.state, tostring(rule.expiration[0].days),
      ] if rule.id == "replaced"
    ]) == ["v/", "replaced", "14"]
    error_message = "Only replaced copies, which carry the tag, may expire, after the given days."
  }
}

run "what_a_recipe_dropped_expires" {
  module {
    source = "./modules/storage"
  }

  variables {
    recipe_grace_days = 7
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.processed.rule :
      "${rule.filter[0].tag[0].key} ${rule.filter[0].tag[0].value} ${rule.expiration[0].days} ${length(rule.filter[0].and)}" if rule.id == "dropped"
    ]) == "state dropped 7 0"
    error_message = "Only dropped renditions, which carry the tag, may expire, whatever their keys, after the days of grace."
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.processed.rule : rule.expiration[0].days if rule.id == "replaced"
    ]) == 7
    error_message = "Copies of a recipe that made some must go in time after it makes none any more."
  }
}

run "both_buckets" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : alltrue([
        aws_s3_bucket_public_access_block.this[name].block_public_acls,
        aws_s3_bucket_public_access_block.this[name].block_public_policy,
        aws_s3_bucket_public_access_block.this[name].ignore_public_acls,
        aws_s3_bucket_public_access_block.this[name].restrict_public_buckets,
      ])
    ])
    error_message = "Public access must be blocked in all four ways on both buckets."
  }

  assert {
    condition     = alltrue([for name in ["raw", "processed"] : aws_s3_bucket_ownership_controls.this[name].rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "ACLs must be off on both buckets."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] :
      one(one(aws_s3_bucket_server_side_encryption_configuration.this[name].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    ])
    error_message = "Both buckets must encrypt with AES-256."
  }

  assert {
    condition     = aws_s3_bucket_versioning.raw.versioning_configuration[0].status == "Enabled"
    error_message = "The raw bucket must keep versions."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.raw.rule[0].noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "Noncurrent uploads must expire after the given days."
  }

  assert {
    condition = alltrue([
      for rule in [aws_s3_bucket_lifecycle_configuration.raw.rule[0], aws_s3_bucket_lifecycle_configuration.processed.rule[0]] :
      rule.abort_incomplete_multipart_upload[0].days_after_initiation == 7
    ])
    error_message = "Abandoned multipart uploads must not be paid for."
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.raw.rule) == 1
    error_message = "Uploads must stay where they are unless archiving is asked for."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : alltrue([
        for statement in data.aws_iam_policy_document.tls_only[name].statement :
        statement.effect == "Deny" && statement.actions == toset(["s3:*"]) &&
        one(statement.principals).identifiers == toset(["*"]) &&
        one(statement.condition).variable == "aws:SecureTransport" && one(statement.condition).values == tolist(["false"])
      ]) && length(data.aws_iam_policy_document.tls_only[name].statement) == 1
    ])
    error_message = "Plain HTTP must be refused on both buckets."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.raw) == 1
    error_message = "The raw bucket must have the policy that refuses plain HTTP."
  }
}

run "kept_unless_told_otherwise" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    force_destroy = false
  }

  assert {
    condition     = !aws_s3_bucket.raw.force_destroy && !aws_s3_bucket.processed.force_destroy
    error_message = "Buckets with pictures in them must not be destroyed."
  }
}

run "no_versions_of_renditions" {
  command = plan

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.processed) == 0 && length(aws_s3_bucket_lifecycle_configuration.processed.rule) == 3
    error_message = "Renditions can be made again: no versions unless they are replicated."
  }
}

run "versions_for_replication" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    processed_versions = true
  }

  assert {
    condition     = aws_s3_bucket_versioning.processed[0].versioning_configuration[0].status == "Enabled"
    error_message = "A bucket that is replicated must keep versions."
  }

  assert {
    condition = (
      aws_s3_bucket_lifecycle_configuration.processed.rule[3].status == "Enabled" &&
      aws_s3_bucket_lifecycle_configuration.processed.rule[3].noncurrent_version_expiration[0].noncurrent_days == 1 &&
      aws_s3_bucket_lifecycle_configuration.processed.rule[3].expiration[0].expired_object_delete_marker
    )
    error_message = "Removed renditions must be gone for good as soon as S3 allows, delete markers included."
  }
}

run "archiving" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    archive_after_days = 90
  }

  assert {
    condition = (
      one(aws_s3_bucket_lifecycle_configuration.raw.rule[1].transition).days == 90 &&
      one(aws_s3_bucket_lifecycle_configuration.raw.rule[1].transition).storage_class == "GLACIER_IR"
    )
    error_message = "Archived uploads must stay readable at once."
  }
}

run "rejects_one_bucket_for_both" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    processed_bucket_name = "raw"
  }

  expect_failures = [aws_s3_bucket.processed]
}
