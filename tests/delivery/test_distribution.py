"""What a distribution answers: formats, caching, ranges, what is missing, and the options that an emulator shows."""

import io
import json
from email.utils import parsedate_to_datetime

import pytest
from PIL import Image

from tests import helpers
from tests.delivery.conftest import Site, terraform

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
KEY = "my photos/ü b+c (1).jpg"
PATH = "/page/640/my%20photos/%C3%BC%20b%2Bc%20%281%29.jpg"


@pytest.fixture(scope="module")
def bodies(site: Site) -> dict[str, bytes]:
    """A published picture's renditions, by key."""
    return site.publish("open", KEY, helpers.saved(helpers.photo(1600, 1200), "JPEG", quality=90))


@pytest.mark.parametrize(
    ("accept", "extension"), [(CHROME, "avif"), ("image/webp,*/*;q=0.8", "webp"), ("*/*", "jpg"), ("", "jpg")]
)
def test_one_url_answers_each_browser(site: Site, bodies: dict[str, bytes], accept: str, extension: str) -> None:
    """The bytes are those of the rendition in its format, and caches are told that Accept decided."""
    answer = site.get("open", PATH, Accept=accept)
    assert answer.status == 200
    assert answer.body == bodies[f"page/640/my photos/ü b+c (1).{extension}"]
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["cache-control"] == "public, max-age=300, s-maxage=86400"


@pytest.mark.usefixtures("bodies")
@pytest.mark.parametrize(
    "path",
    [
        PATH + "?width=9&list-type=2",
        "/page/640/my%20photos/%c3%bc%20b+c%20(1).jpg",
        "/p%61ge/640/my%20photos%2F%C3%BC%20b%2bc%20%281%29.jpg",
    ],
)
def test_other_spellings_and_query_junk_are_the_same_picture(site: Site, path: str) -> None:
    """Same bytes, same ETag."""
    assert (
        site.get("open", path, Accept=CHROME).headers["etag"] == site.get("open", PATH, Accept=CHROME).headers["etag"]
    )


@pytest.mark.usefixtures("bodies")
def test_a_picture_that_did_not_change_is_not_sent_again(site: Site) -> None:
    """ETag and Last-Modified both make a 304 without a body; another ETag does not."""
    first = site.get("open", PATH, Accept=CHROME)
    again = site.get("open", PATH, Accept=CHROME, If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["vary"] == "Accept"
    assert parsedate_to_datetime(first.headers["last-modified"]).year > 2000
    since = site.get("open", PATH, Accept=CHROME, If_Modified_Since=first.headers["last-modified"])
    assert since.status == 304
    assert site.get("open", PATH, Accept=CHROME, If_None_Match='"other"').status == 200


@pytest.mark.usefixtures("bodies")
def test_formats_have_etags_of_their_own(site: Site) -> None:
    """Or a cache would answer a WebP browser's revalidation with "the AVIF did not change"."""
    tags = {site.get("open", PATH, Accept=accept).headers["etag"] for accept in (CHROME, "image/webp", "*/*")}
    assert len(tags) == 3


def test_a_part_can_be_asked_for(site: Site, bodies: dict[str, bytes]) -> None:
    """206 with that part; beyond the end, 416."""
    whole = bodies["page/640/my photos/ü b+c (1).jpg"]
    part = site.get("open", PATH, Range="bytes=100-199")
    assert (part.status, part.body) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert site.get("open", PATH, Range=f"bytes={len(whole)}-").status == 416


def test_head_tells_what_get_would(site: Site, bodies: dict[str, bytes]) -> None:
    """The same length and type, no body."""
    answer = site.get("open", PATH, method="HEAD", Accept="image/webp")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "image/webp")
    assert int(answer.headers["content-length"]) == len(bodies["page/640/my photos/ü b+c (1).webp"])


def test_nothing_can_be_written(site: Site) -> None:
    """GET and HEAD are all there is."""
    assert site.get("open", PATH, method="PUT").status == 403
    assert site.get("open", PATH, method="DELETE").status == 403


@pytest.mark.usefixtures("bodies")
def test_headers_tell_nothing_about_the_inside(site: Site) -> None:
    """Neither the pipeline's notes nor S3's."""
    answer = site.get("open", PATH)
    cloudfronts_own = {"x-amz-cf-id", "x-amz-cf-pop"}
    assert not {name for name in answer.headers if name.startswith("x-amz-")} - cloudfronts_own
    assert "AmazonS3" not in answer.headers.get("server", "")


