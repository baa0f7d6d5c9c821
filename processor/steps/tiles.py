"""Tiles: a very large picture as a Deep Zoom pyramid, level by level."""

from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from processor.pyramid import Place, Pyramid
from processor.recipe import Format, Recipe, Tiles
from processor.steps import chroma, encode, resize


def cut(
    image: Image.Image, tiles: Tiles, recipe: Recipe, threads: int, *, coloured_drawing: bool = False
) -> tuple[Pyramid, tuple[bytes, ...]]:
    """A pyramid, and every tile of it as a file, in the order of `Pyramid.all_places`.

    Holds one level and the next smaller one, and a tile a thread, besides what comes out.

    Args:
        image: the picture, RGB or RGBA.
        tiles: what the recipe says of them.
        recipe: for its background and how sizes are made.
        threads: how many encoders may run at once. The bytes do not depend on it.
        coloured_drawing: whether it shows in the picture how finely colour is kept.
    """
    pyramid = Pyramid(*image.size, tiles.tile, tiles.overlap, tiles.extension)
    fmt = Format(tiles.format, tiles.quality, tiles.key, chroma=tiles.chroma)
    fmt = chroma.settled(fmt, coloured_drawing=coloured_drawing)
    scale = resize.resized_in_linear_light if recipe.linear else resize.resized
    bodies: list[bytes] = []
    with ThreadPoolExecutor(threads, "tiles") as pool:
        for level in range(pyramid.top, -1, -1):
            image = scale(image, pyramid.size(level))

            def encoded(place: Place, of: Image.Image = image) -> bytes:
                return encode.encoded(of.crop(pyramid.box(place)), fmt, recipe.background)

            bodies += pool.map(encoded, pyramid.places(level))
    return pyramid, tuple(bodies)
