"""The adapters by which the service reaches AWS. Nothing outside this package imports boto3."""
