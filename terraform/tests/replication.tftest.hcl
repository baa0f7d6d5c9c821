# Copies in another region: what is copied, by whom, who reads it, and when the CDN does.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "replication" {
  module {
    source = "./modules/replication"
  }

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }

  variables {
    name                        = "img-pipeline-dev"
    account_id                  = "123456789012"
    originals                   = { raw = { name = "raw", arn = "arn:aws:s3:::raw" }, processed = { name = "processed", arn = "arn:aws:s3:::processed" } }
    replicas                    = { raw = { name = "raw-copy", arn = "arn:aws:s3:::raw-copy" }, processed = { name = "processed-copy", arn = "arn:aws:s3:::processed-copy" } }
    replica_bucket_domain       = "processed-copy.s3.eu-west-1.amazonaws.com"
    processed_tls_only_document = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    distribution_arn            = "arn:aws:cloudfront::123456789012:distribution/EMOCKED"
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : (
        aws_s3_bucket_replication_configuration.this[name].bucket == name &&
        aws_s3_bucket_replication_configuration.this[name].role == aws_iam_role.replication[name].arn &&
        one(aws_s3_bucket_replication_configuration.this[name].rule).status == "Enabled" &&
        one(one(aws_s3_bucket_replication_configuration.this[name].rule).destination).bucket == "arn:aws:s3:::${name}-copy"
      )
    ])
    error_message = "Each bucket must be copied to its own replica, by its own role."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] :
      one(one(one(aws_s3_bucket_replication_configuration.this[name].rule).destination).metrics).status == "Enabled" &&
      one(aws_s3_bucket_replication_configuration.this[name].rule).id == output.rule
    ])
    error_message = "S3 must count what it copies, by the rule that the alarms name."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : alltrue([
        for filter in one(aws_s3_bucket_replication_configuration.this[name].rule).filter :
        coalesce(filter.prefix, "none") == "none" && length(filter.tag) + length(filter.and) == 0
      ])
    ])
    error_message = "Everything must be copied."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : one(one(aws_s3_bucket_replication_configuration.this[name].rule).delete_marker_replication).status == "Enabled"
    ])
    error_message = "What is removed must disappear in the other region, too."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : alltrue([
        for statement in data.aws_iam_policy_document.assume[name].statement :
        statement.actions == toset(["sts:AssumeRole"]) && one(statement.principals).identifiers == toset(["s3.amazonaws.com"]) &&
        { for condition in statement.condition : "${condition.test} ${condition.variable}" => one(condition.values) } == {
          "StringEqualsIfExists aws:SourceAccount" = "123456789012"
          "ArnEqualsIfExists aws:SourceArn"        = "arn:aws:s3:::${name}"
        }
      ])
    ])
    error_message = "Only S3, and only for this bucket of this account, may take a role."
  }

  assert {
    condition = alltrue([
      for name in ["raw", "processed"] : {
        for statement in data.aws_iam_policy_document.replication[name].statement : one(statement.resources) => sort(statement.actions)
        } == {
        "arn:aws:s3:::${name}"        = tolist(["s3:GetReplicationConfiguration", "s3:ListBucket"])
        "arn:aws:s3:::${name}/*"      = tolist(["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"])
        "arn:aws:s3:::${name}-copy/*" = tolist(["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"])
      }
    ])
    error_message = "A role may read its bucket and write its copy, nothing else."
  }

  assert {
    condition = (
      { for statement in data.aws_iam_policy_document.processed.statement : one(statement.actions) => one(statement.resources) } == {
        "s3:GetObject"  = "arn:aws:s3:::processed-copy/*"
        "s3:ListBucket" = "arn:aws:s3:::processed-copy"
      } &&
      alltrue([
        for statement in data.aws_iam_policy_document.processed.statement :
        one(statement.principals).identifiers == toset(["cloudfront.amazonaws.com"]) &&
        one(statement.condition).test == "StringEquals" && one(statement.condition).variable == "aws:SourceArn" &&
        one(statement.condition).values == tolist(["arn:aws:cloudfront::123456789012:distribution/EMOCKED"])
      ]) &&
      data.aws_iam_policy_document.processed.source_policy_documents == tolist([var.processed_tls_only_document]) &&
      aws_s3_bucket_policy.processed.bucket == "processed-copy"
    )
    error_message = "The copies of the renditions must be open to this one distribution, to read, and over TLS only."
  }
}

run "failover" {
  module {
    source = "./modules/delivery"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    name                        = "img-pipeline-dev"
    processed_bucket_name       = "processed"
    processed_bucket_arn        = "arn:aws:s3:::processed"
    processed_bucket_domain     = "processed.s3.eu-central-1.amazonaws.com"
    replica_bucket_domain       = "processed-copy.s3.eu-west-1.amazonaws.com"
    processed_tls_only_document = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    edge_function_code          = "function handler(event) { return event.request; }"
    price_class                 = "PriceClass_100"
    account_id                  = "123456789012"
  }

  assert {
    condition = { for origin in aws_cloudfront_distribution.pictures.origin : origin.origin_id => origin.domain_name } == {
      processed = "processed.s3.eu-central-1.amazonaws.com"
      replica   = "processed-copy.s3.eu-west-1.amazonaws.com"
    }
    error_message = "Both buckets must be origins."
  }

  assert {
    condition = alltrue([
      for origin in aws_cloudfront_distribution.pictures.origin :
      origin.origin_access_control_id == aws_cloudfront_origin_access_control.processed.id && origin.connection_attempts * origin.connection_timeout <= 6
    ])
    error_message = "Reads of both must be signed, and a region that is away must not keep a visitor waiting for over six seconds."
  }

  assert {
    condition = (
      one(aws_cloudfront_distribution.pictures.origin_group).member[*].origin_id == tolist(["processed", "replica"]) &&
      aws_cloudfront_distribution.pictures.default_cache_behavior[0].target_origin_id == one(aws_cloudfront_distribution.pictures.origin_group).origin_id
    )
    error_message = "The stack's own region must be asked first, the other one after it."
  }

  assert {
    condition     = one(one(aws_cloudfront_distribution.pictures.origin_group).failover_criteria).status_codes == toset([500, 502, 503, 504])
    error_message = "Only a failing region fails over: after a 404 the replica, which is late, would show removed pictures."
  }

  assert {
    condition = (
      one(aws_cloudfront_distribution.pictures.default_cache_behavior[0].function_association).function_arn == aws_cloudfront_function.negotiate.arn &&
      [for response in aws_cloudfront_distribution.pictures.custom_error_response : response.response_page_path] == ["/_missing/picture", "/_missing/picture"]
    )
    error_message = "The edge function and the error pages must stay as they are."
  }
}

run "one_variable" {
  command = plan

  variables {
    environment    = "dev"
    image_uri      = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/img-pipeline-dev@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    replica_region = "eu-west-1"
  }

  assert {
    condition = (
      output.replica_region == "eu-west-1" && output.raw_replica_bucket == "img-pipeline-dev-raw-copy-123456789012" &&
      output.processed_replica_bucket == "img-pipeline-dev-processed-copy-123456789012"
    )
    error_message = "The region must have a copy of each bucket."
  }

  assert {
    condition     = length(module.replica) == 1 && length(module.replication) == 1
    error_message = "One variable must be enough."
  }
}
