"""The recipe changes on a populated stack while somebody asks for every published URL: none is ever missing.

The tests are in the order of a stack's life. Terraform and the CDN are real as far as the emulator is, a worker takes
the function's place. The last test brings the default recipe back, for the tests that follow.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from processor import keys
from scripts.demo import servers
from tests import helpers
from tests.stack.conftest import TERRAFORM, VARIABLES, Stack
from tests.stack.test_runbook import empty
from tests.stack.test_stack import CHROME

QUICK = ("-var=tracing=true", "-var=timeout_seconds=30", "-var=max_decode_seconds=10")
"""A function that ends soon, for whose older versions a change of the recipe waits."""

BEFORE: dict[str, Any] = {
    "manifest": "manifest/{name}.json",
    "sizes": [
        {"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}},
        {"name": "medium", "width": 60, "height": 60, "formats": {
            "jpeg": {"key": "middle/{stem}.jpg"}, "webp": {"key": "middle/{stem}.webp"},
            "avif": {"key": "middle/{stem}.avif"}}},
        {"name": "small", "width": 40, "height": 40, "formats": {
            "jpeg": {"key": "small/{stem}.jpg"}, "webp": {"key": "small/{stem}.webp"}}},
        {"name": "thumb", "width": 20, "height": 20, "formats": {
            "jpeg": {"key": "thumb/{stem}.jpg"}, "avif": {"key": "thumb/{stem}.avif"}}},
    ],
}  # fmt: skip
AFTER: dict[str, Any] = {
    "sizes": [
        {"name": "full", "formats": {
            "jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"},
            "avif": {"key": "avif/{stem}.avif"}}},
        {"name": "card", "width": 40, "height": 40, "formats": {
            "jpeg": {"key": "small/{stem}.jpg"}, "webp": {"key": "small/{stem}.webp"}}},
        {"name": "thumb", "width": 20, "height": 20, "formats": {
            "jpeg": {"key": "tiny/{stem}.jpg"}, "webp": {"key": "tiny/{stem}.webp"}}},
    ],
}  # fmt: skip
"""A format is added to `full`, `medium` and the manifest are dropped, `small` is renamed, `thumb` gets other keys."""


@dataclass
class Visitor(threading.Thread):
    """Asks for every published URL over and over, as Chrome does and as a program does that names no format.

    Attributes:
        stack: whose CDN is asked.
        paths: of what is published.
        asked: how often something was asked for.
        failures: whatever came but 200.
    """

    stack: Stack
    paths: set[str] = field(default_factory=set)
    asked: int = 0
    failures: list[str] = field(default_factory=list)
    over: bool = False

    def __post_init__(self) -> None:
        """Be a thread."""
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Ask until told to stop."""
        while not self.over:
            for path in sorted(self.paths):
                for accept in (CHROME, None):
                    answer = self.stack.cdn(path, accept)
                    self.asked += 1
                    if answer.status != 200:
                        self.failures.append(f"{time.strftime('%X')} {path} with Accept {accept}: {answer.status}")
            time.sleep(0.05)

    def learn(self, key: str) -> None:
        """Whatever the record says is published."""
        record = self.stack.settled(key, "COMPLETE")
        found = [entry["key"] for entry in record["formats"]] + [
            record[name] for name in ("manifest",) if name in record
        ]
        self.paths |= {urlsplit(keys.url("cdn", each)).path for each in found}

    def went_round(self) -> None:
        """Wait until everything has been asked for once more, and look at what came of it."""
        wanted = self.asked + 4 * len(self.paths)
        deadline = time.monotonic() + 120
        while self.asked < wanted and time.monotonic() < deadline and self.is_alive():
            time.sleep(0.05)
        assert self.asked >= wanted, "the visitor has died"
        assert self.failures == []


