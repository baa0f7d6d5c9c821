"""`img-pipeline rollout`: where a change of the recipe stands at the CDN, and whether the edge functions are right."""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from processor import rollout
from processor.commands.stack import add_stack_option, not_answering, optional_value, stack_values
from processor.commands.usage import COMPLETE, SOME_REJECTED, Subcommands
from processor.errors import Transient

if TYPE_CHECKING:
    from processor.aws.edge import StackEdge

OUTPUT = "edge_parameters"
"""The output that a stack of an earlier version does not have."""


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "rollout",
        help="where a change of the recipe stands at the CDN",
        description="Say whether the CDN allows for pictures of earlier recipes, how long dropped URLs are served "
        "and whether each edge function runs the code that is meant. `make deploy` runs it with --repair, and "
        "`img-pipeline backfill --run` ends with --finish.",
        epilog="Needs ssm:GetParameter, ssm:GetParametersByPath and cloudfront:GetFunction; with --repair or --finish "
        "also cloudfront:DescribeFunction, UpdateFunction and PublishFunction and ssm:PutParameter; "
        "with --finish to scan the table. Exit code: 0 if nothing is to be done, 3 otherwise.",
    )
    parser.add_argument("--repair", action="store_true", help="publish the code that is meant where other code answers")
    parser.add_argument(
        "--finish", action="store_true", help="if every picture is made by the recipe, serve all that it makes"
    )
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    stack_values(options, OUTPUT)
    try:
        edge = connect(options)
        assert edge is not None  # noqa: S101 - its output was found
        late = finish(edge, options) if options.finish else False
        state = rollout.look(edge)
        if state.wrong and options.repair:
            rollout.mend(edge, state)
    except Transient as exc:
        raise not_answering(exc) from exc
    for line in (*wrongs(state, repaired=options.repair), *pending(state, options)):
        print(line)
    return SOME_REJECTED if late or state.pending or (state.wrong and not options.repair) else COMPLETE


def connect(options: argparse.Namespace) -> "StackEdge | None":
    """The stack's edge functions; None: the stack is of a version that kept nothing about them."""
    path = optional_value(options, OUTPUT)
    if path is None:
        return None
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.edge import StackEdge  # noqa: PLC0415

    return StackEdge(clients.ssm(), clients.cloudfront, path)


def finish(edge: "StackEdge", options: argparse.Namespace) -> bool:
    """End a change of the recipe if it is through, and say so. True: pictures are late.

    Raises:
        Transient: the stack does not answer.
    """
    state = rollout.look(edge)
    if not state.pending and not state.wrong:
        return False
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415

    values = stack_values(options, "table_name", "recipe")
    records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
    late = rollout.finish(edge, values["recipe"], records.all, lambda: datetime.now(UTC), time.sleep)
    if late is None:
        print("every picture is made by this recipe: the CDN serves all that it makes")
        return False
    print(
        f"{late.count:,} published pictures are not made by this recipe yet ({', '.join(late.named)}"
        f"{', …' * (late.count > len(late.named))}): until they are, the CDN serves what all have in common. Run the "
        "backfill without a prefix, and img-pipeline redrive for what failed; a picture whose original is gone has to "
        "be uploaded again or removed"
    )
    return True


def wrongs(state: rollout.State, *, repaired: bool) -> Iterator[str]:
    """A line for each edge function that runs other code than is meant."""
    remedy = "what was deployed has been published again" if repaired else "--repair publishes that again"
    for name in state.wrong:
        yield f"the edge function {name} answers with other code than was deployed: {remedy}"


def pending(state: rollout.State, options: argparse.Namespace) -> Iterator[str]:
    """What is still to come of a change of the recipe; nothing if nothing is."""
    if state.pending:
        raw = optional_value(options, "raw_bucket") or "RAW_BUCKET"
        stack = f"--stack {options.stack} " if options.stack else ""
        yield (
            "The recipe has other keys than before, and pictures may still be made by an earlier one. Every published "
            "URL is served, and a page gets only formats that all pictures have. To have every picture made by this "
            "recipe and then serve all of it:\n"
            f"  img-pipeline backfill {stack}s3://{raw}          # counts and estimates\n"
            f"  img-pipeline backfill {stack}s3://{raw} --run"
        )
    ends = [until for until in state.dropped.values() if until > datetime.now(UTC)]
    if ends:
        yield f"URLs that the recipe dropped are served until {max(ends):%Y-%m-%d}; a deployment after that ends them."
