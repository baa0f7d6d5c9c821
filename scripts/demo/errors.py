"""What keeps the demo from running, in words for the person who started it."""


class DemoError(Exception):
    """The demo cannot go on. The message says what happened and what to do about it."""
