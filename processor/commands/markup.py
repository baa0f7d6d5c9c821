"""`img-pipeline markup`: the HTML that shows a picture."""

import argparse
import sys

from processor import markup
from processor.commands.stack import add_stack_option, not_answering, stack_values
from processor.commands.usage import COMPLETE, SOME_REJECTED, Subcommands, UsageError
from processor.errors import Transient


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "markup",
        help="the HTML that shows a picture",
        description="A <picture> element with every width and format of a picture, ready to paste. Exit code: 0, 3 if "
        "a picture is not published, 2 for bad usage, 1 for the unforeseen.",
    )
    parser.add_argument("keys", nargs="+", metavar="KEY", help="a source key, as uploaded")
    parser.add_argument("--alt", default="", metavar="TEXT", help="what the picture shows; left out: it is decoration")
    parser.add_argument(
        "--sizes",
        default="100vw",
        metavar="SIZES",
        help='how wide it is laid out, like "(min-width: 60em) 50vw, 100vw"',
    )
    parser.add_argument("--eager", action="store_true", help="load at once: for what is seen first on a page")
    parser.add_argument(
        "--placeholder",
        choices=markup.PLACEHOLDERS,
        default="thumbhash",
        help="what to show until it is loaded: a blurred version of it inside the HTML (some 700 bytes), its main "
        "colour, or nothing; never behind a picture that can be seen through (thumbhash)",
    )
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.alt and len(options.keys) > 1:
        raise UsageError("--alt describes one picture; name one key at a time with it")
    values = stack_values(options, "table_name", "cdn_domain")
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415

    records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
    all_published = True
    for key in options.keys:
        try:
            record = records.get(key)
        except Transient as exc:
            raise not_answering(exc) from exc
        if record is None or record.published is None:
            print(f"img-pipeline: {key}: not published; `img-pipeline status` says why", file=sys.stderr)
            all_published = False
            continue
        background = markup.background(record.published.source, options.placeholder)
        place = markup.Place(options.alt, options.sizes, not options.eager, background)
        print(markup.picture(record.published.addressed, values["cdn_domain"], place))
    return COMPLETE if all_published else SOME_REJECTED
