"""Deep Zoom pyramids: every tile where a viewer looks for it, and nothing left of them when their picture goes."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from processor import cli, keys, pyramid
from processor.aws.cloudfront import CloudFrontInvalidations
from processor.aws.listing import Listed
from processor.commands.verify import ORPHAN_AGE, Makers, differences, listed_objects, orphans
from processor.errors import InvalidConfiguration
from processor.isolation import IsolatedTranscoder
from processor.limits import Limits
from processor.pipeline import transcode
from processor.pyramid import Pyramid
from processor.recipe import Recipe
from processor.records import Status
from processor.steps import resize
from tests import helpers
from tests.fakes import FakeBudget, FakeSweeps, World

SIZES = [{"name": "thumb", "width": 32, "height": 32, "formats": {"jpeg": {"key": "thumbs/{stem}.jpg"}}}]
TILES = {"key": "tiles/{name}", "tile": 128, "min_side": 300}
RECIPE = Recipe.from_json(json.dumps({"sizes": SIZES, "tiles": TILES}))
KEY = "maps/old town.png"
BASE = "tiles/maps/old town.png"


def made(width: int, height: int, recipe: Recipe = RECIPE, fmt: str = "PNG", **options: Any) -> dict[str, bytes]:
    """The tiles of a photo, by key."""
    tiled = transcode(helpers.saved(helpers.photo(width, height), fmt), recipe, **options).tiled
    assert tiled is not None
    places = tiled.pyramid.all_places()
    return {tiled.pyramid.tile_key("t", place): body for place, body in zip(places, tiled.bodies, strict=True)}


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (254, 254), (255, 254), (1000, 37), (4097, 3000), (65_535, 1)])
def test_tiles_cover_every_level_once(size: tuple[int, int]) -> None:
    """From one pixel to the picture, each level half of the next rounded up; without overlap no gap, nothing twice."""
    cut = Pyramid(*size, 254, 0, "jpg")
    assert cut.size(0) == (1, 1)
    assert cut.size(cut.top) == size
    for level in range(cut.top + 1):
        width, height = cut.size(level)
        if level < cut.top:
            larger = cut.size(level + 1)
            assert (width, height) == (-(-larger[0] // 2), -(-larger[1] // 2))
        boxes = [cut.box(place) for place in cut.places(level)]
        assert len(set(boxes)) == len(boxes)
        assert {(left % 254, top % 254) for left, top, _, _ in boxes} == {(0, 0)}
        assert sum((right - left) * (bottom - top) for left, top, right, bottom in boxes) == width * height


@pytest.mark.parametrize("overlap", [1, 7])
def test_neighbours_share_pixels(overlap: int) -> None:
    """So many on every side that is not the picture's edge."""
    plain, shared = (Pyramid(1000, 300, 254, pixels, "jpg") for pixels in (0, overlap))
    for place in shared.all_places():
        width, height = shared.size(place[0])
        left, top, right, bottom = plain.box(place)
        grown = (left - overlap, top - overlap, right + overlap, bottom + overlap)
        assert shared.box(place) == (max(0, grown[0]), max(0, grown[1]), min(width, grown[2]), min(height, grown[3]))


@pytest.mark.parametrize("overlap", [0, 1, 5])
def test_reassembled_tiles_are_the_picture(overlap: int) -> None:
    """Every level, put together again from its tiles as a viewer does, is the picture at that size."""
    recipe = Recipe.from_json(json.dumps({"sizes": SIZES, "tiles": TILES | {"overlap": overlap, "quality": 95}}))
    photo = helpers.photo(700, 501)
    tiled = transcode(helpers.saved(photo, "PNG"), recipe).tiled
    assert tiled is not None
    cut = tiled.pyramid
    levels = {level: Image.new("RGB", cut.size(level)) for level in range(cut.top + 1)}
    for place, body in zip(cut.all_places(), tiled.bodies, strict=True):
        tile = helpers.loaded(body)
        left, top, right, bottom = cut.box(place)
        assert tile.size == (right - left, bottom - top)
        levels[place[0]].paste(tile, (left, top))
    expected = photo
    for level in range(cut.top, -1, -1):
        expected = resize.resized(expected, cut.size(level))
        if max(expected.size) >= 16:  # of smaller ones JPEG keeps too little colour to compare
            helpers.assert_image_similar(levels[level], expected, 6)


