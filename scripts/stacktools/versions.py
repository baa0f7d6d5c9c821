"""The function's versions after a roll-out: the alias `live` runs the newest, and old ones go."""

import sys
from typing import Any

from scripts.stacktools.aws import OWN

ALIAS = "live"
KEPT = 5
"""How many of the newest versions stay, besides the one that the alias names and the one before it."""


def client(environment: str) -> Any:
    """A client for Lambda."""
    return OWN.client("lambda", environment)


def is_behind(aws: Any, function: str) -> bool:
    """Publish what was changed and not published. Returns whether the alias then runs an older version.

    Terraform changes the function and publishes it in two calls. Interrupted between them, it finds nothing to change
    the next time, and the alias would run the old image for ever. Lambda publishes nothing where nothing has changed.
    """
    newest = aws.publish_version(FunctionName=function)["Version"]
    return bool(aws.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"] != newest)


def tidy(aws: Any, function: str) -> list[str]:
    """Delete versions that nothing needs, oldest first, and return their numbers. It can be repeated."""
    pages = aws.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    numbers = sorted(
        (int(each["Version"]) for page in pages for each in page["Versions"] if each["Version"].isdigit()), reverse=True
    )
    kept = set(numbers[:KEPT])
    for page in aws.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            named = {alias["FunctionVersion"], *(alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})}
            for named_number in (int(each) for each in named if each.isdigit()):
                kept |= {named_number, *[each for each in numbers if each < named_number][:1]}
    deleted = [str(number) for number in reversed(numbers) if number not in kept]
    for number in deleted:
        aws.delete_function(FunctionName=function, Qualifier=number)
    return deleted


def tidy_quietly(aws: Any, function: str) -> None:
    """The same as the last step of a roll-out, which has succeeded whatever comes of this."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only what asks AWS needs it

    try:
        deleted = tidy(aws, function)
    except (BotoCoreError, ClientError) as exc:
        print(f"old versions of {function} were not deleted: {exc}", file=sys.stderr)
        return
    if deleted:
        print(f"deleted {len(deleted)} old versions of {function}", file=sys.stderr)
