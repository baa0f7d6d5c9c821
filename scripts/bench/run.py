"""`make bench`: both sides on the same pictures, in turn, in one run."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from processor.recipe import Recipe
from scripts.bench import contestants, pictures, report
from scripts.bench.comparison import Side
from scripts.bench.contestants import Contestant, Launch
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.profile import Profile, profiled
from scripts.bench.report import Avif, Growth, Measured, Run
from scripts.bench.scores import Reference, Scorer, version
from scripts.bench.scores import reference as source_reference

ENOUGH_MS = 150.0
"""A sample repeats its work until it has taken about this much CPU; the clock of rusage ticks in milliseconds."""

ROUNDS = 5
FEWER_ROUNDS = 3
MANY_PIXELS = 10.0
"""Megapixels from which fewer rounds do: their noise is smaller, and they take long."""

AVIF_PICTURES = ("rice field", "desert walk", "phone, turned", "night mountain")
AVIF_MAX_SIDE = 2560
PROFILED = ("rice field", "phone, turned", "mosaic 50")
SHARP_AVIF = {"max_side": AVIF_MAX_SIDE, "quality": 50, "effort": 4, "chromaSubsampling": "4:4:4"}
"""sharp's defaults, spelled out."""

JSON = dict[str, Any]
Entry = TypeVar("Entry", Measured, Avif, Growth, Profile)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. 0 if every comparison stands, 1 if not, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except BenchError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; what was measured until then is in build/bench", file=sys.stderr)
        return 130


def three_of(recipe: str) -> str:
    """The original design's three renditions as our default recipe makes them: full WebP, 800 and 300 pixel JPEG."""
    document = json.loads(recipe)
    wanted = {"full": "webp", "medium": "jpeg", "thumbnail": "jpeg"}
    for size in document["sizes"]:
        size["formats"] = {wanted[size["name"]]: size["formats"][wanted[size["name"]]]}
    return json.dumps(document)


def avif_of(quality: int) -> str:
    """One AVIF of at most 2560 pixels a side."""
    key = {"quality": quality, "key": "avif/{stem}.avif", "max_side": AVIF_MAX_SIDE}
    return json.dumps({"sizes": [{"name": "full", "formats": {"avif": key}}]})


