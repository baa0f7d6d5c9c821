"""Content-addressed copies: there before anything names them, kept for a while, gone at once with their picture."""

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image

from processor import keys, service
from processor.aws.cloudfront import CloudFrontInvalidations
from processor.aws.listing import Listed
from processor.aws.s3 import S3Renditions
from processor.commands.verify import differences
from processor.errors import InvalidConfiguration, Reason, Transient
from processor.recipe import Recipe
from processor.records import Status
from processor.service import Guard, StoredObject
from tests.fakes import FakeBudget, FakeSweeps, World

SIZES = [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}}]
RECIPE = Recipe.from_json(json.dumps({"sizes": SIZES, "manifest": "m/{name}.json", "retain_days": 30}))
PLAIN = Recipe.from_json(json.dumps({"sizes": SIZES, "manifest": "m/{name}.json"}))
KEY = "cats/tom.png"
STABLE = {"full/cats/tom.jpg", "webp/cats/tom.webp", "m/cats/tom.png.json"}
DAY = 86_400


def picture(colour: str) -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), colour).save(buffer, "PNG")
    return buffer.getvalue()


def copies(colour: str) -> set[str]:
    """Where the copies of that picture are, by the letter of the documentation."""
    digest = hashlib.sha256(picture(colour) + RECIPE.fingerprint.encode()).hexdigest()[:16]
    return {f"v/{digest}/full/cats/tom.jpg", f"v/{digest}/webp/cats/tom.webp"}


@pytest.fixture
def world() -> World:
    """A world in which a red picture is published."""
    world = World(RECIPE)
    put(world, "red")
    return world


def put(world: World, colour: str) -> None:
    """Upload a picture and have it published."""
    world.sources.upload(KEY, picture(colour))
    world.reconciler.reconcile(KEY)


def test_every_rendition_has_a_copy_that_never_changes(world: World) -> None:
    """The same bytes under a key of source and recipe, for a year; the manifest, which changes, has none."""
    assert set(world.renditions.objects) == STABLE | copies("red")
    for key in copies("red"):
        copy = world.renditions.objects[key]
        stable = world.renditions.objects[key.split("/", 2)[2]]
        assert copy.cache_control == "public, max-age=31536000, immutable"
        assert (copy.body, copy.content_type, copy.source_hash) == (
            stable.body,
            stable.content_type,
            stable.source_hash,
        )


def test_copies_are_planned_then_stored_before_what_names_them() -> None:
    """A worker that dies in between leaves nothing that no record lists, and no URL that leads nowhere."""
    world = World(RECIPE)
    seen: list[tuple[str, bool]] = []

    class Watched(type(world.renditions)):  # type: ignore[misc]
        """Notes what is stored, and whether the record knew."""

        def store(self, objects: Sequence[StoredObject], guard: Guard) -> None:
            """As the protocol says."""
            seen.extend((each.key, each.key in world.record(KEY).objects) for each in objects)
            super().store(objects, guard)

    world.renditions = Watched()
    world.with_recipe(RECIPE)
    put(world, "red")
    assert all(known for _, known in seen)
    order = [key for key, _ in seen]
    assert set(order[:2]) == copies("red")
    assert order[-1] == "m/cats/tom.png.json"


def test_pages_are_given_the_copies(world: World) -> None:
    """Markup and manifest name the URLs that never change; the event names both."""
    document = json.loads(world.renditions.objects["m/cats/tom.png.json"].body)
    urls = {f"https://cdn.example/{key}" for key in copies("red")}
    assert all(url in document["markup"] for url in urls)
    assert "cdn.example/full/" not in document["markup"]
    [(_, detail)] = world.announcements.events
    assert {fmt["versionedUrl"] for fmt in detail["formats"]} == urls
    assert {fmt["url"] for fmt in detail["formats"]} == {
        f"https://cdn.example/{key}" for key in STABLE if "m/" not in key[:2]
    }


