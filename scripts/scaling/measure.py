"""What a picture takes in the image, held to the CPU share and memory that Lambda would give."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.errors import BenchError
from scripts.scaling.model import MB_PER_VCPU, Size, at_share

ROUNDS = 2
OUT_OF_MEMORY = 137
TIMEOUT_SECONDS = 300
_SCRIPT = """
import json, sys, time
from processor import Recipe, transcode
data, recipe = open("/picture", "rb").read(), Recipe.default()
cpus, walls = [], []
for _ in range(int(sys.argv[1])):
    cpu, wall = time.process_time(), time.perf_counter()
    made = transcode(data, recipe)
    cpus.append(time.process_time() - cpu)
    walls.append(time.perf_counter() - wall)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
size = sum(len(each.body) for each in made.renditions)
print(json.dumps({"cpu": min(cpus), "wall": min(walls), "peak_kib": peak, "bytes": size}))
"""


@dataclass(frozen=True, slots=True)
class Timed:
    """A picture in one size of container.

    Attributes:
        size: with the seconds that its CPU time makes at the share that it had.
        wall_seconds: by the clock, which on a busy machine counts others' work too; None: out of memory.
        bytes: of all renditions.
    """

    size: Size
    wall_seconds: float | None
    bytes: int


def measured(tag: str, picture: Path, memory_mb: int, path_seconds: float) -> Timed:
    """Transcode one picture in a container of a size; the best of a few rounds.

    Args:
        tag: of the image.
        picture: the source file.
        memory_mb: of the size.
        path_seconds: CPU time of the longest chain of steps, which no number of CPUs makes shorter.

    Raises:
        BenchError: if the container failed for another reason than memory.
    """
    vcpu = memory_mb / MB_PER_VCPU
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
        return Timed(Size(memory_mb, None), None, 0)
    if done.returncode:
        raise BenchError(f"{picture.name} at {memory_mb} MB: {done.stderr[-800:]}")
    answer: dict[str, float] = json.loads(done.stdout)
    seconds = at_share(answer["cpu"], path_seconds, vcpu)
    size = Size(memory_mb, seconds, peak_mb=answer["peak_kib"] / 1024, cpu_seconds=answer["cpu"])
    return Timed(size, answer["wall"], int(answer["bytes"]))
