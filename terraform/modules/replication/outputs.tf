output "origin_domain" {
  description = "Regional host name of the copies of the renditions, once they are made."
  value       = var.replica_bucket_domain

  depends_on = [aws_s3_bucket_replication_configuration.this]
}

output "rule" {
  description = "Name of the rule that copies a bucket, by which its metrics are known."
  value       = local.rule
}
