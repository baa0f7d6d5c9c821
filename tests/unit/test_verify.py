"""What `verify` calls an orphan."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processor.aws import listing
from processor.aws.listing import Listed
from processor.aws.s3 import S3Renditions
from processor.commands.verify import (
    ORPHAN_AGE,
    TERRAFORMS_OWN,
    Finding,
    Makers,
    _Repair,
    differences,
    listed_objects,
    makers_of,
    orphans,
)
from processor.errors import InvalidConfiguration
from processor.recipe import Recipe
from processor.records import Record, Status
from tests.fakes import World
from tests.helpers import photo, saved

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = Recipe.from_json(
    json.dumps(
        {
            "sizes": [{"name": "small", "formats": {"jpeg": {"key": "s/{stem}.jpg"}}}],
            "manifest": "m/{stem}.json",
            "tiles": {"key": "t/{stem}"},
            "retain_days": 1,
        }
    )
)
ROOT = Path(__file__).resolve().parents[2]


def makers(*sources: str) -> Makers:
    """Who may have what, of some uploads."""
    pairs = list(makers_of(sources, RECIPE))
    return Makers(lambda key: [source for each, source in pairs if each == key])


def test_only_old_unlisted_objects_are_orphans() -> None:
    """An object that some record plans, or that is younger than an attempt may last, is nobody's orphan."""
    now = datetime.now(UTC)
    record = Record("a.jpg", Status.PROCESSING, now, objects=frozenset({"s/planned.jpg"}))
    old = now - ORPHAN_AGE - timedelta(minutes=1)
    rendered = {
        key: Listed(key, 1, "e", modified)
        for key, modified in (("s/planned.jpg", old), ("s/young.jpg", now), ("s/orphan.jpg", old))
    }
    found = orphans(set(listed_objects([record])), rendered, makers("a.jpg"), ())
    assert [finding.key for finding in found] == ["s/orphan.jpg"]


OF_A = ("s/a.jpg", f"v/{'0' * 16}/s/a.jpg", "m/a.json", "t/a.dzi", "t/a_files/8/1_0.jpg")


@pytest.mark.parametrize(("unsettled", "expected"), [({"a.jpg"}, []), ({"b.jpg"}, [*OF_A]), ((), [*OF_A])])
def test_what_an_unsettled_picture_may_have_is_no_orphan(unsettled: set[str], expected: list[str]) -> None:
    """Its reconciliation decides, and may be writing by now; of a settled one everything unlisted is left over."""
    old = datetime.now(UTC) - ORPHAN_AGE - timedelta(minutes=1)
    rendered = {key: Listed(key, 1, "e", old) for key in OF_A}
    found = orphans((), rendered, makers("a.jpg", "b.jpg", "folder/"), unsettled)
    assert [finding.key for finding in found] == expected


@pytest.mark.parametrize(
    ("planned", "modified", "deleted"),
    [((), NOW, ["s/a.jpg"]), (("s/a.jpg",), NOW, []), ((), NOW + timedelta(seconds=1), [])],
)
def test_orphan_is_looked_at_again_before_it_goes(
    monkeypatch: pytest.MonkeyPatch, planned: tuple[str, ...], modified: datetime, deleted: list[str]
) -> None:
    """What has been planned or written since it was found stays."""
    found = Listed("s/a.jpg", 1, "e", NOW)
    world = World(RECIPE)
    world.records.acquire("a.jpg", frozenset(planned), 1)
    gone: list[str] = []
    monkeypatch.setattr(listing, "objects", lambda *_: iter([replace(found, modified=modified)]))
    monkeypatch.setattr(S3Renditions, "delete", lambda _, keys, __: gone.extend(keys))
    repair = _Repair(None, "bucket", world.records, None, makers("a.jpg"), {found.key: found})  # type: ignore[arg-type]
    assert repair.begin(Finding("orphan", found.key, "-")) == bool(deleted)
    assert gone == deleted


@pytest.mark.parametrize(("announced_at", "kinds"), [(NOW, []), (None, ["unannounced"])])
def test_a_removal_that_was_never_announced_is_found(announced_at: datetime | None, kinds: list[str]) -> None:
    """Nothing else is left to do for what is gone."""
    record = Record("a.jpg", Status.REMOVED, NOW, announced_at=announced_at)
    assert [finding.kind for finding in differences({}, {"a.jpg": record}, {}, RECIPE)] == kinds


def test_lost_and_changed_manifests_are_damage() -> None:
    """As renditions are."""
    world = World(RECIPE)
    world.sources.upload("a.jpg", saved(photo(), "JPEG"))
    world.reconciler.reconcile("a.jpg")
    source = world.sources.head("a.jpg")
    assert source is not None
    uploads = {"a.jpg": Listed("a.jpg", source.size, source.etag, NOW)}
    known = {"a.jpg": world.record("a.jpg")}
    stored = {key: Listed(key, len(each.body), "e", NOW) for key, each in world.renditions.objects.items()}
    assert list(differences(uploads, known, stored, RECIPE)) == []
    size = stored["m/a.json"].size
    stored["m/a.json"] = Listed("m/a.json", 2, "e", NOW)
    [changed] = differences(uploads, known, stored, RECIPE)
    del stored["m/a.json"]
    [lost] = differences(uploads, known, stored, RECIPE)
    assert [(each.kind, each.text) for each in (changed, lost)] == [
        ("damaged", f"m/a.json has 2 bytes instead of {size}"),
        ("damaged", "m/a.json is missing"),
    ]


def test_what_verify_leaves_alone_is_what_terraform_stores() -> None:
    """Verify and the Terraform module name the same key for the picture in place of missing ones."""
    text = "".join(path.read_text() for path in sorted((ROOT / "terraform" / "modules").glob("*/*.tf")))
    assert set(re.findall(r'missing_key += "(.*)"', text)) == TERRAFORMS_OWN
    objects = re.findall(r'resource "aws_s3_object" "\w+" \{.*?bucket += var.(\w+)', text, re.DOTALL)
    assert objects.count("processed_bucket_name") == len(TERRAFORMS_OWN)


@pytest.mark.parametrize("template", [*TERRAFORMS_OWN, "_missing/{stem}", "{name}", "_missing/{stem}picture"])
@pytest.mark.parametrize("field", ["key", "manifest"])
def test_no_template_makes_a_key_that_terraform_stores(template: str, field: str) -> None:
    """Every template ends in an extension, and what Terraform stores has none."""
    formats = {"jpeg": {"key": template if field == "key" else "full/{stem}.jpg"}}
    recipe = {"sizes": [{"name": "full", "formats": formats}]} | ({"manifest": template} if field == "manifest" else {})
    with pytest.raises(InvalidConfiguration):
        Recipe.from_json(json.dumps(recipe))
