"""Benchmarks: this pipeline beside sharp in one run, encoder settings as curves, and start-up time."""
