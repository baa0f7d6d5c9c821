"""What Terraform deploys and what the worst picture takes, read where it is written down."""

import re
from dataclasses import dataclass
from pathlib import Path

from processor.settings import REST_MB
from scripts import generated
from scripts.bench.errors import BenchError

ROOT = Path(__file__).resolve().parents[2]
ROOT_VARIABLES = ROOT / "terraform" / "variables.tf"
ENVIRONMENTS = ROOT / "terraform" / "environments"
REGISTRY_VARIABLES = ROOT / "terraform" / "bootstrap" / "variables.tf"


def default(name: str, variables: Path = ROOT_VARIABLES) -> int:
    """A variable's default.

    Raises:
        BenchError: if there is no such variable, or its default is no whole number.
    """
    found = re.search(
        rf'^variable "{name}" \{{.*?^  default\s+= (\d+)$.*?^\}}',
        variables.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    if found is None:
        raise BenchError(f"{variables} has no variable {name} whose default is a whole number")
    return int(found[1])


def setting(name: str, environment: str) -> int:
    """What an environment's file says, or else the default."""
    text = (ENVIRONMENTS / f"{environment}.tfvars").read_text("utf-8")
    found = re.search(rf"^{name}\s+= (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else default(name)


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The most expensive pictures that the limits accept, as `make worst-case` found them.

    Attributes:
        peak_mb: most memory of a container that completed one.
        container_mb: what that container had.
        too_large: the pictures that did not fit into it.
    """

    peak_mb: float
    container_mb: float
    too_large: tuple[str, ...]

    @property
    def needed_mb(self) -> float:
        """A function's memory that holds all that were completed: they were with the container's at most."""
        return min(self.peak_mb + REST_MB, self.container_mb)


def worst_case(formats: Path) -> WorstCase:
    """The table in docs/formats.md.

    Raises:
        NoSuchPart: if the page has no place for it.
        BenchError: if it is not there.
    """
    text = generated.read(formats, "worst case")
    container = re.search(r"container of its own with ([\d,]+) MB", text)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.endswith(" s |")]
    peaks = [float(row[3].removesuffix(" MiB").replace(",", "")) for row in rows if row[2] == "complete"]
    if container is None or not peaks:
        raise BenchError(f"{formats} lacks the table that `make worst-case ARGS=--write-docs` writes")
    too_large = tuple(row[0] for row in rows if row[2] != "complete" and not row[2].startswith("rejected"))
    return WorstCase(max(peaks), float(container[1].replace(",", "")), too_large)
