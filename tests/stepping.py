"""Workers that stop after every call they make, so that a test decides what happens between any two of them."""

import threading
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from processor.aws.cloudfront import CloudFrontInvalidations
from processor.errors import Transient
from processor.service import Outcome, Reconciler


class Crash(BaseException):
    """The process is killed: no handler of ours runs."""


class Fate(StrEnum):
    """What becomes of a worker that waits between two calls."""

    GO_ON = "go on"
    CRASH = "crash"
    LOSE_ANSWER = "lose the answer"
    """The call it has just made took effect, and it hears that it failed."""
    REFUSE = "refuse"
    """Its next call fails without any effect."""


class Worker:
    """One `reconcile` in a thread, which runs only inside `step`.

    It stops after each call of a protocol and after each object written, not before: what the service looks up right
    before a call counts as one with it.
    """

    def __init__(self, reconciler: Reconciler, key: str) -> None:
        self.key = key
        self.outcome: Outcome | None = None
        self.failure: BaseException | None = None
        self.done = False
        self.calls: list[str] = []
        self._refuse = False
        self._fate = Fate.GO_ON
        self._turn = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        stepped: dict[str, Any] = {
            name: Stepped(getattr(reconciler, name), self)
            for name in ("sources", "renditions", "records", "announcements", "queue")
        }
        cdn = reconciler.invalidations
        if isinstance(cdn, CloudFrontInvalidations):  # its own calls, so that it is stopped in between
            parts: dict[str, Any] = {
                name: Stepped(getattr(cdn, name), self) for name in ("replacements", "removals", "sweeps")
            }
            client = cdn.make_client()
            stepped["invalidations"] = replace(cdn, make_client=lambda: Stepped(client, self), **parts)
        self._reconciler = replace(reconciler, **stepped)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._stopped.acquire()

    def step(self, fate: Fate = Fate.GO_ON) -> None:
        """Let it run until after its next call, or to its end."""
        assert not self.done, f"the worker on {self.key} has ended"
        self._fate = fate
        self._turn.release()
        self._stopped.acquire()

    def finish(self) -> None:
        """Let it run to its end."""
        while not self.done:
            self.step()

    def _run(self) -> None:
        try:
            self._pause()
            self.outcome = self._reconciler.reconcile(self.key)
        except BaseException as exc:  # noqa: BLE001 - Crash is one, and the test looks at whatever it was
            self.failure = exc
        self.done = True
        self._stopped.release()

    def _pause(self) -> None:
        self._stopped.release()
        self._turn.acquire()
        if self._fate is Fate.CRASH:
            raise Crash
        if self._fate is Fate.LOSE_ANSWER and self.calls:
            raise Transient(f"{self.calls[-1]}: the connection was closed before the answer")
        self._refuse = self._fate is Fate.REFUSE

    def called(self, name: str, function: Callable[..., Any], arguments: tuple[Any, ...], options: Any) -> Any:
        """Make one call on the way, and stop after it."""
        self.calls.append(name)
        if self._refuse:
            self._refuse = False
            raise Transient(f"{name}: SlowDown")
        if name in ("store", "retire", "delete"):
            things, guard = arguments
            for thing in sorted(things, key=str):  # one at a time, to be stopped in between
                function([thing], guard)
                self._pause()
            return None
        answer = function(*arguments, **options)
        self._pause()
        return answer


class Stepped:
    """A fake whose every call goes through a worker."""

    def __init__(self, fake: Any, worker: Worker) -> None:
        self._fake = fake
        self._worker = worker

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The fake's method, with a stop after it."""
        function = getattr(self._fake, name)
        return lambda *arguments, **options: self._worker.called(name, function, arguments, options)
