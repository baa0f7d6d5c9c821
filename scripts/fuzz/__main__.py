"""`make fuzz`: mutates pictures for a while, each in a child process, and keeps what breaks the invariant."""

import argparse
import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from processor.isolation import quiet
from scripts.corpus import archives
from scripts.corpus.children import Child, ChildDied
from tests.fuzzing import mutated, seeds, verdict

ROOT = Path(__file__).resolve().parents[2]
MAX_SEED_BYTES = 100_000
TIMEOUT_SECONDS = 60
MEMORY_MIB = 2048


def main() -> int:
    """Fuzz, or be the child that does. 0: nothing found; 1: findings are in build/fuzz."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers; a new one if left out")
    parser.add_argument("--cache", type=Path, default=ROOT / "build/cache/corpus", metavar="DIR", help="the corpora")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return _child()
    return _fuzz(options.seconds, options.seed if options.seed is not None else int(time.time()), options.cache)


def _fuzz(seconds: int, seed: int, cache: Path) -> int:
    rng = random.Random(seed)  # noqa: S311
    pictures = list(seeds().values())
    corpora, missing = archives.present(cache)
    real = [path.read_bytes() for paths in corpora.values() for path in paths if path.stat().st_size <= MAX_SEED_BYTES]
    print(f"seed {seed}: {len(pictures)} made and {len(real)} real pictures, {seconds} s", flush=True)
    for line in missing:
        print(f"fuzz: {line}", file=sys.stderr)
    pictures += [body for body in real if body]
    counts: Counter[str] = Counter()
    found = 0
    ends = time.monotonic() + seconds
    with (
        Child([sys.executable, "-m", "scripts.fuzz", "--child"], TIMEOUT_SECONDS, dict(os.environ)) as child,
        tempfile.TemporaryDirectory() as folder,
    ):
        while time.monotonic() < ends:
            body = mutated(rng.choice(pictures), rng, pictures)
            place = Path(folder, "mutant")
            place.write_bytes(body)
            told, problem = _asked(child, place)
            counts[told] += 1
            if problem:
                found += 1
                print(f"{_kept(body)}: {problem}", file=sys.stderr, flush=True)
    for told, count in counts.most_common():
        print(f"{count:>8} {told}")
    print(f"{found} that break the invariant")
    return 1 if found else 0


def _asked(child: Child, place: Path) -> tuple[str, str]:
    """The verdict on one file, and what is wrong, if anything."""
    try:
        answer, stderr = child.ask({"path": str(place)})
    except ChildDied as died:
        return "died", f"the child {died.how} {died.stderr[-300:]}".strip()
    return answer["verdict"], answer["problem"] or (f"on standard error: {stderr[:300]!r}" if stderr else "")


def _kept(body: bytes) -> Path:
    folder = ROOT / "build/fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / hashlib.sha256(body).hexdigest()[:16]
    place.write_bytes(body)
    return place


def _child() -> int:
    """Answer JSON lines `{"path"}` with the verdict."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MIB * 1024 * 1024, MEMORY_MIB * 1024 * 1024))
    for line in sys.stdin:
        told, problem = "error", ""
        try:
            with quiet():  # libtiff complains whatever one sets; the product diverts it alike
                told = verdict(Path(json.loads(line)["path"]).read_bytes())
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is a finding
            problem = f"{type(exc).__name__}: {exc}"
        print(json.dumps({"verdict": told, "problem": problem}), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
