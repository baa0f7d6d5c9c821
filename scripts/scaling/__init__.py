"""`make scaling`: measures the image at Lambda's memory sizes, models cost and concurrency, writes docs/scaling.md."""
