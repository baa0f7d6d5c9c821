"""The processor under test: a process that forks a worker for each event on its standard input.

With `--poll` it is a worker itself, and polls the queue until it is killed.

Waiting is cut short here, or a run would take hours: leases, retries and the SDK's patience last seconds. The order
of the calls and what each of them means is untouched.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from botocore.config import Config

from processor.aws import clients, dynamodb

PATIENCE_SECONDS = 1.5
ANNOUNCING_SECONDS = 1

clients._CONFIG = Config(  # noqa: SLF001 - the one place that shortens it
    connect_timeout=PATIENCE_SECONDS, read_timeout=PATIENCE_SECONDS, retries={"total_max_attempts": 1}
)
dynamodb._ANNOUNCING_SECONDS = ANNOUNCING_SECONDS  # noqa: SLF001


def main() -> int:
    """Be one or the other."""
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    from processor import handler, worker  # noqa: PLC0415 - it reads the environment

    handler.RETRY_SECONDS = (1, 2)
    _break(os.environ.get("CHAOS_BREAK", ""))
    return worker.main() if "--poll" in sys.argv else _serve(handler)


def _serve(handler: Any) -> int:
    """Handle events until the input ends; one line of JSON for the worker's process id, one for what came of it."""
    from processor.aws.connected import Connected  # noqa: PLC0415
    from processor.worker import _Context  # noqa: PLC0415

    output = os.fdopen(os.dup(1), "w", buffering=1)
    clients.cloudfront()  # the SDK's model of it is read once, not by every worker
    os.dup2(2, 1)  # what the handler prints, its metrics, goes elsewhere
    for line in sys.stdin:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            handler.connected = Connected.from_settings(handler.settings)
            _work(handler.handler, json.loads(line), _Context(), write_end)
        os.close(write_end)
        print(child, file=output)
        with os.fdopen(read_end) as answers:
            answer = answers.read()
        _, status = os.waitpid(child, 0)
        print(json.dumps({"killed": os.WIFSIGNALED(status), "answer": json.loads(answer or "null")}), file=output)
    return 0


def _work(handle: Callable[[Any, Any], Any], event: Any, context: Any, write_end: int) -> None:
    """In the child: wait to be let go, handle, answer, end without any clean-up of the parent's."""
    os.kill(os.getpid(), 19)  # SIGSTOP: until the harness knows whom to kill
    answer = handle(event, context)
    os.write(write_end, json.dumps(answer).encode())
    os._exit(0)


def _break(step: str) -> None:
    """Break one step on purpose, to see whether the harness notices."""
    from processor.aws.eventbridge import EventBridgeAnnouncements  # noqa: PLC0415
    from processor.aws.s3 import S3Renditions  # noqa: PLC0415
    from processor.records import FINAL  # noqa: PLC0415
    from processor.service import Reconciler  # noqa: PLC0415

    if step == "announce":
        EventBridgeAnnouncements.announce = lambda *_: None  # type: ignore[method-assign]
    elif step == "delete":
        S3Renditions.delete = lambda *_: None  # type: ignore[method-assign]
    elif step == "look":  # believe the record, without a look at the raw bucket
        Reconciler._is_settled = lambda self, record: record.status in FINAL  # type: ignore[method-assign]  # noqa: ARG005, SLF001
    elif step == "order":  # note the announcement before it is made
        conclude = Reconciler._conclude  # noqa: SLF001

        def too_early(self: Reconciler, lease: Any, record: Any) -> Any:
            if record is not None and record.announced_at is None:
                from dataclasses import replace  # noqa: PLC0415

                self.records.finish(lease, replace(record, announced_at=self.now()), {"record": f"early#{lease.token}"})
            return conclude(self, lease, record)

        Reconciler._conclude = too_early  # type: ignore[method-assign]  # noqa: SLF001
    elif step:
        raise SystemExit(f"cannot break {step!r}")


if __name__ == "__main__":
    sys.exit(main())
