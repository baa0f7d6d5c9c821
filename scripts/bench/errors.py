"""What ends a benchmark with a sentence instead of a traceback."""


class BenchError(Exception):
    """The benchmark cannot run or cannot be trusted. The message says why and what to do."""
