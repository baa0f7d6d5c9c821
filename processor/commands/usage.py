"""What commands share: exit codes, and the error for what only the person at the keyboard can put right."""

import argparse

COMPLETE, UNFORESEEN, USAGE, SOME_REJECTED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes. The last is what shells report for Ctrl-C."""

Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse gives it no public name


class UsageError(Exception):
    """The command cannot do what it was asked to. The message says what to do instead."""
