"""Animate: the frames of an animated source as they are shown, and how long and how often each plays."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.steps import boxes, colour, decode, depth, orient, resize, signal
from processor.steps.inspect import ANIMATED, Opened, pillow_errors, reopened
from processor.steps.tone import Curve

SHORTEST_MS = 11
"""Browsers show frames of 10 ms or less for 100 ms, and so do we: old GIFs say 0 and mean "as you like"."""

USUAL_MS = 100

FOREVER = 0
"""As a number of plays."""

FRAME_BUDGET_PIXELS = 50_000_000
"""Width x height x frames of one animated rendition. What would have more is made smaller, frame by frame, to fit.

Encoding is what takes the time of `max_decode_seconds`, see docs/adr/0014-animations-stay-animated.md.
"""


@dataclass(frozen=True, slots=True)
class Animation:
    """A source that moves.

    Attributes:
        opened: its file.
        durations: milliseconds that each frame is shown.
        plays: how often the whole is shown; `FOREVER`.
        transparent: whether any pixel of any frame is not opaque.
        cut: whether the file breaks off, or is damaged, after the last of these frames.
    """

    opened: Opened
    durations: tuple[int, ...]
    plays: int
    transparent: bool
    cut: bool

    @property
    def moves(self) -> bool:
        """Whether there are at least two frames."""
        return len(self.durations) > 1

    @property
    def milliseconds(self) -> int:
        """How long one play lasts."""
        return sum(self.durations)


def animation(opened: Opened, limits: Limits) -> Animation | None:
    """The frames of a file, found by decoding all of it once; None: it is a still picture.

    Of a damaged file the frames before the damage are used, as browsers do. There may be one, or none.

    Raises:
        Rejected: `too_many_pixels` or `too_many_frames`.
    """
    if opened.frames == 1 or opened.format not in ANIMATED:
        return None
    width, height = opened.canvas
    if width * height > limits.max_frame_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"its frames have {width:,} x {height:,} pixels, allowed are {limits.max_frame_pixels:,} in an animation; "
            "make it smaller",
        )
    if width * height * opened.frames > limits.max_animation_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"{opened.frames:,} frames of {width:,} x {height:,} pixels are over the {limits.max_animation_pixels:,} "
            "allowed for an animation; make it shorter or smaller",
        )
    durations: list[int] = []
    transparent, cut = False, bool(opened.parts and opened.parts.cut)
    try:
        for milliseconds, frame in _decoded(opened, None):
            durations.append(_duration(milliseconds))
            transparent = transparent or _shows_through(frame)
    except Rejected as rejected:
        if rejected.reason is not Reason.CORRUPT:
            raise
        cut = True
    found = Animation(opened, tuple(durations), _plays(opened), transparent, cut)
    if found.milliseconds > 1000 * limits.max_duration_seconds:
        raise Rejected(
            Reason.TOO_MANY_FRAMES,
            f"the animation plays for {found.milliseconds // 1000:,} seconds, allowed are "
            f"{limits.max_duration_seconds:,}; make it shorter",
        )
    return found


def frames(source: Animation, size: resize.Pixels, scale: resize.Scale) -> Iterator[Image.Image]:
    """Every frame in 8-bit sRGB at a size, one at a time: RGBA if the animation is transparent anywhere, else RGB."""
    stated = signal.stated(source.opened)
    turn = orient.orientation(source.opened.image)
    mode = "RGBA" if source.transparent else "RGB"
    curve = stated.curve if stated else None
    for _, decoded in itertools.islice(_decoded(source.opened, curve), len(source.durations)):
        frame = colour.srgb(orient.upright(signal.tagged(decoded, stated), turn))
        yield scale(frame if frame.mode == mode else frame.convert(mode), size)


def fitted(source: Animation, size: resize.Pixels) -> resize.Pixels:
    """A size, or the largest of its shape at which all frames together stay inside the budget."""
    pixels = size[0] * size[1] * len(source.durations)
    if pixels <= FRAME_BUDGET_PIXELS:
        return size
    scale = (FRAME_BUDGET_PIXELS / pixels) ** 0.5
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


class Strip(Image.Image):
    """An Image whose frames are made as an encoder asks for them, forwards, so that only one is in memory."""

    def __init__(self, make: Callable[[], Iterator[Image.Image]], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self.is_animated = True
        self._make = make
        self._rest: Iterator[Image.Image] = iter(())
        self._at = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Show a frame; an earlier one starts over."""
        if frame < self._at or self._at < 0:
            self._rest, self._at = self._make(), -1
        while self._at < frame:
            shown = next(self._rest)
            self._at += 1
            self._im, self._mode, self._size = shown.im, shown.mode, shown.size

    def tell(self) -> int:
        """The frame that is shown."""
        return self._at


def _decoded(opened: Opened, curve: Curve | None) -> Iterator[tuple[object, Image.Image]]:
    """Frames as they are shown, whole, with what is left of the ones before; and how long, as the file says.

    The readers of WebP and AVIF compose them; what Pillow's makes of GIF and PNG differs from browsers.
    """
    if opened.parts:
        yield from ((part.milliseconds, image) for part, image in decode.composed(opened, curve))
        return
    with pillow_errors(opened.format):
        image: Any = reopened(opened)
        for index in range(opened.frames):
            try:
                image.seek(index)
            except EOFError:  # the file promised more
                return
            image.load()
            frame = image.copy()
            frame.info = dict(image.info)
            yield image.info.get("duration"), depth.toned(frame, curve)


def _duration(stated: object) -> int:
    milliseconds = round(stated) if isinstance(stated, int | float) and stated < 2**31 else 0
    return milliseconds if milliseconds >= SHORTEST_MS else USUAL_MS


def _shows_through(frame: Image.Image) -> bool:
    if not frame.mode.endswith("A"):
        return False
    lowest, _ = frame.getchannel("A").getextrema()
    return lowest != 255  # noqa: PLR2004 - opaque


def _plays(opened: Opened) -> int:
    """How often a file asks to be shown."""
    if opened.parts:
        return opened.parts.plays
    if opened.format == "avif":
        return boxes.plays(opened.data)
    stated = opened.image.info.get("loop")
    return min(stated, 65_535) if isinstance(stated, int) else FOREVER
