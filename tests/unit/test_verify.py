"""What `verify` calls an orphan."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processor.aws.listing import Listed
from processor.commands.verify import ORPHAN_AGE, TERRAFORMS_OWN, orphans
from processor.errors import InvalidConfiguration
from processor.recipe import Recipe
from processor.records import Record, Status

ROOT = Path(__file__).resolve().parents[2]


def test_only_old_unlisted_objects_are_orphans() -> None:
    """An object that some record plans, or that is younger than an attempt may last, is nobody's orphan."""
    now = datetime.now(UTC)
    record = Record("a.jpg", Status.PROCESSING, now, objects=frozenset({"s/planned.jpg"}))
    old = now - ORPHAN_AGE - timedelta(minutes=1)
    rendered = {
        key: Listed(key, 1, "e", modified)
        for key, modified in (("s/planned.jpg", old), ("s/young.jpg", now), ("s/orphan.jpg", old))
    }
    assert [finding.key for finding in orphans({"a.jpg": record}, rendered)] == ["s/orphan.jpg"]


def test_what_verify_leaves_alone_is_what_terraform_stores() -> None:
    """Verify and the Terraform module name the same key for the picture in place of missing ones."""
    text = "".join(path.read_text() for path in sorted((ROOT / "terraform" / "modules").glob("*/*.tf")))
    assert set(re.findall(r'missing_key += "(.*)"', text)) == TERRAFORMS_OWN
    assert len(re.findall(r'resource "aws_s3_object"', text)) == len(TERRAFORMS_OWN)


@pytest.mark.parametrize("template", [*TERRAFORMS_OWN, "_missing/{stem}", "{name}", "_missing/{stem}picture"])
@pytest.mark.parametrize("field", ["key", "manifest"])
def test_no_template_makes_a_key_that_terraform_stores(template: str, field: str) -> None:
    """Every template ends in an extension, and what Terraform stores has none."""
    formats = {"jpeg": {"key": template if field == "key" else "full/{stem}.jpg"}}
    recipe = {"sizes": [{"name": "full", "formats": formats}]} | ({"manifest": template} if field == "manifest" else {})
    with pytest.raises(InvalidConfiguration):
        Recipe.from_json(json.dumps(recipe))
