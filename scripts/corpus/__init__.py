"""Real and broken pictures out of published archives, run through the pipeline and held against other decoders."""
