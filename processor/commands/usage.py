"""What commands share: exit codes, and the error for what only the person at the keyboard can put right."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import argparse

COMPLETE, UNFORESEEN, USAGE, SOME_REJECTED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes. The last is what shells report for Ctrl-C."""

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name
"""What commands add themselves to."""


class UsageError(Exception):
    """The command cannot do what it was asked to. The message says what to do instead."""
