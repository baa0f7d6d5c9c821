"""`make bench`: both sides on the same pictures, in turn, in one run."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from processor.errors import TranscodeError
from processor.recipe import Recipe
from scripts.bench import contestants, pictures, report
from scripts.bench.comparison import Side
from scripts.bench.contestants import Contestant, Launch
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.profile import Profile
from scripts.bench.report import Avif, Growth, Measured, Run, Threaded
from scripts.bench.scores import Reference, Scorer
from scripts.bench.scores import reference as source_reference
from scripts.generated import NoSuchPart

ENOUGH_MS = 150.0
"""A sample repeats its work until it has taken about this much CPU; the clock of rusage ticks in milliseconds."""

ROUNDS = 5
"""Of every picture alike: totals are compared round by round."""

FEWER_ROUNDS = 3
"""Of what decides no total over pictures, and of AVIF, on which sharp takes long."""

AVIF_PICTURES = ("rice field", "desert walk", "phone, turned", "night mountain")
AVIF_MAX_SIDE = 2560
PROFILED_TOO = "mosaic 50"
"""Besides the photos as published."""

SHARP_AVIF = {"max_side": AVIF_MAX_SIDE, "effort": 4, "chromaSubsampling": "4:4:4"}
"""sharp's defaults, spelled out."""

SHARP_QUALITIES = (report.SHARP_DEFAULT, 60)
"""The default, and the one that scores about what the default recipe's full AVIF does."""

OUR_QUALITIES = (20, 90)
"""Between which ours is sought."""

JSON = dict[str, Any]
Entry = TypeVar("Entry", Measured, Avif, Growth, Profile, Threaded)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. 0 if every comparison stands, 1 if not, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (BenchError, NoSuchPart) as exc:
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