def test_a_replaced_version_stays_for_its_days_and_goes(world: World) -> None:
    """Its copies are handed to the lifecycle rule; what that left, a replacement after their end deletes."""
    put(world, "blue")
    record = world.record(KEY)
    assert set(world.renditions.objects) == STABLE | copies("red") | copies("blue") == record.objects
    assert world.renditions.retired == copies("red")
    [(version, ends)] = record.retained.items()
    assert {keys.version_of(key) for key in copies("red")} == {version}
    assert ends == datetime(2026, 2, 3, tzinfo=UTC)
    world.clock.pass_seconds(34 * DAY)
    put(world, "lime")
    assert set(world.renditions.objects) == STABLE | copies("blue") | copies("lime") == world.record(KEY).objects


def test_a_replacement_invalidates_no_copy(world: World) -> None:
    """They are right for ever, and paths cost money."""
    put(world, "blue")
    [(invalidated, _)] = world.invalidations.batches
    assert invalidated == STABLE


def test_a_version_that_comes_back_is_no_longer_about_to_go(world: World) -> None:
    """Red, blue, red: the red copies are stored anew, and the blue ones retired."""
    put(world, "blue")
    put(world, "red")
    assert world.renditions.retired == copies("blue")
    assert {keys.version_of(key) for key in copies("blue")} == set(world.record(KEY).retained)


def test_removal_takes_every_copy_along(world: World) -> None:
    """Those of replaced versions too: deleted at once, and forgotten by the CDN, which would keep them for a year."""
    put(world, "blue")
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.renditions.objects == {}
    assert world.invalidations.batches[-1][0] == STABLE | copies("red") | copies("blue")
    record = world.record(KEY)
    assert (record.status, record.objects, record.retained) == (Status.REMOVED, frozenset(), {})


def test_a_bad_replacement_leaves_copies_alone(world: World) -> None:
    """What is published stays so under both URLs, and what is kept for a while is kept."""
    put(world, "blue")
    before = dict(world.renditions.objects)
    world.sources.upload(KEY, b"no picture")
    world.reconciler.reconcile(KEY)
    assert world.record(KEY).status is Status.REJECTED
    assert world.renditions.objects == before
    assert world.renditions.retired == copies("red")
    assert len(world.record(KEY).retained) == 1


def test_a_picture_replaced_all_the_time_keeps_a_bounded_number_of_versions(world: World) -> None:
    """A record has to fit into an item of the table: the oldest versions go early."""
    with mock.patch.object(service, "MAX_RETAINED_BYTES", 2 * sum(len(key) for key in copies("red"))):
        for colour in ("blue", "lime", "pink"):
            world.clock.pass_seconds(60)
            put(world, colour)
    assert set(world.renditions.objects) == STABLE | copies("blue") | copies("lime") | copies("pink")
    assert world.renditions.retired == copies("blue") | copies("lime")


def test_turning_it_off_retires_all_copies(world: World) -> None:
    """As pictures are made again; the fingerprint changes, so that backfill finds them. Pages that name them hold."""
    copied = world.record(KEY).objects - STABLE
    world.with_recipe(PLAIN)
    assert PLAIN.fingerprint != RECIPE.fingerprint
    world.reconciler.reconcile(KEY)
    assert copied <= world.renditions.retired
    assert world.record(KEY).objects >= STABLE | copied


def test_the_number_of_days_makes_no_picture_stale() -> None:
    """Only whether there are copies does, and either changes what a recipe says."""
    longer = Recipe.from_json(json.dumps({"sizes": SIZES, "manifest": "m/{name}.json", "retain_days": 31}))
    assert longer.fingerprint == RECIPE.fingerprint
    assert longer != RECIPE


