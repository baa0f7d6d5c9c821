"""`img-pipeline outputs`: what a stack consists of, to keep in a file."""

import argparse
import json

from processor.commands.stack import add_stack_option, stack_outputs
from processor.commands.usage import COMPLETE, Subcommands, UsageError


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "outputs",
        help="a stack's outputs as JSON: names of its buckets, queues, table, …",
        description="Prints the outputs of a stack as JSON, as `terraform output -json` has them. With --stack "
        "ssm:NAME they come from the stack itself, so any machine with credentials can print them.",
    )
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.stack is None:
        raise UsageError("which stack? Name it with --stack ssm:NAME, such as ssm:img-pipeline-prod")
    print(json.dumps(stack_outputs(options.stack), indent=2, ensure_ascii=False))
    return COMPLETE
