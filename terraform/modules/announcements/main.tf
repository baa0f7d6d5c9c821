# A bus of its own, so that rules on it see nothing but this pipeline's events.

resource "aws_cloudwatch_event_bus" "announcements" {
  name = var.event_bus_name
}
