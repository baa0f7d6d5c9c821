"""What a picture takes in the image, held to the CPU share and memory that Lambda would give."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from processor.pipeline import MB_PER_CPU
from scripts.bench.errors import BenchError
from scripts.scaling.model import Size

ROUNDS = 5
OUT_OF_MEMORY = 137
TIMEOUT_SECONDS = 600
_SCRIPT = """
import json, os, resource, sys, time
from processor.isolation import IsolatedTranscoder, OutOfMemory
from processor.limits import DEFAULT_LIMITS
from processor.recipe import Recipe
from processor.settings import Settings

def cpu():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        nurseries = file.read().split()
    stats = [open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:15] for pid in nurseries]
    return time.process_time() + sum(int(ticks) for stat in stats for ticks in stat) / os.sysconf("SC_CLK_TCK")

names = "RAW_BUCKET PROCESSED_BUCKET TABLE_NAME EVENT_BUS_NAME QUEUE_URL CDN_DOMAIN".split()
settings = Settings.from_environment({name: name.lower() for name in names} | dict(os.environ))
data, recipe = open("/picture", "rb").read(), Recipe.default()
cpus, walls, size = [], [], 0
try:
    with IsolatedTranscoder(memory_bytes=settings.decoder_memory_bytes) as transcode:
        transcode(data, recipe, DEFAULT_LIMITS)
        for _ in range(int(sys.argv[1])):
            before, began = cpu(), time.perf_counter()
            made = transcode(data, recipe, DEFAULT_LIMITS)
            walls.append(time.perf_counter() - began)
            cpus.append(cpu() - before)
        size = sum(len(each.body) for each in made.renditions)
except OutOfMemory as exc:
    print(exc, file=sys.stderr)
    sys.exit(137)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"cpu": cpus, "wall": walls, "peak_kib": peak, "bytes": size}))
"""
"""As in the function: every picture in a process forked from a nursery, with the memory that it leaves for that. The
first picture is not counted."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A picture in one size of container; `bytes` are of all renditions."""

    size: Size
    bytes: int


def measured(tag: str, picture: Path, memory_mb: int) -> Timed:
    """Transcode one picture in a container of a size; the medians of a few rounds.

    Args:
        tag: of the image.
        picture: the source file.
        memory_mb: of the size.

    Raises:
        BenchError: if the container failed for another reason than memory.
    """
    vcpu = memory_mb / MB_PER_CPU
    command = [
        *("docker", "run", "--rm", "--interactive", "--network", "none", f"--cpus={vcpu:.3f}"),
        *(f"--memory={memory_mb}m", f"--memory-swap={memory_mb}m"),
        *("--volume", f"{picture.resolve()}:/picture:ro", "--env", f"AWS_LAMBDA_FUNCTION_MEMORY_SIZE={memory_mb}"),
        *("--entrypoint", "python", tag, "-", str(ROUNDS)),
    ]
    done = subprocess.run(  # noqa: S603 - the command is ours
        command, input=_SCRIPT, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )
    if done.returncode == OUT_OF_MEMORY:
        return Timed(Size(memory_mb, None), 0)
    if done.returncode:
        raise BenchError(f"{picture.name} at {memory_mb} MB: {done.stderr[-800:]}")
    answer = json.loads(done.stdout)
    return Timed(summed(memory_mb, answer["wall"], answer["cpu"], answer["peak_kib"]), int(answer["bytes"]))


def summed(memory_mb: int, walls: Sequence[float], cpus: Sequence[float], peak_kib: int) -> Size:
    """What the rounds amount to: medians, since a share of a CPU comes in slices that a round may hit or miss.

    The spread leaves out the fastest and the slowest round.
    """
    seconds = median(walls)
    middle = sorted(walls)[1:-1]
    spread = (middle[-1] - middle[0]) / seconds
    return Size(memory_mb, seconds, peak_mb=peak_kib / 1024, cpu_seconds=median(cpus), spread=spread)