def test_the_descriptor_says_what_viewers_need() -> None:
    """Namespace, element and attributes of the format, under the name from which viewers derive the tiles' folder."""
    root = ET.fromstring(Pyramid(4000, 3000, 254, 1, "jpg").descriptor())  # noqa: S314 - ours
    space = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert root.tag == f"{space}Image"
    assert root.attrib == {"Format": "jpg", "Overlap": "1", "TileSize": "254"}
    [size] = root
    assert (size.tag, size.attrib) == (f"{space}Size", {"Width": "4000", "Height": "3000"})
    assert pyramid.descriptor_key("tiles/a.png") == "tiles/a.png.dzi"
    assert Pyramid(4000, 3000, 254, 1, "jpg").tile_key("tiles/a.png", (12, 3, 4)) == "tiles/a.png_files/12/3_4.jpg"


def test_a_jpeg_is_not_shrunk_while_it_is_loaded() -> None:
    """Though its one rendition is tiny."""
    assert "t_files/10/7_5.jpg" in made(1000, 700, fmt="JPEG")


def test_tiles_do_not_depend_on_threads() -> None:
    """Neither their bytes nor their order."""
    assert made(500, 400, threads=1) == made(500, 400, threads=4)


def test_tiles_come_out_of_the_process_that_makes_them() -> None:
    """What crosses over to the service is the same as without a process of its own."""
    data = helpers.saved(helpers.photo(500, 400), "PNG")
    with IsolatedTranscoder() as transcoder:
        assert transcoder(data, RECIPE, Limits()).tiled == transcode(data, RECIPE).tiled


