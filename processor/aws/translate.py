"""The one boundary at which botocore's exceptions become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from processor.errors import Transient, Unreachable


@contextmanager
def transient_errors(doing: str) -> Iterator[None]:
    """Turn whatever AWS or the network answers into Transient, naming what was being done.

    A permission that is missing counts as transient too: it ends in the dead-letter queue, where it is seen, and a
    redrive after the repair loses nothing.
    """
    try:
        yield
    except ClientError as exc:
        error = exc.response.get("Error", {})
        raise Transient(f"{doing}: {error.get('Code', 'unknown')}: {error.get('Message', exc)}") from exc
    except EndpointConnectionError as exc:
        raise Unreachable(f"{doing}: {exc}") from exc
    except BotoCoreError as exc:
        raise Transient(f"{doing}: {exc}") from exc


def code_of(exc: ClientError) -> str:
    """The error code of an answer, such as `ConditionalCheckFailedException` or `404`."""
    return exc.response.get("Error", {}).get("Code", "")
