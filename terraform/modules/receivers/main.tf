# Who is told, in one region: an alarm can use topics of its own region only.

locals {
  emails = toset([for receiver in var.receivers : receiver if strcontains(receiver, "@")])
  urls   = toset([for receiver in var.receivers : receiver if startswith(receiver, "https://")])

  # Of topics that exist already, those of this region: arn:aws:sns:REGION:ACCOUNT:NAME.
  topics = sort([for receiver in var.receivers : receiver if startswith(receiver, "arn:") && try(split(":", receiver)[3], "") == var.region])
}

resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = local.emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# Pagers confirm by themselves.
resource "aws_sns_topic_subscription" "url" {
  for_each = local.urls

  topic_arn              = aws_sns_topic.alarms.arn
  protocol               = "https"
  endpoint               = each.value
  endpoint_auto_confirms = true
}
