"""`make worst-case`: the most expensive pictures that the limits let through, in a container with Lambda's memory."""
