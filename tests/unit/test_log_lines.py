"""What log lines say: which picture a failure is about."""

import ast
from collections.abc import Iterator
from pathlib import Path

from processor import worker
from processor.events import Hint, hint_body

ROOT = Path(__file__).parents[2]
FAILURES = {"warning", "error", "exception", "critical"}


def failure_lines() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the processor that writes a line about a failure, with its place."""
    for file in sorted((ROOT / "processor").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in FAILURES
                and "log" in ast.unparse(node.func.value)
            ):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def test_every_failure_line_names_its_picture() -> None:
    """In a field of its own, to filter by, and in the message, to read."""
    lines = dict(failure_lines())
    assert len(lines) >= 8
    for place, call in lines.items():
        fields = {keyword.arg for keyword in call.keywords} | {
            ast.literal_eval(name)
            for keyword in call.keywords
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict)
            for name in keyword.value.keys
            if name is not None
        }
        assert "key" in fields, place
        assert "%s" in ast.unparse(call.args[0]), place


def test_worker_names_what_it_could_not_acknowledge() -> None:
    """The pictures of the batch, unreadable messages left out."""
    bodies = (hint_body(Hint("raw", "a.png")), "{", hint_body(Hint("raw", "b.png")))
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": body} for body in bodies]}
    assert worker._keys(event) == ["a.png", "b.png"]  # noqa: SLF001
    assert worker._keys(None) == []  # noqa: SLF001
