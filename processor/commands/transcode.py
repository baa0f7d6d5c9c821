"""`img-pipeline transcode`: files to files, without AWS."""

import argparse
import json
import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from processor.commands.usage import COMPLETE, SOME_REJECTED, UNFORESEEN, Subcommands, UsageError
from processor.errors import InvalidConfiguration, Reason, Rejected, Transient
from processor.keys import check_publishable, rendition_keys, tiles_base
from processor.limits import DEFAULT_LIMITS
from processor.pyramid import descriptor_key
from processor.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from processor.limits import Limits
    from processor.results import Transcoded

    Transcoder = Callable[[bytes, Recipe, Limits], Transcoded]


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "transcode",
        help="make every rendition of some files, without AWS",
        description="Make every rendition of some files, without AWS. A file's key is its base name. Exit code: 0 if "
        "all are complete, 3 if some were rejected, 2 for bad usage, 1 if some failed or for the unforeseen.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a picture")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="where the renditions go; made if missing"
    )
    parser.add_argument(
        "--recipe", type=Path, metavar="FILE", help="what to make, as JSON; the default recipe if left out"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a file on standard output, nothing else")
    parser.set_defaults(run=_transcode)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one file: `transcoded` with its `keys`, `rejected`, or `failed`, which says nothing about it."""

    file: Path
    transcoded: "Transcoded | None" = None
    keys: tuple[str, ...] = ()
    rejected: Rejected | None = None
    failed: Transient | None = None


def _transcode(options: argparse.Namespace) -> int:
    recipe = _recipe(options.recipe)
    for file in options.files:
        _check_readable(file)
    _make_folder(options.out)
    report = _print_json if options.json else _print_text
    owners: dict[str, Path] = {}
    codes = {COMPLETE}
    with _transcoder() as transcoder:
        for file in options.files:
            outcome = _transcode_file(file, recipe, options.out, owners, transcoder)
            owners.update(dict.fromkeys(outcome.keys, file))
            codes.add(UNFORESEEN if outcome.failed else SOME_REJECTED if outcome.rejected else COMPLETE)
            _print_problem(outcome)
            report(outcome)
    return UNFORESEEN if UNFORESEEN in codes else max(codes)


@contextmanager
def _transcoder() -> "Iterator[Transcoder]":
    """Each picture in a process of its own, where the system can fork; else all of them in this one."""
    if hasattr(os, "fork"):
        from processor.isolation import IsolatedTranscoder  # noqa: PLC0415 - only for those who transcode

        with IsolatedTranscoder() as transcoder:
            yield transcoder
    else:
        from processor.pipeline import transcode  # noqa: PLC0415 - the same

        yield transcode


def _transcode_file(
    file: Path, recipe: Recipe, out: Path, owners: dict[str, Path], transcoder: "Transcoder"
) -> _Outcome:
    """Transcode one file and write its renditions, all or none."""
    try:
        keys = _free_keys(file, recipe, owners)
        transcoded = transcoder(_read(file), recipe, DEFAULT_LIMITS)
    except Rejected as exc:
        return _Outcome(file, rejected=exc)
    except Transient as exc:
        return _Outcome(file, failed=exc)
    bodies = {key: rendition.body for key, rendition in zip(keys, transcoded.renditions, strict=True)}
    _write_all(out, bodies | _tiles(recipe, file.name, transcoded))
    return _Outcome(file, transcoded, keys)


def _tiles(recipe: Recipe, name: str, transcoded: "Transcoded") -> dict[str, bytes]:
    base, tiled = tiles_base(recipe, name), transcoded.tiled
    if base is None or tiled is None:
        return {}
    keys = (tiled.pyramid.tile_key(base, place) for place in tiled.pyramid.all_places())
    return dict(zip(keys, tiled.bodies, strict=True)) | {descriptor_key(base): tiled.pyramid.descriptor()}


def _free_keys(file: Path, recipe: Recipe, owners: dict[str, Path]) -> tuple[str, ...]:
    """The keys of a file's renditions, unless an earlier file of this run has one of them."""
    check_publishable(recipe, file.name)
    keys = rendition_keys(recipe, file.name)
    for key in keys:
        if key in owners:
            raise Rejected(
                Reason.KEY_CONFLICT, f"{key} is already made from {owners[key]}; rename one of the two files"
            )
    return keys


def _recipe(file: Path | None) -> Recipe:
    if file is None:
        return Recipe.default()
    try:
        recipe = Recipe.from_json(file.read_text("utf-8"))
        _check_encoders(recipe)
    except InvalidConfiguration as exc:
        problems = "".join(f"\n  {problem}" for problem in exc.problems)
        raise UsageError(f"--recipe {file} cannot be used; correct what is wrong:{problems}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"--recipe {file} cannot be read ({_why(exc)}); name a JSON file") from exc
    return recipe


def _check_encoders(recipe: Recipe) -> None:
    if missing := recipe.missing_encoders():
        raise InvalidConfiguration(missing)


def _check_readable(file: Path) -> None:
    if file.is_dir():
        raise UsageError(f"{file} is a folder; name the files in it, for instance {file}/*.jpg")
    if not file.exists():
        raise UsageError(f"{file} does not exist; check the path")
    if not os.access(file, os.R_OK):
        raise UsageError(f"{file} may not be read; change its permissions")


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=out, prefix=".img-pipeline-"):
            pass  # the folder takes new files
    except OSError as exc:
        raise UsageError(f"--out {out} cannot be written to ({_why(exc)}); name a folder that can") from exc


def _read(file: Path) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    try:
        with file.open("rb") as handle:
            return handle.read(DEFAULT_LIMITS.max_object_bytes + 1)
    except OSError as exc:
        raise UsageError(f"{file} cannot be read ({_why(exc)})") from exc


def _write_all(out: Path, bodies: dict[str, bytes]) -> None:
    """Write every body under its key, first beside its place, and move them there only once all are on disk."""
    try:
        with ExitStack() as leftovers:
            moves: list[tuple[Path, Path]] = []
            for key, body in bodies.items():
                place = out / key
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.is_dir():
                    raise IsADirectoryError(0, "it is a folder", str(place))
                with NamedTemporaryFile(dir=place.parent, prefix=".img-pipeline-", delete=False) as handle:
                    beside = Path(handle.name)
                    leftovers.callback(beside.unlink, missing_ok=True)
                    handle.write(body)
                beside.chmod(0o666 & ~_umask())
                moves.append((beside, place))
            for beside, place in moves:
                beside.replace(place)
    except OSError as exc:
        raise UsageError(
            f"{exc.filename or out} cannot be written ({_why(exc)}); nothing was left of this file"
        ) from exc


def _umask() -> int:
    """The process's umask, which can only be read by setting it. Temporary files are private, renditions are not."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _why(exc: OSError | UnicodeDecodeError) -> str:
    return exc.strerror or str(exc) if isinstance(exc, OSError) else "it is not UTF-8 text"


def _print_json(outcome: _Outcome) -> None:
    """One line for a program. What a person may want to know besides goes to standard error."""
    transcoded, rejected = outcome.transcoded, outcome.rejected
    document = {
        "file": str(outcome.file),
        "status": "complete" if transcoded else "rejected" if rejected else "failed",
        "reason": str(rejected.reason) if rejected else None,
        "source": transcoded.source.as_document() if transcoded else None,
        "renditions": [
            {
                "size": rendition.size,
                "format": rendition.format,
                "width": rendition.width,
                "height": rendition.height,
                "bytes": len(rendition.body),
                "key": key,
            }
            for rendition, key in zip(transcoded.renditions if transcoded else (), outcome.keys, strict=True)
        ],
    }
    print(json.dumps(document), flush=True)


def _print_text(outcome: _Outcome) -> None:
    """A few lines for a person."""
    if outcome.transcoded is None:
        return
    source = outcome.transcoded.source
    print(f"{outcome.file}: {source.format} {source.width} x {source.height}, {source.bytes:,} bytes")
    for rendition, key in zip(outcome.transcoded.renditions, outcome.keys, strict=True):
        pixels = f"{rendition.width} x {rendition.height}"
        print(f"  {rendition.size:<10} {rendition.format:<5} {pixels:>13} {len(rendition.body):>12,} bytes  {key}")
    sys.stdout.flush()


def _print_problem(outcome: _Outcome) -> None:
    if outcome.rejected is not None:
        print(f"img-pipeline: {outcome.file}: rejected, {outcome.rejected}", file=sys.stderr)
    if outcome.failed is not None:
        print(f"img-pipeline: {outcome.file}: failed, {' '.join(str(outcome.failed).split())}", file=sys.stderr)
