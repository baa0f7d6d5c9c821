"""Encode: each encoder inside its limits, nothing but pixels in the files."""

import os
import subprocess
import sys

import pytest
from PIL import AvifImagePlugin, Image

from processor.recipe import Format, FormatName
from processor.steps import encode
from tests.helpers import assert_image_similar, loaded, photo, saved
from tests.samples import needs_jxl

JXL = pytest.param("jxl", marks=needs_jxl)


def fmt(name: FormatName, quality: int = 80) -> Format:
    """A format of which only the encoder matters."""
    return Format(name, quality, "{stem}.x")


def translucent(width: int = 160, height: int = 120) -> Image.Image:
    """A picture that fades from clear to opaque."""
    image = photo(width, height).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((width, height)))
    return image


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", JXL])
def test_looks_like_the_source(name: FormatName) -> None:
    """What is encoded looks like what went in, and is the format that it says."""
    image = photo(320, 240)
    result = loaded(encode.encoded(image, fmt(name), "#ffffff"))
    assert result.format == {"jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "jxl": "JXL"}[name]
    assert_image_similar(result.convert("RGB"), image, 5)


@pytest.mark.parametrize("name", ["webp", "avif", JXL])
@pytest.mark.parametrize("size", [(160, 120), (161, 121), (20, 160)])
def test_alpha_is_kept(name: FormatName, size: tuple[int, int]) -> None:
    """WebP and AVIF keep transparency, odd sides and both AVIF encoders included."""
    image = translucent(*size)
    result = loaded(encode.encoded(image, fmt(name), "#ffffff"))
    assert result.mode == "RGBA"
    assert_image_similar(result.getchannel("A"), image.getchannel("A"), 3)


def test_jpeg_is_flattened_on_the_background() -> None:
    """JPEG has no transparency; what shines through is the background."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    result = loaded(encode.encoded(image, fmt("jpeg"), "#ff8000"))
    assert_image_similar(result, Image.new("RGB", (64, 64), "#ff8000"), 2)


def test_jpeg_is_progressive_with_halved_colour() -> None:
    """JPEGs are progressive, 4:2:0."""
    result = loaded(encode.encoded(photo(64, 64), fmt("jpeg"), "#ffffff"))
    assert result.info["progressive"]
    assert [layer[1:3] for layer in getattr(result, "layer")] == [(2, 2), (1, 1), (1, 1)]  # noqa: B009 - not typed


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", JXL])
def test_quality_reaches_the_encoder(name: FormatName) -> None:
    """A lower quality makes a smaller file."""
    image = photo(320, 240)
    sizes = [len(encode.encoded(image, fmt(name, quality), "#ffffff")) for quality in (20, 50, 90)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("size", "codec"),
    [
        ((64, 64), "svt"),
        ((8192, 8192), "svt"),
        ((63, 200), "aom"),
        ((200, 63), "aom"),
        ((8193, 200), "aom"),
        ((200, 8193), "aom"),
        ((1, 1), "aom"),
    ],
)
def test_svt_stays_inside_its_safe_envelope(size: tuple[int, int], codec: str) -> None:
    """Outside 64 to 8192 pixels SVT hangs or raises, so libaom takes over exactly there."""
    assert encode.avif_codec(*size) == codec


def test_avif_bytes_do_not_depend_on_the_machine() -> None:
    """AVIF by libaom differs between one thread and several, and by default there are as many as CPUs; we pin one."""
    image = photo(9000, 70)
    options = {"quality": 65, "codec": "aom", **encode.AVIF_OPTIONS["aom"], "exif": b"", "xmp": b""}
    single, several = (saved(image, "AVIF", max_threads=threads, **options) for threads in (1, 2))
    assert single != several
    assert encode.encoded(image, fmt("avif", 65), "#ffffff") == single


def test_avif_is_tuned_for_still_images() -> None:
    """SVT is told to encode a picture, not a film: the file is the one that its still-image tuning makes."""
    image = photo(320, 240)
    options: dict[str, object] = {"quality": 60, "codec": "svt", "speed": 9, "max_threads": 1, "exif": b"", "xmp": b""}
    with encode.scheduled_as_before():
        film, still = (saved(image, "AVIF", **options, advanced={"tune": tune}) for tune in ("1", "3"))
    assert film != still
    assert encode.encoded(image, fmt("avif", 60), "#ffffff") == still


@pytest.mark.parametrize(("size", "method"), [((999, 1000), 2), ((1000, 1000), 1)])
def test_large_webp_takes_less_effort(size: tuple[int, int], method: int) -> None:
    """From a megapixel on WebP is encoded with method 1, below with method 2."""
    image = photo(*size)
    expected, other = (saved(image, "WEBP", quality=80, method=each) for each in (method, 3 - method))
    assert encode.encoded(image, fmt("webp"), "#ffffff") == expected != other


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", JXL])
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 300), (2, 2), (3, 65), (24, 400), (63, 64), (64, 64), (65, 67), (1, 16_383)]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_shape(name: FormatName, size: tuple[int, int], mode: str) -> None:
    """Tiny, thin, odd and extremely long pictures come out of every encoder at their size."""
    image = photo(*size) if mode == "RGB" else translucent(*size)
    assert loaded(encode.encoded(image, fmt(name), "#ffffff")).size == size


def test_the_plugin_reads_and_writes_avif() -> None:
    """Once the encoders are loaded AVIF belongs to the plugin, for reading too: that reader is the one under test."""
    Image.init()
    assert Image.OPEN["AVIF"][0].__module__ == "pillow_avif.AvifImagePlugin"
    assert Image.OPEN["AVIF"][0] is not AvifImagePlugin.AvifImageFile


def test_silence() -> None:
    """Encoding AVIF writes nothing to either stream; SVT would, if it were not told before it is loaded."""
    code = (
        "from PIL import Image; from processor.recipe import Format; from processor.steps import encode\n"
        "encode.encoded(Image.new('RGB', (128, 128)), Format('avif', 65, '{stem}.avif'), '#ffffff')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SVT_LOG"}
    run = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", code], capture_output=True, check=True, env=environment, timeout=60
    )
    assert (run.stdout, run.stderr) == (b"", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has these scheduling policies")
def test_encoding_leaves_the_threads_priority_alone() -> None:
    """After an AVIF its thread is scheduled as before; SVT-AV1 makes root's a real-time one, which starves others."""
    before = os.sched_getscheduler(0)
    encode.encoded(photo(128, 128), fmt("avif"), "#ffffff")
    assert os.sched_getscheduler(0) == before