def enclosing(score: Callable[[int], float], wanted: float, low: int, high: int) -> tuple[int, int]:
    """Two neighbouring qualities of which the lower scores less than wanted and the upper does not, by halving.

    Raises:
        BenchError: if the ends of the range do not enclose it.
    """
    ends = score(low), score(high)
    if not ends[0] < wanted <= ends[1]:
        raise BenchError(
            f"our qualities {low} to {high} score {ends[0]:.1f} to {ends[1]:.1f}, which does not enclose {wanted:.1f}"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if score(middle) < wanted else (low, middle)
    return low, high


def default_recipe() -> str:
    """As JSON, from the processor's own file."""
    return (contestants.ROOT / "processor/default_recipe.json").read_text("utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="This pipeline beside sharp, in one run.")
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this picture only; repeatable")
    parser.add_argument("--only-ours", action="store_true", help="without sharp, and so without any ratio")
    parser.add_argument("--no-scores", action="store_true", help="without SSIMULACRA2, which takes most of the time")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"samples a side; default {ROUNDS}")
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
    run = Run()
    with ExitStack() as stack:
        asked = {name: stack.enter_context(launch.started()) for name, launch in launches.items()}
        bench = _Bench(asked, launches, scorer, files, options.rounds)
        growing = [] if options.only else pictures.growth_pictures(options.build / "cache", folder / "pictures")
        _measure(run, bench, _Log(path, run.failures), chosen, growing)
        run.about.extend(_about(asked, scorer))
    print(f"bench: samples in {path}", file=sys.stderr)
    print(report.terminal(run))
    if not options.only and not options.only_ours and scorer:
        report.update(options.docs, run)
        print(f"\nThe tables of {options.docs} are replaced.")
    return 1 if report.refusals(run) else 0


def _measure(run: Run, bench: "_Bench", log: "_Log", chosen: Sequence[Picture], growing: Sequence[Picture]) -> None:
    for picture in chosen:
        # what a side cannot do is in its samples; anything else ends the run, for totals leave no picture out
        run.measured.append(log.noted("picture", bench.picture(picture)))
    for picture in chosen:
        log.keep(run.threaded, "threads", picture, bench.threaded)
    for picture in chosen:
        if picture.kind == "photo" or picture.name == PROFILED_TOO:
            log.keep(run.profiles, "profile", picture, profile)
    for quality in SHARP_QUALITIES if bench.compares_scores else ():
        for picture in chosen:
            if picture.name in AVIF_PICTURES:
                log.keep(run.avif, "avif", picture, partial(bench.avif, sharp_quality=quality))
    for picture in growing:
        log.keep(run.growth, "growth", picture, bench.growth)


class _Bench:
    """The measurements, each alternating between the sides."""

    def __init__(
        self,
        asked: Mapping[str, Contestant],
        launches: Mapping[str, Launch],
        scorer: Scorer | None,
        files: Path,
        rounds: int,
    ) -> None:
        self._asked = asked
        self._launches = launches
        self._scorer = scorer
        self._out = str(files.resolve())
        self._rounds = rounds

    @property
    def compares_scores(self) -> bool:
        """Whether there are scores, and another side to compare them with."""
        return self._scorer is not None and "sharp" in self._asked

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
        return Measured(picture, self._in_turn(requests, self._rounds, reference))

    def threaded(self, picture: Picture) -> Threaded:
        """Our nine renditions with other numbers of threads, whose files are named by their content."""
        _progress(f"threads, {picture.name}")
        files: dict[str, set[str]] = {}
        for threads in report.THREADS:
            request = {"recipe": default_recipe(), "path": _absolute(picture), "out": self._out, "threads": threads}
            for made in _worked(self._asked["ours"].ask(request))["made"]:
                files.setdefault(made["name"], set()).add(made["file"])
        return Threaded(picture.name, tuple(name for name, different in files.items() if len(different) > 1))

    def avif(self, picture: Picture, sharp_quality: int) -> Avif:
        """One AVIF beside sharp's, ours at the two neighbouring qualities whose scores enclose sharp's."""
        _progress(f"AVIF of {picture.name} at quality {sharp_quality} of sharp")
        reference = source_reference(picture.path)
        theirs = {"task": "avif", "options": SHARP_AVIF | {"quality": sharp_quality}, "path": _absolute(picture)}

        def score(who: str, request: JSON) -> float:
            answer = _worked(self._scored(self._asked[who].ask(request | {"out": self._out}), reference))
            return float(answer["scores"]["full avif"])

        def ours(quality: int) -> JSON:
            return {"recipe": avif_of(quality), "path": _absolute(picture)}

        try:
            wanted = score("sharp", theirs)
            lower, upper = enclosing(lambda quality: score("ours", ours(quality)), wanted, *OUR_QUALITIES)
        except BenchError as exc:
            return Avif(picture, sharp_quality, error=str(exc))
        requests = {"lower": ("ours", ours(lower)), "upper": ("ours", ours(upper)), "sharp": ("sharp", theirs)}
        sides = self._in_turn(requests, FEWER_ROUNDS, reference, peaks=False)
        return Avif(picture, sharp_quality, (lower, upper), sides)

    def growth(self, picture: Picture) -> Growth:
        """Our nine renditions of one texture at one size, once more in a process of its own for its memory."""
        _progress(f"growth, {picture.name}")
        requests = {"nine": ("ours", {"recipe": default_recipe(), "path": _absolute(picture)})}
        side = self._in_turn(requests, FEWER_ROUNDS, None)["nine"]
        if side.error:
            raise BenchError(f"ours failed: {side.error}")
        return Growth(picture.megapixels, side.cpu_ms, side.peak_mib)

    def _in_turn(
        self,
        requests: Mapping[str, tuple[str, JSON]],
        rounds: int,
        reference: Reference | None,
        *,
        peaks: bool = True,
    ) -> dict[str, Side]:
        """A first go that is not counted, then the sides by turns, then each once more in a fresh process."""
        first = {
            name: self._scored(self._asked[who].ask(request | {"out": self._out}), reference)
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


def profile(picture: Picture) -> Profile:
    """Where our time goes, step by step.

    Raises:
        BenchError: if it cannot be transcoded.
    """
    _progress(f"profile, {picture.name}")
    with contestants.profiler().started() as profiler:
        answer = profiler.ask({"name": picture.name, "path": _absolute(picture), "recipe": default_recipe()})
    return Profile(**_worked(answer))


def _worked(answer: JSON) -> JSON:
    """An answer that is no error.

    Raises:
        BenchError: if it is one.
    """
    if "error" in answer:
        raise BenchError(str(answer["error"]))
    return answer


def _absolute(picture: Picture) -> str:
    return str(picture.path.resolve())


def _about(asked: Mapping[str, Contestant], scorer: Scorer | None) -> list[str]:
    load = os.getloadavg()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load average {load:.1f} at the end"
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, recipe {Recipe.default().fingerprint}",
        *(f"{name}: {contestant.version}" for name, contestant in asked.items()),
    ]
    return [*lines, f"scores: {scorer.metric.name}"] if scorer else lines


class _Log:
    """Keeps what is measured, each as a JSON line as soon as it is there: the whole takes long, and may be interrupted.

    What cannot be measured becomes a failure, so that the rest is still reported.
    """

    def __init__(self, path: Path, failures: list[str]) -> None:
        self._path = path
        self._failures = failures

    def noted(self, kind: str, entry: Entry) -> Entry:
        """The entry, when it has been written down."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({kind: asdict(entry)}, default=str) + "\n")
        return entry

    def keep(self, entries: list[Entry], kind: str, picture: Picture, measure: Callable[[Picture], Entry]) -> None:
        """Measure one thing of one picture."""
        try:
            entries.append(self.noted(kind, measure(picture)))
        except (BenchError, TranscodeError) as exc:
            self._failures.append(f"{picture.name}, {kind}: {exc}")


def _progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