def default_recipe() -> str:
    """As JSON, from the processor's own file."""
    return (contestants.ROOT / "processor/default_recipe.json").read_text("utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="This pipeline beside sharp, in one run.")
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this picture only; repeatable")
    parser.add_argument("--only-ours", action="store_true", help="without sharp, and so without any ratio")
    parser.add_argument("--no-scores", action="store_true", help="without SSIMULACRA2, which takes most of the time")
    parser.add_argument("--rounds", type=int, metavar="N", help="samples a side; default 5, and 3 from 10 megapixels")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR", help="downloads and results")
    parser.add_argument(
        "--docs", type=Path, default=Path("docs/performance.md"), metavar="FILE", help="whose tables are replaced"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    folder = options.build / "bench"
    files = folder / "renditions"
    files.mkdir(parents=True, exist_ok=True)
    everything = pictures.default_pictures(options.build / "cache", folder / "pictures")
    chosen = [picture for picture in everything if not options.only or picture.name in options.only]
    if not chosen:
        raise BenchError(f"--only names no picture; there are: {', '.join(picture.name for picture in everything)}")
    launches = {"ours": contestants.ours()}
    if not options.only_ours:
        launches["sharp"] = contestants.sharp(folder)
    scorer = None if options.no_scores else Scorer(folder / "scores")
    path = folder / f"bench-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    run = Run([], [], [], [])
    with ExitStack() as stack:
        asked = {name: stack.enter_context(launch.started()) for name, launch in launches.items()}
        bench = _Bench(asked, launches, scorer, files, options.rounds)
        for picture in chosen:
            run.measured.append(_kept(path, "picture", bench.picture(picture)))
        for picture in chosen:
            if picture.name in PROFILED:
                run.profiles.append(_kept(path, "profile", profiled(picture.name, picture.path, default_recipe())))
        for picture in chosen:
            if picture.name in AVIF_PICTURES and scorer:
                run.avif.append(_kept(path, "avif", bench.avif(picture)))
        if not options.only:
            found = bench.growth(options.build / "cache", folder / "pictures")
            run.growth.extend(_kept(path, "growth", each) for each in found)
        run.about.extend(_about(asked, scorer))
    print(f"bench: samples in {path}", file=sys.stderr)
    print(report.terminal(run))
    if not options.only and not options.only_ours and scorer:
        report.update(options.docs, run)
        print(f"\nThe tables of {options.docs} are replaced.")
    return 1 if report.refusals(run) else 0


class _Bench:
    """The measurements, each alternating between the sides."""

    def __init__(
        self,
        asked: Mapping[str, Contestant],
        launches: Mapping[str, Launch],
        scorer: Scorer | None,
        files: Path,
        rounds: int | None,
    ) -> None:
        self._asked = asked
        self._launches = launches
        self._scorer = scorer
        self._files = files
        self._rounds = rounds

    def picture(self, picture: Picture) -> Measured:
        """Every task on one picture, in turn."""
        _progress(f"{picture.name}, {picture.megapixels:.1f} MP")
        recipe = default_recipe()
        tasks: dict[str, tuple[str, JSON]] = {
            "three": ("ours", {"recipe": three_of(recipe)}),
            "nine": ("ours", {"recipe": recipe}),
        }
        if "sharp" in self._asked:
            tasks |= {"sharp": ("sharp", {"task": "cloned"}), "original": ("sharp", {"task": "separate"})}
        requests = {name: (who, {**request, "path": _absolute(picture)}) for name, (who, request) in tasks.items()}
        reference = source_reference(picture.path) if self._scorer else None
        return Measured(picture, self._in_turn(requests, self._rounds_for(picture), reference))

    def avif(self, picture: Picture) -> Avif:
        """One AVIF beside sharp's, at the quality of ours whose score comes nearest to sharp's."""
        _progress(f"AVIF of {picture.name}")
        if self._scorer is None or "sharp" not in self._asked:
            return Avif(picture, {}, 0)
        reference = source_reference(picture.path)
        theirs = self._scored(self._asked["sharp"].ask(self._avif_request(picture)), reference)
        if "error" in theirs or not theirs["scores"]:
            return Avif(picture, {"avif": Side("sharp", (contestants.sample(theirs, {}),))}, 0)
        wanted = theirs["scores"]["full avif"]
        quality = self._quality_for(picture, reference, wanted)
        requests = {
            "ours": ("ours", {"recipe": avif_of(quality), "path": _absolute(picture)}),
            "sharp": ("sharp", self._avif_request(picture)),
        }
        return Avif(picture, self._in_turn(requests, 1, reference, peaks=False), quality)

    def growth(self, cache: Path, folder: Path) -> Iterator[Growth]:
        """Ours on one texture from 1 to 50 megapixels, each also in a process of its own for its memory."""
        for picture in pictures.growth_pictures(cache, folder):
            _progress(f"growth, {picture.name}")
            requests = {"nine": ("ours", {"recipe": default_recipe(), "path": _absolute(picture)})}
            side = self._in_turn(requests, FEWER_ROUNDS, None)["nine"]
            if side.error:
                raise BenchError(f"ours failed on {picture.name}: {side.error}")
            yield Growth(picture.megapixels, side.cpu_ms, side.peak_mib)

    def _rounds_for(self, picture: Picture) -> int:
        return self._rounds or (FEWER_ROUNDS if picture.megapixels >= MANY_PIXELS else ROUNDS)

    def _avif_request(self, picture: Picture) -> JSON:
        return {"task": "avif", "options": SHARP_AVIF, "path": _absolute(picture), "out": str(self._files.resolve())}

    def _quality_for(self, picture: Picture, reference: Reference, wanted: float) -> int:
        """The quality of ours whose score comes nearest, found by halving."""
        low, high = 20, 90
        scores: dict[int, float] = {}
        while low < high:
            middle = (low + high) // 2
            request = {"recipe": avif_of(middle), "path": _absolute(picture), "out": str(self._files.resolve())}
            answer = self._scored(self._asked["ours"].ask(request), reference)
            if "error" in answer:
                raise BenchError(f"ours failed on {picture.name}: {answer['error']}")
            scores[middle] = answer["scores"]["full avif"]
            if scores[middle] >= wanted:
                high = middle
            else:
                low = middle + 1
        return min(scores, key=lambda quality: abs(scores[quality] - wanted))

    def _in_turn(
        self,
        requests: Mapping[str, tuple[str, JSON]],
        rounds: int,
        reference: Reference | None,
        *,
        peaks: bool = True,
    ) -> dict[str, Side]:
        """A first go that is not counted, then the sides by turns, then each once more in a fresh process."""
        out = {"out": str(self._files.resolve())}
        first = {
            name: self._scored(self._asked[who].ask(request | out), reference)
            for name, (who, request) in requests.items()
        }
        answers: dict[str, list[JSON]] = {name: [] for name in requests}
        for _ in range(rounds):
            for name, (who, request) in requests.items():
                repeat = max(1, round(ENOUGH_MS / first[name].get("cpu_ms", ENOUGH_MS)))
                answers[name].append(self._asked[who].ask({**request, "repeat": repeat}))
        return {
            name: Side(
                name,
                tuple(contestants.sample(answer, first[name].get("scores", {})) for answer in answers[name]),
                self._peak(who, request) if peaks and "error" not in first[name] else None,
            )
            for name, (who, request) in requests.items()
        }

    def _peak(self, who: str, request: JSON) -> float | None:
        with self._launches[who].started() as alone:
            answer = alone.ask(request)
        kib = answer.get("peak_kib")
        return None if kib is None else kib / 1024

    def _scored(self, answer: JSON, reference: Reference | None) -> JSON:
        """The answer with the scores of what was made, by name."""
        if "error" in answer or reference is None or self._scorer is None:
            return answer
        return answer | {
            "scores": {made["name"]: self._scorer.score(reference, Path(made["file"])) for made in answer["made"]}
        }


def _absolute(picture: Picture) -> str:
    return str(picture.path.resolve())


def _about(asked: Mapping[str, Contestant], scorer: Scorer | None) -> list[str]:
    load = os.getloadavg()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load average {load:.1f} at the end"
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, recipe {Recipe.default().fingerprint}",
        *(f"{name}: {contestant.version}" for name, contestant in asked.items()),
    ]
    return [*lines, f"scores: {version()}"] if scorer else lines


def _kept(path: Path, kind: str, entry: Entry) -> Entry:
    """An entry, noted as a JSON line as soon as it is there: the whole takes long, and may be interrupted."""
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({kind: asdict(entry)}, default=str) + "\n")
    return entry


def _progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
