"""The delivery module alone, applied to an emulator: no image, no queue, pictures put straight into the bucket."""

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from processor import keys
from processor.aws.s3 import S3Renditions
from processor.pipeline import transcode
from processor.recipe import CONTENT_TYPES, Recipe
from processor.service import CACHE_CONTROL, StoredObject
from scripts.demo import servers
from tests import helpers
from tests.emulator import ministack
from tests.requirements import need

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "delivery-processed"

# What a page wants: a few widths, in every format.
RECIPE = Recipe.from_json(
    json.dumps(
        {
            "sizes": [
                {
                    "name": "page",
                    "widths": [320, 640, 1280],
                    "formats": {
                        "jpeg": {"key": "page/{width}/{stem}.jpg"},
                        "webp": {"key": "page/{width}/{stem}.webp"},
                        "avif": {"key": "page/{width}/{stem}.avif"},
                    },
                }
            ]
        }
    )
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """The distributions, and what is behind them.

    Attributes:
        environment: in which the SDK finds the emulator.
        outputs: of the modules, by `open` and `guarded`.
        folder: with Terraform's state.
        private_key: of the guarded distribution's signer.
    """

    environment: Mapping[str, str]
    outputs: dict[str, Any]
    folder: Path
    private_key: Path

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        session: Any = boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - what the emulator takes
            region_name=servers.REGION,
        )
        return session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    def publish(self, name: str, key: str, data: bytes) -> dict[str, bytes]:
        """Store every rendition of a picture as the service does. Answers the bodies by key."""
        result = transcode(data, RECIPE)
        bodies = {
            keys.rendition_key(fmt, key): rendition.body
            for (_, fmt), rendition in zip(RECIPE.formats, result.renditions, strict=True)
        }
        types = {keys.rendition_key(fmt, key): CONTENT_TYPES[fmt.name] for _, fmt in RECIPE.formats}
        S3Renditions(self.client("s3"), f"{BUCKET}-{name}").store(
            [StoredObject(each, body, types[each], CACHE_CONTROL, "0" * 32) for each, body in bodies.items()],
            guard=lambda: None,
        )
        return bodies

    def get(self, name: str, path: str, *, method: str = "GET", **headers: str) -> Answer:
        """Ask a distribution for a path. Header names are given with _ for -."""
        address = urlsplit(self.environment["AWS_ENDPOINT_URL"])
        connection = http.client.HTTPConnection(str(address.hostname), address.port or 80, timeout=30)
        sent = {each.replace("_", "-"): value for each, value in headers.items()}
        host = self.outputs[name]["distribution_domain"]
        connection.request(method, path, headers={"Host": host, "X-Forwarded-Proto": "https", **sent})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(response.status, {header.lower(): value for header, value in response.getheaders()}, body)


def terraform(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Run Terraform and answer what it printed."""
    path = shutil.which("terraform")
    need("terraform", present=path is not None, how="Install Terraform 1.10 or newer.")
    assert path is not None
    done = subprocess.run(  # noqa: S603
        [path, f"-chdir={folder}", *arguments], env={**environment, "TF_CLI_ARGS": "-no-color"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A distribution with nothing asked for, applied."""
    openssl, node = shutil.which("openssl"), shutil.which("node")
    need("openssl", present=openssl is not None, how="Install OpenSSL.")
    need(
        "node", present=node is not None, how="Install Node.js 20 or newer, on which the emulator runs edge functions."
    )
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "terraform" / "modules", folder / "modules")
    shutil.copy2(ROOT / "tests" / "delivery" / "site" / "main.tf", folder)
    shutil.copy2(ROOT / "terraform" / ".terraform.lock.hcl", folder)
    private, public = folder / "private.pem", folder / "public.pem"
    subprocess.run([openssl, "genrsa", "-out", private, "2048"], check=True, capture_output=True)  # type: ignore[list-item]  # noqa: S603
    subprocess.run([openssl, "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)  # type: ignore[list-item]  # noqa: S603
    (folder / "missing.png").write_bytes(helpers.saved(helpers.corners(32, 24), "PNG"))
    sizes = [
        {"name": size.name, "formats": {fmt.name: {"key": fmt.key} for fmt in size.formats}} for size in RECIPE.sizes
    ]
    values = {
        "bucket": BUCKET,
        "recipe_json": json.dumps({"sizes": sizes}),
        "public_key": public.read_text(),
        "missing_picture": str(folder / "missing.png"),
    }
    with ministack(tmp_path_factory.mktemp("emulator")) as environment:
        site = Site(environment, {}, folder, private)
        zone = site.client("route53").create_hosted_zone(Name="example.org", CallerReference="delivery")
        values["zone_id"] = zone["HostedZone"]["Id"].rpartition("/")[2]
        (folder / "terraform.tfvars.json").write_text(json.dumps(values))
        terraform(folder, environment, "init", "-input=false")
        yield applied(site, guarded=False)


@pytest.fixture(scope="session")
def guarded_site(site: Site) -> Site:
    """The same, and a distribution with every option. Its log bucket's lifecycle takes the provider a minute."""
    return applied(site, guarded=True)


def applied(site: Site, *, guarded: bool) -> Site:
    """Apply, with the guarded distribution or without."""
    wanted = f"-var=guarded={json.dumps(guarded)}"
    terraform(site.folder, site.environment, "apply", "-input=false", "-auto-approve", wanted)
    outputs = json.loads(terraform(site.folder, site.environment, "output", "-json"))
    return replace(site, outputs={name: output["value"] for name, output in outputs.items()})
