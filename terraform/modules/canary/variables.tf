variable "name" {
  description = "Name of the schedule and its role."
  type        = string
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, …"
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "bucket_name" {
  description = "Where pictures are uploaded, once uploads are announced."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of that bucket."
  type        = string
}

variable "key" {
  description = "Key of the picture."
  type        = string
}

variable "minutes" {
  description = "How often it is uploaded."
  type        = number
}
