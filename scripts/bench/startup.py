"""`make bench-startup`: how long the processor takes until it can handle an event, and what it spends the time on."""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import PIL.Image

from processor.events import Hint, hint_body
from processor.recipe import Recipe
from scripts import generated
from scripts.bench import report
from scripts.bench.errors import BenchError
from scripts.demo import resources, servers
from scripts.demo.errors import DemoError

ROUNDS = 9
CONTAINERS = 3
PICTURE, PICTURE_TEXT = (640, 480), "0.3 megapixels"
HOST_FROM_CONTAINER = "host.docker.internal"
LIMIT_MS = 400
SHOWN = 12
CONTAINER_PORT = 8080
PATIENCE_SECONDS = 60
_INVOKE = "2015-03-31/functions/function/invocations"
_TEST_EVENT = b'{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "img-pipeline-demo-raw"}'
"""What S3 sends when a notification is set up. Handling it touches no service."""

_MEASURE = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import processor.handler
print((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000)
"""
_IMPORT_LINE = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \|(\s*)(\S+)")


@dataclass(frozen=True, slots=True)
class Imports:
    """Importing the handler, clients made and environment read: everything before the first event.

    Attributes:
        wall_ms: median of fresh interpreters, their own start not counted.
        cpu_ms: the same.
        best_ms: the least wall time; what the machine's other work adds is in the others.
        packages: milliseconds by package, most first; nested imports count for the package that is imported.
    """

    wall_ms: float
    cpu_ms: float
    best_ms: float
    packages: dict[str, float]


@dataclass(frozen=True, slots=True)
class Image:
    """The container image.

    Attributes:
        megabytes: unpacked, its base included.
        own_megabytes: of the layers that this repository adds.
        event_ms: from `docker run` until an event that touches no service is handled, and the same event again;
            medians.
        picture_ms: from `docker run` until the first picture is published, which waits for Pillow too, and the time of
            a second one; medians.
    """

    megabytes: float
    own_megabytes: float
    event_ms: tuple[float, float]
    picture_ms: tuple[float, float]


def by_package(text: str) -> dict[str, float]:
    """What `-X importtime` wrote, as milliseconds by top-level package, most first: its modules' own time summed."""
    spent: dict[str, float] = {}
    for match in _IMPORT_LINE.finditer(text):
        package = match[4].partition(".")[0]
        spent[package] = spent.get(package, 0.0) + int(match[1]) / 1000
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def imports(tag: str | None) -> Imports:
    """Measure in fresh interpreters, the image's if there is one; the first is not counted, it fills the disk cache."""
    times = []
    for _ in range(ROUNDS + 1):
        wall, cpu = _python(tag, "-c", _MEASURE).stdout.split()
        times.append((float(wall), float(cpu)))
    walls, cpus = zip(*times[1:], strict=True)
    packages = by_package(_python(tag, "-X", "importtime", "-c", "import processor.handler").stderr)
    return Imports(median(walls), median(cpus), min(walls), packages)


def built_image() -> str:
    """Build the image and return its tag.

    Raises:
        BenchError: if there is no Docker, or the build fails.
    """
    if shutil.which("docker") is None:
        raise BenchError("docker is not installed; --no-image measures the imports alone")
    built = subprocess.run(["scripts/image"], capture_output=True, text=True, check=False)  # noqa: S607
    if built.returncode:
        raise BenchError(f"the image cannot be built:\n{built.stderr[-1000:]}")
    return built.stdout.splitlines()[-1]


def image(tag: str) -> Image:
    """Call the image through its runtime interface emulator, and weigh it.

    Raises:
        BenchError: if the container does not answer.
    """
    nowhere = _environment(f"http://{servers.HOST}:1", f"http://{servers.HOST}:1/queue")
    events = [_started(tag, nowhere, _TEST_EVENT, _TEST_EVENT) for _ in range(CONTAINERS)]
    with _uploads(2 * CONTAINERS) as (environment, hints):
        pictures = [_started(tag, environment, *two) for two in zip(hints[::2], hints[1::2], strict=True)]
    sizes = [int(line) for line in _docker("history", "--human=false", "--format", "{{.Size}}", tag).split()]
    whole = int(_docker("image", "inspect", "--format", "{{.Size}}", tag))
    steps = _docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", tag).splitlines()
    own = next((index for index, step in enumerate(steps) if "PYTHONDONTWRITEBYTECODE" in step), len(sizes))
    return Image(whole / 1e6, sum(sizes[:own]) / 1e6, _medians(events), _medians(pictures))


def markdown(found: Imports, container: Image | None) -> str:
    """The block of the documentation."""
    met = "met" if found.wall_ms <= LIMIT_MS else "missed"
    rows = [
        ["", "ms"],
        [
            f"importing the handler, clients made: wall, median of {ROUNDS} (target ≤ {LIMIT_MS}: {met})",
            f"{found.wall_ms:.0f}",
        ],
        ["the same, wall, best", f"{found.best_ms:.0f}"],
        ["the same, CPU, median", f"{found.cpu_ms:.0f}"],
    ]
    if container:
        rows += [
            ["`docker run` to the first event handled, one without a picture", f"{container.event_ms[0]:.0f}"],
            ["the second such event", f"{container.event_ms[1]:.1f}"],
            [f"`docker run` to the first picture published, of {PICTURE_TEXT}", f"{container.picture_ms[0]:.0f}"],
            ["the second picture", f"{container.picture_ms[1]:.0f}"],
        ]
    parts = [report.markdown_table(rows)]
    if container:
        own = f"{container.own_megabytes:.0f} MB of them ours"
        parts.append(f"Image: {container.megabytes:.0f} MB unpacked, {own}, the rest AWS's base.")
    packages = [["package", "own ms under -X importtime"]]
    packages += [[name, f"{spent:.0f}"] for name, spent in list(found.packages.items())[:SHOWN]]
    return "\n\n".join([*parts, report.markdown_table(packages)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write it down."""
    parser = argparse.ArgumentParser(prog="make bench-startup", description="From start to the first event handled.")
    parser.add_argument("--no-image", action="store_true", help="without Docker: the imports alone")
    parser.add_argument(
        "--docs", type=Path, default=Path("docs/performance.md"), metavar="FILE", help="whose tables are replaced"
    )
    options = parser.parse_args(arguments)
    try:
        tag = None if options.no_image else built_image()
        text = markdown(imports(tag), image(tag) if tag else None)
        print(f"load average {os.getloadavg()[0]:.1f}\n\n{text}")
        if not options.no_image:
            generated.replace(options.docs, "bench-startup", text)
    except (BenchError, DemoError, generated.NoSuchPart) as exc:
        print(f"bench-startup: {exc}", file=sys.stderr)
        return 1
    return 0


def _environment(endpoint: str, queue_url: str) -> Mapping[str, str]:
    return servers.isolated_environment({}, endpoint) | resources.worker_environment(queue_url, "cdn.example")


def _python(tag: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the image, or this one."""
    command = [sys.executable, *arguments]
    variables = _environment(f"http://{servers.HOST}:1", f"http://{servers.HOST}:1/queue")
    if tag is not None:
        command = ["docker", "run", "--rm", *_arguments(variables), "--entrypoint", "python", tag, *arguments]
    environment = os.environ | dict(variables)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BenchError(f"the handler cannot be imported:\n{done.stderr[-1000:]}")
    return done


def _arguments(variables: Mapping[str, str]) -> list[str]:
    """The environment as arguments of `docker run`."""
    return [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]


@contextmanager
def _uploads(count: int) -> Iterator[tuple[Mapping[str, str], list[bytes]]]:
    """An emulator that containers reach, with pictures in its bucket: a container's environment, an event each.

    Raises:
        BenchError: if not every picture is published at the end.
    """
    port, before = servers.choose_port(None), dict(os.environ)
    environment = servers.isolated_environment(before, f"http://{servers.HOST}:{port}")
    buffer = io.BytesIO()
    PIL.Image.radial_gradient("L").resize(PICTURE).convert("RGB").save(buffer, "JPEG")
    with ExitStack() as stack:
        log = Path(stack.enter_context(TemporaryDirectory())) / "emulator.log"
        stack.enter_context(servers.emulator(port, log, environment, servers.FOR_CONTAINERS))
        try:
            os.environ.update(environment)
            clients = resources.connect()
        finally:
            os.environ.clear()
            os.environ.update(before)
        queue_url = resources.create(clients).replace(servers.HOST, HOST_FROM_CONTAINER)
        hints = [Hint(resources.RAW_BUCKET, f"{number}.jpg") for number in range(count)]
        for hint in hints:
            clients.s3.put_object(Bucket=hint.bucket, Key=hint.key, Body=buffer.getvalue())
        yield _environment(f"http://{HOST_FROM_CONTAINER}:{port}", queue_url), [hint_body(h).encode() for h in hints]
        found = clients.s3.list_objects_v2(Bucket=resources.PROCESSED_BUCKET)["KeyCount"]
        if found != count * len(Recipe.default().formats):
            raise BenchError(f"the containers published {found} renditions of {count} pictures")


def _started(tag: str, variables: Mapping[str, str], first: bytes, second: bytes) -> tuple[float, float]:
    """Milliseconds from `docker run` until an event is handled, and those of a second one."""
    port = servers.choose_port(None)
    publish = (
        "--publish",
        f"{servers.HOST}:{port}:{CONTAINER_PORT}",
        "--add-host",
        f"{HOST_FROM_CONTAINER}:host-gateway",
    )
    began = time.perf_counter()
    container = _docker("run", "--rm", "--detach", *publish, *_arguments(variables), tag).strip()
    try:
        _invoke(port, first)
        answered = time.perf_counter()
        _invoke(port, second)
        return (answered - began) * 1000, (time.perf_counter() - answered) * 1000
    finally:
        _docker("kill", container)


def _medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median(first for first, _ in pairs), median(second for _, second in pairs)


def _invoke(port: int, event: bytes) -> None:
    """Call until it answers: a container that is still starting refuses the connection."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    request = urllib.request.Request(f"http://{servers.HOST}:{port}/{_INVOKE}", event, method="POST")
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - loopback
                body = json.loads(answer.read() or b"null")
        except (urllib.error.URLError, ConnectionError) as exc:
            if time.monotonic() > deadline:
                raise BenchError(f"the container did not answer within {PATIENCE_SECONDS} s: {exc}") from exc
            time.sleep(0.01)
            continue
        if body is not None:
            raise BenchError(f"the container answered {body}")
        return


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise BenchError(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
