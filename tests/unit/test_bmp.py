"""BMP: runs of pixels are where they belong, and kinds that cannot be read are named."""

import itertools
import random
import struct

import numpy as np
import pytest

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.steps import decode, inspect
from tests.helpers import photo, saved

WIDTH, HEIGHT = 10, 6
END_OF_ROW, END = b"\0\0", b"\0\1"


def bitmap(body: bytes, bits: int, compression: int, *, colours: int = 0) -> bytes:
    """A bitmap of 10 x 6 pixels whose colour n is (10 n, 255 - 10 n, n)."""
    table = b"".join(bytes((n, (255 - 10 * n) % 256, 10 * n % 256, 0)) for n in range(colours or 1 << bits))
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, bits, compression, len(body), 0, 0, colours, 0)
    offset = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<III", offset + len(body), 0, offset) + info + table + body


def numbers(data: bytes) -> np.ndarray:
    """The numbers of a bitmap's colours, top row first."""
    image = decode.decoded(inspect.opened(data, Limits()), (999, 999)).convert("RGB")
    return np.asarray(image)[:, :, 2].astype(int)


def rows(*numbers_from_below: bytes) -> np.ndarray:
    """What is expected, given from the lowest row, filled up with the first colour."""
    result = np.zeros((HEIGHT, WIDTH), int)
    for at, row in enumerate(numbers_from_below):
        result[HEIGHT - 1 - at, : len(row)] = list(row)
    return result


FULL = b"".join(bytes((WIDTH, 3 + at)) + END_OF_ROW for at in range(HEIGHT))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (FULL + END, [bytes([3 + at] * WIDTH) for at in range(HEIGHT)]),
        (FULL, [bytes([3 + at] * WIDTH) for at in range(HEIGHT)]),
        (FULL[:-2], [bytes([3 + at] * WIDTH) for at in range(HEIGHT)]),
        (b"\3\5" + END_OF_ROW * 3 + b"\2\7" + END, [b"\5" * 3, b"", b"", b"\7" * 2]),
        (b"\2\5\0\2\3\1\1\7" + END, [b"\5\5", b"\0" * 5 + b"\7"]),
        (b"\0\5\1\2\3\4\5\0\2\6" + END, [b"\1\2\3\4\5\6\6"]),
        (b"\xff\5" + END_OF_ROW + b"\1\6" + END, [b"\5" * WIDTH, b"\6"]),
        (b"\0\x0c" + bytes(range(1, 13)) + END_OF_ROW + b"\1\6" + END, [bytes(range(1, 11)), b"\6"]),
        (END, []),
        (END_OF_ROW * HEIGHT + END, []),
        (b"\0\2\xff\xff" + b"\1\5" + END, []),
    ],
)
def test_runs_of_eight_bits(body: bytes, expected: list[bytes]) -> None:
    """Rows end and are skipped as the file says; what it leaves out has the first colour."""
    assert np.array_equal(numbers(bitmap(body, 8, 1)), rows(*expected))


def test_runs_of_four_bits() -> None:
    """Two colours take turns, absolute pixels come in pairs and fill up whole words."""
    body = b"\5\x12" + END_OF_ROW + END_OF_ROW + b"\0\5\x12\x34\x50\0\2\x66" + END
    assert np.array_equal(numbers(bitmap(body, 4, 2)), rows(b"\1\2\1\2\1", b"", b"\1\2\3\4\5\6\6"))


@pytest.mark.parametrize("cut", range(3, 20))
def test_runs_that_break_off(cut: int) -> None:
    """Runs that end without saying so before the last pixel are `corrupt`."""
    with pytest.raises(Rejected, match="end early") as caught:
        numbers(bitmap(FULL[:-cut], 8, 1))
    assert caught.value.reason is Reason.CORRUPT


@pytest.mark.parametrize("colours", [2, 16, 200])
def test_fewer_colours(colours: int) -> None:
    """A palette of fewer colours stays what it is."""
    assert np.array_equal(numbers(bitmap(bytes((WIDTH, 1)) + END, 8, 1, colours=colours)), rows(b"\1" * WIDTH))


def test_runs_as_an_encoder_writes_them() -> None:
    """Any picture comes back as it was, encoded in any mixture of runs."""
    dice = random.Random(3)  # noqa: S311 - the same every time
    wanted = [bytes(dice.choice((1, 2, 20)) for _ in range(WIDTH)) for _ in range(HEIGHT)]
    body = b""
    for row in wanted:
        for value, same in itertools.groupby(row):
            body += bytes((len(list(same)), value))
        body += END_OF_ROW
    assert np.array_equal(numbers(bitmap(body + END, 8, 1)), rows(*wanted))


def test_a_bomb_is_left_to_the_bounds() -> None:
    """Runs of a picture above the limit are not spelled out."""
    data = bytearray(bitmap(END, 8, 1))
    struct.pack_into("<ii", data, 18, 60_000, 60_000)
    with pytest.raises(Rejected) as caught:
        inspect.opened(bytes(data), Limits())
    assert caught.value.reason is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (bitmap(bytes(60), 2, 0), "2 bits"),
        (bitmap(b"\xff\xd8\xff", 24, 4, colours=1), "JPEG inside"),
        (bitmap(b"\x89PNG", 24, 5, colours=1), "PNG inside"),
        (bitmap(bytes(240), 32, 6, colours=1), "opacity"),
        (bitmap(struct.pack("<3I", 0xF00, 0xF0, 0xF) + bytes(120), 16, 3, colours=1)[:54]
         + struct.pack("<3I", 0xF00, 0xF0, 0xF) + bytes(120), "bit fields"),
    ],
)  # fmt: skip
def test_kinds_that_cannot_be_read(data: bytes, named: str) -> None:
    """An intact bitmap of a kind that Pillow does not know is `unsupported_format`, and the kind is named."""
    with pytest.raises(Rejected, match=named) as caught:
        inspect.opened(data, Limits())
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT


def test_padding_may_be_missing() -> None:
    """The bytes that fill up the last row are no pixels."""
    data = saved(photo(13, 8), "BMP")
    whole = decode.decoded(inspect.opened(data, Limits()), (99, 99)).tobytes()
    assert decode.decoded(inspect.opened(data[:-1], Limits()), (99, 99)).tobytes() == whole
