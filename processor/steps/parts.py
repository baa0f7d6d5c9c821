"""Parts: the frames of an animation as its file stores them, and how they become what is shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from PIL import Image

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""


class Disposal(Enum):
    """What becomes of a frame's rectangle when its time is over."""

    KEEP = auto()
    CLEAR = auto()
    RESTORE = auto()
    """As it was before the frame."""


@dataclass(frozen=True, slots=True)
class Part:
    """One frame: a rectangle to be drawn on what the frames before it left.

    Attributes:
        box: where. It may reach beyond the canvas, and may be empty.
        file: makes a still picture of it, in the animation's format.
        milliseconds: how long it is shown, as the file says.
        disposal: what becomes of it.
        over: whether what is below shines through; if not, it is replaced, transparency and all.
    """

    box: Box
    file: Callable[[], bytes]
    milliseconds: float
    disposal: Disposal = Disposal.KEEP
    over: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """The frames of a file.

    Attributes:
        frames: in order.
        announced: how many the file says it has, or has.
        reach: width and height of what all of them cover together with the canvas.
        plays: how often the whole is shown; 0: for ever.
        grey: whether no frame has colour.
        transparent: whether any pixel of any composed frame may be not opaque, by the headers.
        cut: whether the file breaks off, or is damaged, after the last of them.
        still_is_first: whether a still of the file has to be composed of the first of them.
    """

    frames: tuple[Part, ...]
    announced: int
    reach: tuple[int, int]
    plays: int
    grey: bool
    transparent: bool
    cut: bool
    still_is_first: bool


def may_be_transparent(size: tuple[int, int], frames: tuple[Part, ...]) -> bool:
    """Whether composing opaque frames leaves holes: where the first is smaller, and what is cleared and shown."""
    if not frames:
        return False
    cleared = any(frame.disposal is Disposal.CLEAR for frame in frames[:-1])
    restored = len(frames) > 1 and frames[0].disposal is Disposal.RESTORE
    return not _covers(frames[0].box, size) or cleared or restored


def composed(
    parts: Parts, size: tuple[int, int], decoded: Callable[[Part], Image.Image]
) -> Iterator[tuple[Part, Image.Image]]:
    """Every frame as it is shown: whole, with what is left of the ones before.

    Nothing that was yielded is changed afterwards.

    Args:
        parts: the frames.
        size: width and height of the canvas.
        decoded: the pixels of a frame, of its box's size, in 8 bits.

    Yields:
        The frame, and an image in grey or RGB, with a band of opacity if the parts may be transparent.
    """
    mode = ("L" if parts.grey else "RGB") + ("A" if parts.transparent else "")
    canvas: Image.Image | None = None  # nothing is there yet
    for part in parts.frames:
        before = canvas
        visible = _visible(part.box, size)
        if visible:
            image = _inside(_plain(decoded(part), grey=parts.grey), part.box, visible)
            canvas = _drawn(canvas, image, visible, over=part.over) if canvas else _begun(image, visible, mode, size)
        elif canvas is None:
            canvas = Image.new(mode, size)
        yield part, canvas
        if part.disposal is Disposal.RESTORE:
            canvas = before
        elif part.disposal is Disposal.CLEAR and visible:
            canvas = None if _covers(part.box, size) else _pasted(canvas, _clear(mode, visible), visible)


def _begun(image: Image.Image, box: Box, mode: str, size: tuple[int, int]) -> Image.Image:
    """A canvas with its first frame."""
    if image.mode != mode:
        image = image.convert(mode)
    if image.size == size:
        return image
    canvas = Image.new(mode, size)
    canvas.paste(image, box)
    return canvas


def _drawn(canvas: Image.Image, image: Image.Image, box: Box, *, over: bool) -> Image.Image:
    """A new canvas, with a frame on what is there."""
    blends = over and image.mode.endswith("A")
    if blends and not canvas.mode.endswith("A"):
        return _pasted(canvas, image.convert(canvas.mode), box, image.getchannel("A"))
    if blends:
        below = canvas if image.size == canvas.size else canvas.crop(box)
        image = Image.alpha_composite(below, image)
    elif image.mode != canvas.mode:
        image = image.convert(canvas.mode)
    return image if image.size == canvas.size else _pasted(canvas, image, box)


def _pasted(canvas: Image.Image, image: Image.Image, box: Box, mask: Image.Image | None = None) -> Image.Image:
    result = canvas.copy()
    result.paste(image, box, mask)
    return result


def _clear(mode: str, box: Box) -> Image.Image:
    return Image.new(mode, (box[2] - box[0], box[3] - box[1]))


def _plain(image: Image.Image, *, grey: bool) -> Image.Image:
    """Grey or RGB, with opacity if it has any."""
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return image if image.mode == mode else image.convert(mode)


def _inside(image: Image.Image, box: Box, visible: Box) -> Image.Image:
    """The visible part of a frame."""
    if visible == box:
        return image
    left, top = box[:2]
    return image.crop((visible[0] - left, visible[1] - top, visible[2] - left, visible[3] - top))


def _visible(box: Box, size: tuple[int, int]) -> Box | None:
    """The part of a box that is on the canvas; None: none is."""
    left, top, right, bottom = max(0, box[0]), max(0, box[1]), min(box[2], size[0]), min(box[3], size[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _covers(box: Box, size: tuple[int, int]) -> bool:
    return box[0] <= 0 and box[1] <= 0 and box[2] >= size[0] and box[3] >= size[1]
