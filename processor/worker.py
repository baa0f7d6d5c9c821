"""Polls the queue and calls the Lambda handler: local runs without Docker, containers without Lambda."""

import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from processor.errors import InvalidConfiguration, Transient
from processor.events import UnreadableEvent, sqs_messages

_PAUSE_SECONDS = 2


class _Context(LambdaContext):
    """As much of Lambda's context as the handler's logger asks for."""

    _function_name = "worker"
    _memory_limit_in_mb = 0
    _invoked_function_arn = "worker"
    _aws_request_id = "worker"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Nobody stops a worker; as much as Lambda's longest, so that a batch ends before its messages come back."""
        return 900_000


def _keys(event: dict[str, Any] | None) -> list[str]:
    """The pictures of a batch that was handled, and could not be acknowledged: it comes again, and finds them done."""
    found = []
    for message in sqs_messages(event) or []:
        with suppress(UnreadableEvent):
            found += [hint.key for hint in message.hints()]
    return found


def main() -> int:
    """Work until SIGTERM or SIGINT; the batch at hand is finished first."""
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        from processor import handler  # noqa: PLC0415  # importing it reads the environment
    except InvalidConfiguration as exc:
        sys.stderr.write(f"worker: cannot start:\n{exc}\n")
        return 2
    poller = handler.connected.poller
    handler.logger.info("polling", queue=handler.settings.queue_url)
    while not stopping:
        event = None
        try:
            event = poller.receive()
            if event is not None:
                poller.acknowledge(event, handler.handler(event, _Context()))
        except Transient:
            keys = _keys(event)
            handler.logger.exception("the queue does not answer, trying again: %s", keys or "nothing at hand", key=keys)
            time.sleep(_PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
