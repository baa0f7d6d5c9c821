"""Two kinds of failure: a picture that will never work, and a world that may be better in a minute."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a picture was rejected. A closed list: records, events and metrics are keyed by it."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    CORRUPT = "corrupt"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_FRAMES = "too_many_frames"
    METADATA_TOO_LARGE = "metadata_too_large"
    DECODE_TIMEOUT = "decode_timeout"
    DECODER_CRASHED = "decoder_crashed"
    HDR_UNSUPPORTED = "hdr_unsupported"
    KEY_CONFLICT = "key_conflict"
    KEY_TOO_LONG = "key_too_long"
    UNSERVABLE_KEY = "unservable_key"


class TranscodeError(Exception):
    """Anything that kept a picture from being published. Its type decides what happens next."""


class Rejected(TranscodeError):
    """The picture itself is the problem: recorded, acknowledged, never retried.

    Attributes:
        reason: the code by which records, events and metrics know it.
        message: one sentence for the person who uploaded the picture.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Transient(TranscodeError):
    """Something around the picture failed and may work later: throttling, a timeout, a 5xx."""


class Unreachable(Transient):
    """Nothing listens where a service should be."""


class LeaseHeld(Transient):
    """Another worker is on this picture.

    Attributes:
        retry_after_seconds: when its lease ends at the latest.
    """

    def __init__(self, key: str, retry_after_seconds: float) -> None:
        super().__init__(f"another worker holds the lease on {key!r} for {retry_after_seconds:.0f} s more")
        self.retry_after_seconds = retry_after_seconds


class LeaseLost(Transient):
    """Our lease on this picture ended before our work did; whatever we made must not be published."""


class InvalidConfiguration(ValueError):
    """The environment or a recipe cannot be used. The message names every problem, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
