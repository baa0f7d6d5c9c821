variable "event_bus_name" {
  description = "Name of the bus."
  type        = string
}
