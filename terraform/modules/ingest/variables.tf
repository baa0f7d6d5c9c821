variable "name" {
  description = "Beginning of the queues' names."
  type        = string
}

variable "account_id" {
  description = "The account that the bucket must belong to."
  type        = string
}

variable "raw_bucket_name" {
  description = "The bucket whose uploads are announced."
  type        = string
}

variable "raw_bucket_arn" {
  description = "ARN of that bucket."
  type        = string
}

variable "visibility_timeout_seconds" {
  description = "How long a received message stays invisible to others."
  type        = number
}

variable "function_arn" {
  description = "The function, or alias, that gets the messages. It must already be allowed to receive them."
  type        = string
}

variable "batch_size" {
  description = "Most messages of one invocation."
  type        = number
}

variable "batching_window_seconds" {
  description = "How long a message may wait for others."
  type        = number
}

variable "enabled" {
  description = "Whether the function is called. False: messages wait, four days at most."
  type        = bool
  default     = true
}

variable "maximum_concurrency" {
  description = "Most invocations at a time."
  type        = number
}
