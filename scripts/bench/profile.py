"""Where our own CPU goes: each step timed alone, and what is left of the whole.

A program that answers as `ours` does.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from processor.isolation import IsolatedTranscoder
from processor.pipeline import transcode
from processor.recipe import Recipe
from processor.steps import colour, decode, encode, inspect, orient, resize
from scripts.bench.ours import UNBOUNDED, cpu_seconds, serve

ROUNDS = 5
ISOLATED_PICTURES = 8
"""Made in a process each, so that they outweigh what two nurseries differ by in starting."""

AROUND = ("inspect", "orient")
"""Steps that are timed too, but belong to what is around the work proper."""


@dataclass(frozen=True, slots=True)
class Profile:
    """CPU of one picture.

    Attributes:
        name: of the picture.
        steps: milliseconds by step, in order: inspect, decode, orient, colour, resize, then an encoder each; of the
            round that took least.
        whole: milliseconds of `transcode` with one encoder at a time, as the steps are timed; the least too.
        together: with as many encoders as there are CPUs, which slow each other down; the mean.
        isolated: the same as deployed, in a process of its own for every picture; the mean.
    """

    name: str
    steps: dict[str, float]
    whole: float
    together: float
    isolated: float

    @property
    def rest(self) -> float:
        """Share of the whole that is neither decoding, colour, resizing nor encoding; 0 if it drowns in noise."""
        work = sum(spent for step, spent in self.steps.items() if step not in AROUND)
        return max(0.0, 1 - work / self.whole)


def profiled(name: str, path: Path, recipe: str) -> Profile:
    """Time every step of one picture.

    Raises:
        TranscodeError: if it cannot be transcoded.
    """
    data, parsed = path.read_bytes(), Recipe.from_json(recipe)
    steps: list[dict[str, float]] = []
    whole: list[float] = []
    together: list[float] = []
    for _ in range(ROUNDS):
        for spent_by, threads in ((whole, 1), (together, None)):
            began = cpu_seconds()
            transcode(data, parsed, UNBOUNDED, threads=threads)
            spent_by.append((cpu_seconds() - began) * 1000)
        steps.append(_one_by_one(data, parsed))
    least = min(steps, key=lambda spent: sum(spent.values()))
    return Profile(name, least, min(whole), mean(together), _isolated(data, parsed))


def _isolated(data: bytes, recipe: Recipe) -> float:
    """Milliseconds a picture takes in a child of its own: what more pictures add to a nursery's start and its first.

    The kernel tells what a nursery and its children took when it has ended.
    """

    def spent(pictures: int) -> float:
        began = cpu_seconds()
        with IsolatedTranscoder() as isolated:
            for _ in range(pictures):
                isolated(data, recipe, UNBOUNDED)
        return (cpu_seconds() - began) * 1000

    return (spent(1 + ISOLATED_PICTURES) - spent(1)) / ISOLATED_PICTURES


def _one_by_one(data: bytes, recipe: Recipe) -> dict[str, float]:
    spent: dict[str, float] = {}
    last = cpu_seconds()

    def lap(step: str) -> None:
        nonlocal last
        now = cpu_seconds()
        spent[step] = spent.get(step, 0.0) + (now - last) * 1000
        last = now

    opened = inspect.opened(data, UNBOUNDED)
    turn = orient.orientation(opened.image)
    sizes = resize.planned(*orient.swapped(*opened.image.size, turn), recipe)
    lap("inspect")
    image = decode.decoded(opened, orient.swapped(*resize.largest(sizes), turn))
    lap("decode")
    image = orient.upright(image)
    lap("orient")
    image = colour.srgb(image)
    lap("colour")
    for size, pixels in resize.cascade(image, sizes):
        lap("resize")
        for index, (named, fmt) in enumerate(recipe.formats):
            if sizes[index] == size:
                encode.encoded(pixels, fmt, recipe.background)
                lap(f"{named.name} {fmt.name}")
    return spent


if __name__ == "__main__":
    sys.exit(serve(lambda name, path, recipe: asdict(profiled(name, Path(path), recipe))))