@pytest.mark.parametrize("template", ["v/{stem}.jpg", "{stem}.jpg", "v{stem}.jpg"])
def test_no_template_may_reach_the_copies(template: str) -> None:
    """A picture called `v/0123…/full/x.png` must not write over another's copy."""
    sizes = [{"name": "full", "formats": {"jpeg": {"key": template}}}]
    Recipe.from_json(json.dumps({"sizes": sizes}))
    with pytest.raises(InvalidConfiguration, match=r"recipe\.retain_days"):
        Recipe.from_json(json.dumps({"sizes": sizes, "retain_days": 30}))


def test_keys_leave_room_for_the_version(world: World) -> None:
    """A copy's key has 19 bytes more, and S3 takes 1,024."""
    for spare, reason in ((0, None), (1, Reason.KEY_TOO_LONG)):
        key = "x" * (1024 - 19 - len("webp/.webp") + spare) + ".png"
        world.sources.upload(key, picture("red"))
        assert world.reconciler.reconcile(key).record is not None
        assert world.record(key).reason is reason


def test_verify_notices_a_missing_copy(world: World) -> None:
    """A page that names it would show a hole."""
    source = world.sources.head(KEY)
    assert source is not None
    uploads = {KEY: Listed(KEY, source.size, source.etag, datetime.now(UTC))}
    stored = {
        key: Listed(key, len(each.body), "e", datetime.now(UTC)) for key, each in world.renditions.objects.items()
    }
    known = {KEY: world.record(KEY)}
    assert list(differences(uploads, known, stored, RECIPE)) == []
    lost = min(copies("red"))
    del stored[lost]
    [finding] = differences(uploads, known, stored, RECIPE)
    assert (finding.kind, finding.text) == ("damaged", f"{lost} is missing")


# -- the adapters ----------------------------------------------------------------------------------------------------


def client(name: str) -> Any:
    """A client that reaches nothing."""
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")  # noqa: S106
    return session.client(name)


COPY = StoredObject("v/0/full/a.jpg", b"", "image/jpeg", service.IMMUTABLE, "hash")


@pytest.mark.parametrize(("code", "warned"), [("NoSuchKey", []), ("AccessDenied", [COPY.key])])
def test_a_copy_that_is_not_there_needs_no_retiring(
    code: str, warned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """S3 says `AccessDenied` of what is missing to whoever may not list the bucket, which the function may not.

    And of a permission that is missing, so that the log says that there may be one.
    """
    s3 = client("s3")
    with Stubber(s3) as stubber:
        stubber.add_client_error("copy_object", code, http_status_code=403)
        S3Renditions(s3, "processed").retire([COPY], lambda: None)
        stubber.assert_no_pending_responses()
        assert [vars(each)["key"] for each in caplog.records] == warned
        stubber.add_client_error("copy_object", "SlowDown", http_status_code=503)
        with pytest.raises(Transient, match="SlowDown"):
            S3Renditions(s3, "processed").retire([COPY], lambda: None)


@pytest.mark.parametrize(("room", "expected"), [(9, 5), (4, 3), (2, None)])
def test_versions_are_named_as_a_whole_where_paths_are_short(room: int, expected: int | None) -> None:
    """One by one if the budget allows it; else a wildcard a version; else not at all."""
    asked: list[dict[str, Any]] = []
    cloudfront = SimpleNamespace(create_invalidation=lambda **request: asked.append(request["InvalidationBatch"]))
    budget = SimpleNamespace(take=lambda paths: paths <= room)
    objects = frozenset(
        {"full/a.jpg", *(f"v/{version:016x}/{key}" for version in (1, 2) for key in ("f/a.jpg", "w/a"))}
    )
    done = CloudFrontInvalidations(
        lambda: cloudfront, "EDIST", budget, FakeBudget(0), FakeSweeps(lambda: 0)
    ).invalidate(objects, "r")
    assert done == (expected is not None)
    assert [batch["Paths"]["Quantity"] for batch in asked] == ([expected] if expected else [])
    if expected == 3:
        assert asked[0]["Paths"]["Items"] == ["/full/a.jpg", "/v/0000000000000001/*", "/v/0000000000000002/*"]
        assert asked[0]["CallerReference"] != "r"
