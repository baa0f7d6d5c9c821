"""Our composed frames beside a browser's: every way in which frames are put upon each other, in every format."""

import itertools

import pytest
from PIL import Image, ImageChops

from processor.limits import Limits
from processor.steps import animate, boxes, inspect
from tests.animations import PngKind, random_apng, random_gif, random_webp
from tests.browser.conftest import Judge
from tests.helpers import photo
from tests.samples import pages

KINDS = [
    *(PngKind(0, bits, key) for bits in (1, 2, 4, 8, 16) for key in (b"", b"\0\0")),
    *(PngKind(2, bits, key) for bits in (8, 16) for key in (b"", bytes(6))),
    *(PngKind(3, bits, alpha) for bits in (1, 2, 4, 8) for alpha in (b"", bytes((0, 120)))),
    *(PngKind(colours, bits) for colours in (4, 6) for bits in (8, 16)),
]


def composed(data: bytes) -> tuple[animate.Animation, list[Image.Image]]:
    """Our frames of an animation, at its own size."""
    source = animate.animation(inspect.opened(data, Limits()), Limits())
    assert source
    return source, list(animate.frames(source, source.opened.image.size, lambda image, _: image))


def assert_shown_alike(judge: Judge, data: bytes, media_type: str, levels: int) -> None:
    """Assert that a browser shows the same frames, in the same time and as often.

    Args:
        judge: the browser.
        data: the file.
        media_type: of it.
        levels: of 255, that any sample may be off, colours multiplied by opacity.
    """
    shown = judge.shown(data, media_type)
    source, frames = composed(data)
    assert (len(frames), source.plays) == (len(shown.frames), shown.plays)
    stated = [100 if milliseconds <= 10 else milliseconds for milliseconds in shown.milliseconds]
    assert [abs(one - other) <= 1 for one, other in zip(source.durations, stated, strict=True)] == [True] * len(stated)
    for at, (ours, theirs) in enumerate(zip(frames, shown.frames, strict=True)):
        assert ours.size == theirs.size
        one, other = (image.convert("RGBA").convert("RGBa") for image in (ours, theirs))
        bands = zip(one.split(), other.split(), strict=True)
        off = max(int(ImageChops.difference(*pair).getextrema()[1]) for pair in bands)  # type: ignore[arg-type]
        assert off <= levels, f"frame {at} is off by {off} levels"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_animated_png(judge: Judge, kind: PngKind) -> None:
    """APNG of every kind: blended over and not, disposed of in every way, with the default image in it or not."""
    for seed, (interlaced, separate) in enumerate(itertools.product((False, True), repeat=2)):
        kind_of_file = PngKind(kind.colours, kind.bits, kind.transparency, interlaced)
        assert_shown_alike(judge, random_apng(kind_of_file, seed, separate=separate), "image/png", 2)


@pytest.mark.parametrize("seed", range(40))
def test_animated_gif(judge: Judge, seed: int) -> None:
    """GIF: partial frames, also beyond the screen, every disposal, transparency that comes and goes, own colours."""
    assert_shown_alike(judge, random_gif(seed), "image/gif", 0)


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_animated_webp(judge: Judge, seed: int, opaque: bool) -> None:  # noqa: FBT001 - a case
    """WebP: partial frames, blended and disposed of in both ways, with opacity of their own or without."""
    assert_shown_alike(judge, random_webp(seed, opaque=opaque), "image/webp", 2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_avif_sequence(judge: Judge, mode: str) -> None:
    """AVIF: every frame, with opacity or without. In limited range, which the browser supposes."""
    frames = [photo(96, 64).rotate(90 * at).convert(mode) for at in range(4)]
    for frame in frames[1:] if mode == "RGBA" else ():
        frame.putalpha(Image.linear_gradient("L").resize(frame.size))
    made = pages(frames, "AVIF", duration=[40, 50, 600, 70], quality=90, speed=8, range="limited")
    for plays in (0, 1, 4):
        assert_shown_alike(judge, boxes.settled(made, plays), "image/avif", 4)
