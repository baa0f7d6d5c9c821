"""Keys: exact strings for output keys and URLs, and no two pictures on one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor import keys
from processor.errors import Reason, Rejected
from processor.recipe import Format, Recipe, Size

DEFAULT = Recipe.default()
HARD = "my photos/ü b+c (1).jpg"
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def test_hard_key() -> None:
    """The key that has everything gets exactly these output keys and this URL."""
    assert keys.rendition_keys(DEFAULT, HARD) == (
        "full/my photos/ü b+c (1).jpg",
        "webp/my photos/ü b+c (1).webp",
        "avif/my photos/ü b+c (1).avif",
        "medium/my photos/ü b+c (1)_medium.jpg",
        "medium/my photos/ü b+c (1)_medium.webp",
        "medium/my photos/ü b+c (1)_medium.avif",
        "thumbnails/my photos/ü b+c (1)_thumb.jpg",
        "thumbnails/my photos/ü b+c (1)_thumb.webp",
        "thumbnails/my photos/ü b+c (1)_thumb.avif",
    )
    assert keys.url("cdn.example", keys.rendition_keys(DEFAULT, HARD)[0]) == (
        "https://cdn.example/full/my%20photos/%C3%BC%20b%2Bc%20%281%29.jpg"
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.jpg", "a"),
        ("a", "a"),
        ("a.b.jpg", "a.b"),
        (".hidden", ".hidden"),
        (".hidden.jpg", ".hidden"),
        ("x.y/a", "x.y/a"),
        ("x.y/a.jpg", "x.y/a"),
        ("x/.jpg", "x/.jpg"),
        ("a.", "a"),
        ("x/y/z.tar.gz", "x/y/z.tar"),
    ],
)
def test_stem(key: str, expected: str) -> None:
    """The stem ends at the last dot after the last slash, a leading dot excepted."""
    assert keys.stem(key) == expected


@given(NAMES, st.sampled_from(["jpg", "png", "webp", ""]))
def test_adding_an_extension_gives_the_stem_back(name: str, extension: str) -> None:
    """Whatever a picture is called, an extension added to it is exactly what the stem leaves out."""
    if not name.endswith("/"):
        assert keys.stem(f"{name}.{extension}") == name


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_no_two_pictures_share_a_key_unless_they_share_a_stem(pair: list[str]) -> None:
    """All renditions of two pictures are distinct objects, unless the stems are the same; then all are shared."""
    one, other = (set(keys.rendition_keys(DEFAULT, key)) for key in pair)
    assert len(one) == len(other) == 9
    if keys.stem(pair[0]) == keys.stem(pair[1]):
        assert one == other
    else:
        assert not one & other


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_name_templates_never_collide(pair: list[str]) -> None:
    """With `{name}` the key keeps its extension, so that no two pictures ever share an object."""
    fmt = Format("jpeg", 85, "full/{name}.jpg")
    assert keys.rendition_key(fmt, pair[0]) != keys.rendition_key(fmt, pair[1])


def test_owned_stem() -> None:
    """A stem needs an owner only where some template uses stems."""
    named = Recipe(sizes=(Size("full", (Format("jpeg", 85, "full/{name}.jpg"),)),))
    assert keys.owned_stem(DEFAULT, "cats/tom.png") == "cats/tom"
    assert keys.owned_stem(named, "cats/tom.png") is None


@pytest.mark.parametrize(
    "key", ["", "/a.jpg", "a//b.jpg", "./a.jpg", "a/../b.jpg", "a/..", "a\nb.jpg", "a\x7f.jpg", "a\udcff.jpg"]
)
def test_unservable(key: str) -> None:
    """Keys that no URL can express are refused with a way out."""
    with pytest.raises(Rejected) as caught:
        keys.check_publishable(DEFAULT, key)
    assert caught.value.reason == Reason.UNSERVABLE_KEY
    assert "upload it under" in caught.value.message


def test_longest_key() -> None:
    """The longest rendition key may have 1,024 bytes of UTF-8 and not one more."""
    room = keys.MAX_KEY_BYTES - len("thumbnails/_thumb.webp")
    keys.check_publishable(DEFAULT, "ü" * (room // 2) + "x" * (room % 2) + ".jpg")
    with pytest.raises(Rejected) as caught:
        keys.check_publishable(DEFAULT, "ü" * (room // 2) + "x" * (room % 2) + "x.jpg")
    assert caught.value.reason == Reason.KEY_TOO_LONG


@given(NAMES)
def test_urls_are_plain_ascii_and_reversible(key: str) -> None:
    """A URL holds only unreserved characters, slashes and escapes, and names exactly one key."""
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - the counterpart, used only here

    path = urlsplit(keys.url("cdn.example", key)).path
    assert unquote(path) == f"/{key}"
    assert set(path) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/%")


def test_folders() -> None:
    """Keys that end in a slash are folders; nothing else is."""
    assert [keys.is_folder(key) for key in ("a/", "a", "a/b.jpg")] == [True, False, False]


def test_source_hash_says_nothing_of_the_key() -> None:
    """The hash is 32 hex digits, always the same for a key, and different for another."""
    assert keys.source_hash(HARD) == keys.source_hash(HARD)
    assert keys.source_hash(HARD) != keys.source_hash(HARD + "x")
    assert len(keys.source_hash(HARD)) == 32