@pytest.mark.parametrize(
    "path",
    ["/", "/?list-type=2", "/?prefix=page", "/page/", "/page/640/", "/index.html", "/page/640/none.jpg",
     "/page/640/%2e%2e/%2e%2e/x.jpg", "/page/640/" + "x" * 2000 + ".jpg", "/page/640/%zz.jpg"],
)  # fmt: skip
def test_what_is_missing_is_a_short_404(site: Site, path: str) -> None:
    """No XML, no listing, nothing that stays."""
    answer = site.get("open", path, Accept=CHROME)
    assert (answer.status, answer.body) == (404, b"Not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] in {"no-store", "public, max-age=1"}


def test_a_huge_accept_header_is_harmless(site: Site, bodies: dict[str, bytes]) -> None:
    """It gets the canonical format."""
    answer = site.get("open", PATH, Accept="image/avif," * 700)
    assert (answer.status, answer.body) == (200, bodies["page/640/my photos/ü b+c (1).jpg"])


def test_a_picture_stands_in_for_missing_ones_where_asked_for(guarded_site: Site) -> None:
    """Browsers show it in place of the hole; the status still says that it is missing.

    The emulator answers 403 for what is missing, which this distribution keeps because signatures answer with it as
    well, so the object itself is looked at.
    """
    stored = guarded_site.client("s3").get_object(Bucket="delivery-processed-guarded", Key="_missing/picture")
    assert stored["ContentType"] == "image/png"
    assert Image.open(io.BytesIO(stored["Body"].read())).size == (32, 24)
    assert guarded_site.get("guarded", "/page/640/none.jpg").status == 403


@pytest.mark.usefixtures("bodies")
def test_scripts_of_named_origins_alone_may_read(guarded_site: Site) -> None:
    """Each is answered with its own name, and caches keep them apart."""
    guarded_site.publish("guarded", KEY, helpers.saved(helpers.photo(400, 300), "JPEG"))
    for origin, allowed in (("https://a.example", "https://a.example"), ("https://c.example", None), (None, None)):
        answer = guarded_site.get("guarded", PATH, **({"Origin": origin} if origin else {}))
        assert answer.status == 200
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert answer.headers["vary"] == "Accept, Origin"
    assert "access-control-allow-origin" not in guarded_site.get("open", PATH, Origin="https://a.example").headers


def test_every_option_is_in_place(guarded_site: Site) -> None:
    """As the emulator reports the distribution back. That CloudFront enforces them is AWS's business."""
    cloudfront = guarded_site.client("cloudfront")
    config = cloudfront.get_distribution(Id=guarded_site.outputs["guarded"]["distribution_id"])["Distribution"][
        "DistributionConfig"
    ]
    groups = config["DefaultCacheBehavior"]["TrustedKeyGroups"]
    assert groups["Enabled"]
    assert groups["Quantity"] == 1
    items = cloudfront.get_key_group(Id=groups["Items"][0])["KeyGroup"]["KeyGroupConfig"]["Items"]
    assert items == [guarded_site.outputs["guarded"]["signing_key_ids"]["site"]]
    assert config["Restrictions"]["GeoRestriction"]["RestrictionType"] == "blacklist"
    assert config["Aliases"]["Items"] == ["pictures.example.org"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert "/webacl/" in config["WebACLId"]
    assert config["HttpVersion"] == "http2and3"
    assert config["IsIPV6Enabled"]
    deliveries = guarded_site.client("logs").describe_deliveries()["deliveries"]
    assert [each["deliverySourceName"] for each in deliveries] == ["guarded-access"]


def test_a_plan_right_after_is_empty(guarded_site: Site) -> None:
    """Every option is stored as Terraform wrote it."""
    terraform(guarded_site.folder, guarded_site.environment, "plan", "-input=false", "-out=plan", "-var=guarded=true")
    shown = json.loads(terraform(guarded_site.folder, guarded_site.environment, "show", "-json", "plan"))
    changes = {
        each["address"]: each["change"]["actions"] for each in shown["resource_changes"]
        if each["change"]["actions"] not in (["no-op"], ["read"])
    }  # fmt: skip
    assert changes == {}