@dataclass
class Site:
    """The stack with a worker that has its recipe, and a visitor.

    Attributes:
        stack: applied.
        visitor: asks.
        folder: for logs.
    """

    stack: Stack
    visitor: Visitor
    folder: Path

    def apply(self, recipe: dict[str, Any] | None) -> None:
        """Terraform's own apply, and its outputs where commands look for them."""
        self.stack.checkout.run(*TERRAFORM, "apply", "-auto-approve", *VARIABLES, *QUICK, *named(recipe))
        text = self.stack.checkout.run(*TERRAFORM, "output", "-json")
        (self.stack.checkout.folder / "stack.json").write_text(text)

    def changes(self, recipe: dict[str, Any] | None) -> list[str]:
        """What a plan would change, without the alarms, which the emulator does not give back."""
        checkout = self.stack.checkout
        checkout.run(*TERRAFORM, "plan", "-out=recipes.plan", *VARIABLES, *QUICK, *named(recipe))
        plan = json.loads(checkout.run(*TERRAFORM, "show", "-json", "recipes.plan"))
        changed = [each["address"] for each in plan["resource_changes"] if each["change"]["actions"] != ["no-op"]]
        return [address for address in changed if "aws_cloudwatch_metric_alarm" not in address]

    def command(self, name: str, *arguments: str, code: int = 0) -> str:
        """What a command of img-pipeline prints."""
        done = self.stack.checkout.attempt(sys.executable, "-m", "processor", name, "--stack", "stack.json", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def backfill(self) -> str:
        """The one command that is documented."""
        return self.command("backfill", f"s3://{self.stack.outputs['raw_bucket']}", "--run")

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker with the function's environment as it is now."""
        name = self.stack.outputs["function_name"]
        found = self.stack.checkout.client("lambda").get_function_configuration(FunctionName=name)
        variables = found["Environment"]["Variables"] | {"LEASE_SECONDS": "20"}
        log = self.folder / "worker.log"
        with servers.worker(log, {**self.stack.checkout.environment, **variables}):
            yield

    def upload(self, key: str) -> None:
        """A picture, all of whose URLs the visitor asks for from when it is published."""
        self.stack.upload(key, helpers.saved(helpers.photo(90, 70), "JPEG"))
        self.visitor.learn(key)

    def type_of(self, path: str, accept: str | None = CHROME) -> str:
        """What the CDN answers with."""
        answer = self.stack.cdn(path, accept)
        assert answer.status == 200, (path, answer)
        return answer.headers["content-type"]


def named(recipe: dict[str, Any] | None) -> list[str]:
    """Terraform's argument."""
    return [] if recipe is None else [f"-var=recipe={json.dumps(recipe)}"]


@pytest.fixture(scope="module")
def site(bare_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The stack, empty, with its first recipe. The visitor has never had to do without anything."""
    empty(bare_stack)
    site = Site(bare_stack, Visitor(bare_stack), tmp_path_factory.mktemp("recipes"))
    site.apply(BEFORE)
    site.visitor.start()
    yield site
    site.visitor.over = True
    site.visitor.join()
    assert site.visitor.failures == []


def test_an_empty_stack_needs_no_backfill(site: Site) -> None:
    """No picture is made by an earlier recipe, so the first look serves all that the new one makes."""
    assert "backfill" in site.command("rollout", code=3)
    assert "the CDN serves all that it makes" in site.command("rollout", "--finish")
    assert site.changes(BEFORE) == []


def test_no_url_is_missing_while_the_recipe_changes(site: Site) -> None:
    """Through apply, uploads by either recipe and backfill. A new format is served once all pictures have it."""
    with site.worker():
        for key in ("a.jpg", "b c+ü.jpg"):
            site.upload(key)
        site.visitor.went_round()
        assert site.type_of("/middle/a.jpg") == "image/avif"
        site.apply(AFTER)
        site.upload("late.jpg")  # by the recipe before, as a function would that has not ended yet
    site.visitor.went_round()
    assert "img-pipeline backfill" in site.command("rollout", code=3)
    assert site.changes(AFTER) == []
    with site.worker():
        site.upload("new.jpg")
        site.visitor.went_round()
        assert site.type_of("/full/new.jpg") == site.type_of("/full/a.jpg") == "image/webp"
        assert site.type_of("/tiny/new.jpg") == "image/webp"
        printed = site.backfill()
    assert "3 pictures" in printed
    assert "the CDN serves all that it makes" in printed
    site.visitor.went_round()
    assert site.type_of("/full/a.jpg") == "image/avif"
    assert site.type_of("/full/a.jpg", None) == "image/jpeg"


def test_what_was_dropped_is_served_and_announced_to_end(site: Site) -> None:
    """The old URLs of pictures that are made again, negotiated as before. Nothing is pending, and the plan is empty."""
    assert site.type_of("/middle/a.jpg") == site.type_of("/thumb/a.jpg") == "image/avif"
    assert site.type_of("/manifest/a.jpg.json") == "application/json"
    assert site.command("rollout").startswith("URLs that the recipe dropped are served until ")
    assert site.changes(AFTER) == []
    assert "nothing differs" in site.command("verify")


def test_a_removed_picture_is_not_served_under_dropped_urls(site: Site) -> None:
    """It goes at once, whatever recipe its URLs are of."""
    with site.worker():
        site.upload("private.jpg")
        gone = {path for path in site.visitor.paths if "private" in path} | {"/middle/a.jpg", "/thumb/a.avif"}
        site.visitor.paths -= {
            path
            for path in site.visitor.paths
            if "private" in path or path.endswith(("/a.jpg", "/a.avif", "/a.webp", "/a.jpg.json"))
        }
        for key in ("private.jpg", "a.jpg"):
            site.stack.checkout.client("s3").delete_object(Bucket=site.stack.outputs["raw_bucket"], Key=key)
            site.stack.settled(key, "REMOVED")
    assert {path: site.stack.cdn(path).status for path in gone} == dict.fromkeys(gone, 404)


def test_an_edge_function_that_answers_otherwise_is_found_and_mended(site: Site) -> None:
    """A publish that failed, or one by hand: verify and rollout say it, and either mends it."""
    cloudfront = site.stack.checkout.client("cloudfront")
    name = next(
        each["Name"] for each in cloudfront.list_functions()["FunctionList"]["Items"] if "negotiate" in each["Name"]
    )

    def run(code: bytes) -> None:
        described = cloudfront.describe_function(Name=name, Stage="DEVELOPMENT")
        config = described["FunctionSummary"]["FunctionConfig"]
        updated = cloudfront.update_function(
            Name=name, IfMatch=described["ETag"], FunctionConfig=config, FunctionCode=code
        )
        cloudfront.publish_function(Name=name, IfMatch=updated["ETag"])

    meant = cloudfront.get_function(Name=name, Stage="LIVE")["FunctionCode"].read()
    for command in (("rollout", "--repair"), ("verify", "--repair")):
        run(meant + b"\n// by hand")
        assert f"edge           {name}: it answers with other code" in site.command("verify", code=3)
        assert "answers with other code" in site.command("rollout", code=3)
        site.command(*command, code=0 if "rollout" in command else 3)
        assert cloudfront.get_function(Name=name, Stage="LIVE")["FunctionCode"].read() == meant
        assert "nothing differs" in site.command("verify")


def test_the_default_recipe_comes_back(site: Site) -> None:
    """Once more a change, with all of the above in its days of grace."""
    site.apply(None)
    site.visitor.went_round()
    with site.worker():
        site.backfill()
    site.visitor.went_round()
    assert site.changes(None) == []
