"""The command line, `img-pipeline`: arguments in, exit codes out. Every command loads what it needs when it runs."""

import argparse
import os
import sys
from collections.abc import Sequence

from processor import __version__
from processor.commands import backfill, markup, outputs, redrive, remove, rollout, sign, status, transcode, verify
from processor.commands.usage import INTERRUPTED, UNFORESEEN, USAGE, UsageError

COMMANDS = (transcode, status, backfill, rollout, redrive, verify, remove, markup, sign, outputs)
"""In the order of `--help`. Each adds its arguments and sets `run`, which takes options and returns an exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. What is unforeseen is raised: Python then exits with 1."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except UsageError as exc:
        print(f"img-pipeline: {exc}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has enough of it, like head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNFORESEEN
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="img-pipeline", description="Photos in, every size and format a web page needs out."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(subcommands)
    return parser
