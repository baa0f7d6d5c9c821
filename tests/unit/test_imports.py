"""Imports: each dependency stays where the layout says, and commands load only what they need."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import processor
from tests.helpers import photo, saved
from tests.unit.test_handler import ENVIRONMENT

PACKAGE = Path(processor.__file__).parent
ALLOWED = {
    "boto3": ("aws/",),
    "botocore": ("aws/",),
    "aws_xray_sdk": ("aws/tracing.py",),
    "PIL": ("steps/", "pipeline.py"),
    "pillow_avif": ("steps/encode.py",),
    "pillow_heif": ("steps/optional.py",),
    "pi_heif": ("steps/optional.py",),
    "pillow_jxl": ("steps/optional.py",),
}


def imported(source: str) -> Iterator[str]:
    """The top-level names of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("import_module", "__import__"):
            yield from (str(argument.value).partition(".")[0] for argument in node.args if hasattr(argument, "value"))


def offences(path: str, source: str) -> list[str]:
    """Dependencies that a module may not import."""
    return [name for name in imported(source) if not path.startswith(ALLOWED.get(name, ("",)))]


def test_dependencies_stay_in_their_place() -> None:
    """boto3 only under aws/, Pillow only in the pipeline and its steps, the AVIF plugin only where AVIF is encoded."""
    modules = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    assert len(modules) > 10
    assert {path: found for path, source in modules.items() if (found := offences(path, source))} == {}


@pytest.mark.parametrize(
    "source",
    ["import boto3", "def f():\n    from botocore.config import Config", "import PIL.Image", "import_module('PIL')"],
)
def test_the_check_would_notice(source: str) -> None:
    """The check finds imports of every form, also inside functions."""
    assert offences("service.py", source)


def loaded_after(code: str) -> set[str]:
    """Which of the watched packages are loaded after some code ran in a fresh interpreter."""
    watched = (*ALLOWED, "aws_lambda_powertools", "numpy")
    script = f"{code}\nimport sys; print('LOADED', *({watched!r} & sys.modules.keys()))"
    script = script.replace(repr(watched), repr(set(watched)))
    run = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stdout.splitlines()[-1].split()[1:])


def test_importing_the_package_is_cheap() -> None:
    """`import processor` and the command line's parser load none of the heavy packages."""
    assert loaded_after("import processor, processor.cli; processor.Recipe.default()") == set()


def test_transcode_never_loads_the_sdk(tmp_path: Path) -> None:
    """The transcode command loads neither the AWS SDK nor numpy, and leaves Pillow to its children."""
    (tmp_path / "a.jpg").write_bytes(saved(photo(64, 64), "JPEG"))
    arguments = ["transcode", str(tmp_path / "a.jpg"), "--out", str(tmp_path / "out")]
    assert loaded_after(f"from processor.cli import main; assert main({arguments!r}) == 0") == set()


def test_the_functions_own_process_never_loads_pillow() -> None:
    """The handler's process, which has the credentials and waits for it at start-up, leaves Pillow to its children."""
    import_it = f"import os; os.environ.update({ENVIRONMENT!r}); import processor.handler, processor.results"
    assert loaded_after(import_it) == {"boto3", "botocore", "aws_lambda_powertools"}
