"""How long a picture takes in the image, held to the CPU share and memory that Lambda would give."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.errors import BenchError
from scripts.scaling.model import MB_PER_VCPU, Size

ROUNDS = 3
OUT_OF_MEMORY = 137
TIMEOUT_SECONDS = 300
FIRST_PLACE = 262_144
"""CPU shares: what else runs on this machine waits for the container."""

_SCRIPT = """
import json, sys, time
from processor import Recipe, transcode
data, recipe = open("/picture", "rb").read(), Recipe.default()
transcode(data, recipe)
walls = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    made = transcode(data, recipe)
    walls.append(time.perf_counter() - began)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"seconds": min(walls), "peak_kib": peak, "bytes": sum(len(each.body) for each in made.renditions)}))
"""


@dataclass(frozen=True, slots=True)
class Timed:
    """A size and the bytes that came out of it together."""

    size: Size
    bytes: int


def measured(tag: str, picture: Path, memory_mb: int) -> Timed:
    """Transcode one picture in a container of a size; the best of a few rounds, the first not counted.

    Raises:
        BenchError: if the container failed for another reason than memory.
    """
    vcpu = memory_mb / MB_PER_VCPU
    command = [
        *("docker", "run", "--rm", "--interactive", "--network", "none", f"--cpus={vcpu:.3f}"),
        *(f"--memory={memory_mb}m", f"--memory-swap={memory_mb}m", f"--cpu-shares={FIRST_PLACE}"),
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
    answer: dict[str, float] = json.loads(done.stdout)
    size = Size(memory_mb, answer["seconds"], peak_mb=answer["peak_kib"] / 1024)
    return Timed(size, int(answer["bytes"]))
