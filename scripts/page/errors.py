"""The error for what only the person at the keyboard can put right."""


class PageError(Exception):
    """The page cannot be measured. The message says what to do."""