def test_only_large_still_pictures_have_tiles() -> None:
    """Below `min_side` nobody zooms, and what moves cannot be cut."""
    assert transcode(helpers.saved(helpers.photo(299, 299), "PNG"), RECIPE).tiled is None
    assert made(300, 20)
    frames = [helpers.photo(400, 300), helpers.photo(400, 300).rotate(180)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert transcode(buffer.getvalue(), RECIPE).tiled is None


def test_an_entry_stands_for_its_tiles() -> None:
    """Also where the key holds what entries are made of; a key is never taken for an entry."""
    cut = Pyramid(700, 500, 128, 1, "jpg")
    for base in ("tiles/a", "tiles/a_files/*9x9-128.jpg", "tiles/x\u00fc+ b"):
        assert pyramid.expanded([cut.entry(base), "other"]) == {"other"} | {
            cut.tile_key(base, place) for place in cut.all_places()
        }
    hostile = "full/a_files/*700x500-128.jpg"
    assert pyramid.expanded([hostile]) == {hostile}


def test_all_tiles_are_one_path_at_the_cdn() -> None:
    """A pyramid has thousands."""
    entry = Pyramid(700, 500, 128, 1, "jpg").entry("tiles/a b+c")
    asked: list[Any] = []
    cloudfront = SimpleNamespace(
        create_invalidation=lambda **request: asked.append(request["InvalidationBatch"]["Paths"])
    )
    budget = SimpleNamespace(take=lambda paths: paths == 2)
    assert CloudFrontInvalidations(lambda: cloudfront, "E", budget, FakeBudget(0), FakeSweeps(lambda: 0)).invalidate(
        frozenset({entry, "tiles/a b+c.dzi"}), "r"
    )
    assert asked == [{"Quantity": 2, "Items": ["/tiles/a%20b%2Bc.dzi", "/tiles/a%20b%2Bc_files/*"]}]


# -- in the service --------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    """A world in which a picture with tiles is published."""
    world = World(RECIPE)
    put(world, 700, 500)
    return world


def put(world: World, width: int, height: int) -> None:
    """Upload a picture and have it published."""
    world.sources.upload(KEY, helpers.saved(helpers.photo(width, height), "PNG"))
    world.reconciler.reconcile(KEY)


def tiles(width: int, height: int) -> set[str]:
    """The keys of its pyramid."""
    cut = Pyramid(width, height, 128, 1, "jpg")
    return {cut.tile_key(BASE, place) for place in cut.all_places()} | {f"{BASE}.dzi"}


def test_a_pyramid_is_stored_recorded_in_short_and_announced(world: World) -> None:
    """Tiles before the descriptor; the record names them in one entry."""
    assert set(world.renditions.objects) == {"thumbs/maps/old town.jpg"} | tiles(700, 500)
    order = list(world.renditions.objects)
    assert order.index(f"{BASE}.dzi") == len(tiles(700, 500)) - 1
    assert {world.renditions.objects[key].content_type for key in tiles(700, 500)} == {"image/jpeg", "application/xml"}
    record = world.record(KEY)
    assert len(record.objects) == 3
    assert pyramid.expanded(record.objects) == set(world.renditions.objects)
    [(_, detail)] = world.announcements.events
    assert detail["tiles"]["url"] == "https://cdn.example/tiles/maps/old%20town.png.dzi"


@pytest.mark.parametrize("size", [(400, 900), (301, 200), (900, 900), (200, 200)])
def test_a_replacement_of_another_size_leaves_no_tile_behind(world: World, size: tuple[int, int]) -> None:
    """Nor does it delete one that both have."""
    put(world, *size)
    assert set(world.renditions.objects) == {"thumbs/maps/old town.jpg"} | (tiles(*size) if max(size) >= 300 else set())


@pytest.mark.parametrize("stored", [0, 1, 20])
def test_a_worker_that_dies_leaves_no_tile_that_nobody_knows(stored: int) -> None:
    """The plan is noted before the first tile; then the picture is removed."""
    world = World(RECIPE)

    def die() -> None:
        if len(world.renditions.objects) > stored:
            raise KeyboardInterrupt

    world.renditions.pause = die
    with pytest.raises(KeyboardInterrupt):
        put(world, 700, 500)
    world.renditions.pause = lambda: None
    assert set(world.renditions.objects) <= pyramid.expanded(world.record(KEY).objects)
    world.clock.pass_seconds(331)
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.renditions.objects == {}


def test_removal_takes_all_tiles(world: World) -> None:
    """Deleted, and forgotten by the CDN."""
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.renditions.objects == {}
    assert world.record(KEY).status is Status.REMOVED
    [(invalidated, _)] = world.invalidations.batches
    assert {keys.invalidation_path(key) for key in invalidated} == {
        "/thumbs/maps/old%20town.jpg",
        "/tiles/maps/old%20town.png.dzi",
        "/tiles/maps/old%20town.png_files/*",
    }


def test_verify_knows_tiles(world: World) -> None:
    """None of them is an orphan, and a missing one is damage."""
    long_ago = datetime.now(UTC) - ORPHAN_AGE - timedelta(days=1)
    source = world.sources.head(KEY)
    assert source is not None
    uploads = {KEY: Listed(KEY, source.size, source.etag, long_ago)}
    stored = {key: Listed(key, len(each.body), "e", long_ago) for key, each in world.renditions.objects.items()}
    known = {KEY: world.record(KEY)}
    assert list(differences(uploads, known, stored, RECIPE)) == []
    assert list(orphans(set(listed_objects(known.values())), stored, Makers(lambda _: ()), ())) == []
    lost = f"{BASE}_files/9/0_1.jpg"
    del stored[lost]
    [finding] = differences(uploads, known, stored, RECIPE)
    assert (finding.kind, finding.text) == ("damaged", f"{lost} is missing")


def test_the_command_line_writes_tiles(tmp_path: Path) -> None:
    """Beside the renditions."""
    (tmp_path / "a.png").write_bytes(helpers.saved(helpers.photo(320, 200), "PNG"))
    (tmp_path / "r.json").write_text(json.dumps({"sizes": SIZES, "tiles": TILES}))
    arguments = [str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--recipe", str(tmp_path / "r.json")]
    assert cli.main(["transcode", *arguments]) == 0
    assert (tmp_path / "out/tiles/a.png.dzi").exists()
    assert helpers.loaded((tmp_path / "out/tiles/a.png_files/9/2_1.jpg").read_bytes()).size == (65, 73)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"key": "tiles/{name}.dzi/x"}, "recipe.tiles.key"),
        ({"key": "{name}"}, "recipe.tiles.key"),
        ({"key": "/tiles/{name}"}, "recipe.tiles.key"),
        ({"key": "thumbs/{name}"}, "recipe.tiles.key"),
        ({"key": "v/{name}"}, "recipe.tiles.key"),
        ({"key": None}, "recipe.tiles.key"),
        ({"format": "avif"}, "recipe.tiles.format"),
        ({"tile": 127}, "recipe.tiles.tile"),
        ({"tile": 5000}, "recipe.tiles.tile"),
        ({"overlap": 17}, "recipe.tiles.overlap"),
        ({"overlap": True}, "recipe.tiles.overlap"),
        ({"quality": 0}, "recipe.tiles.quality"),
        ({"min_side": 0}, "recipe.tiles.min_side"),
        ({"size": 3}, "recipe.tiles.size"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], where: str) -> None:
    """With the path to each."""
    with pytest.raises(InvalidConfiguration) as caught:
        Recipe.from_json(json.dumps({"sizes": SIZES, "tiles": TILES | change}))
    assert [problem for problem in caught.value.problems if problem.startswith(f"{where}: ")]


def test_key_room_is_kept_for_the_longest_tile() -> None:
    """No pyramid has a longer key than the one that is checked."""
    widest = Pyramid(65_535, 65_535, 128, 1, "webp")
    last = widest.tile_key("", (widest.top, *(side - 1 for side in widest.grid(widest.top))))  # type: ignore[arg-type]
    assert last == "_files/16/511_511.webp"
