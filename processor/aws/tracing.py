"""Subsegments for AWS X-Ray: one a picture, and within it one a step. Loaded only where tracing is on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol, TypeVar, cast

from processor.limits import Limits
from processor.recipe import Recipe
from processor.results import STAGES, Transcoded
from processor.service import Transcoder

T = TypeVar("T")

STEPS = {
    "head": "look",
    "acquire": "lease",
    "fetch": "fetch",
    "store": "store",
    "retire": "retire",
    "delete": "delete",
    "finish": "record",
    "invalidate": "invalidate",
    "forget": "invalidate",
    "announce": "announce",
    "release": "release",
}
"""What the calls of the service's protocols are called in a trace. Others are too short to be looked for."""

_TRANSCODE = "transcode"
_PICTURE = "picture"


class Tracing(Protocol):
    """Who notes how long what took."""

    def picture(self, key: str) -> Any:
        """A context in which a picture is worked on."""

    def steps(self, adapter: T) -> T:
        """An adapter whose calls are steps."""

    def transcode(self, transcode: Transcoder) -> Transcoder:
        """A transcoder whose calls are a step."""


class NoTracing:
    """Nobody."""

    @contextmanager
    def picture(self, key: str) -> Iterator[None]:  # noqa: ARG002 - as the protocol says
        """Nothing to note."""
        yield

    def steps(self, adapter: T) -> T:
        """The adapter itself."""
        return adapter

    def transcode(self, transcode: Transcoder) -> Transcoder:
        """The transcoder itself."""
        return transcode


@cache
def recorder() -> Any:
    """The SDK's recorder. One for the process, because each has a socket that nothing closes."""
    from aws_xray_sdk.core.recorder import AWSXRayRecorder  # noqa: PLC0415 - 20 ms that few pay

    made = AWSXRayRecorder()
    made.configure(context_missing="IGNORE_ERROR")  # a worker outside Lambda belongs to no trace
    return made


class XRay:
    """The SDK's recorder. On Lambda it takes trace and parent from each invocation, and sends what has ended at once.

    It sends datagrams to the daemon and waits for no answer, so that nothing depends on there being one.
    """

    def __init__(self) -> None:
        self._recorder = recorder()

    @contextmanager
    def picture(self, key: str) -> Iterator[None]:
        """A subsegment that the key can be searched by."""
        with self._recorder.in_subsegment(_PICTURE) as subsegment:
            if subsegment is not None:
                subsegment.put_annotation("key", key)
            yield

    def steps(self, adapter: T) -> T:
        """An adapter whose calls are subsegments."""
        return cast("T", _Traced(adapter, self._timed))  # it has the adapter's methods

    def transcode(self, transcode: Transcoder) -> Transcoder:
        """A transcoder whose calls are a subsegment, with how long each stage took in the process of its own."""

        def timed(data: bytes, recipe: Recipe, limits: Limits, /) -> Transcoded:
            with self._recorder.in_subsegment(_TRANSCODE) as subsegment:
                result = transcode(data, recipe, limits)
                for stage in STAGES if subsegment is not None else ():
                    # that process has read a hostile file: its word is taken for numbers only
                    subsegment.put_metadata(stage, int(result.milliseconds.get(stage, 0)), "milliseconds")
                return result

        return timed

    def _timed(self, step: str, function: Callable[..., T]) -> Callable[..., T]:
        def timed(*arguments: Any, **options: Any) -> T:
            with self._recorder.in_subsegment(step):
                return function(*arguments, **options)

        return timed


class _Traced:
    """An adapter, seen through a clock."""

    def __init__(self, adapter: Any, timed: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> None:
        self._adapter = adapter
        self._timed = timed

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        return self._timed(STEPS[name], found) if name in STEPS else found
