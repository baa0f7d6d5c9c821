"""The edge function that Terraform generates from the recipe, run on Node with requests as browsers send them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from processor import keys
from processor.recipe import Recipe
from tests.requirements import need

ROOT = Path(__file__).resolve().parents[2]

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
FIREFOX_120 = "image/avif,image/webp,*/*"
SAFARI = "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"  # noqa: E501 - as Safari sends it
SAFARI_14 = "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
SAFARI_13 = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
CURL = "*/*"

# What runs on CloudFront is the function alone: no module system, no globals of Node's.
DRIVER = """
const vm = require('vm');
const { code, requests } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const context = vm.createContext({});
vm.runInContext(code, context, { filename: 'edge_function.js' });
const answers = requests.map(request => {
    context.given = JSON.stringify({ request });
    return JSON.parse(vm.runInContext('JSON.stringify(handler(JSON.parse(given)))', context));
});
process.stdout.write(JSON.stringify(answers));
"""


class EdgeFunction:
    """A generated function and the Node that runs it."""

    def __init__(self, node: str, code: str) -> None:
        self.node = node
        self.code = code

    def answers(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """What the function returns for each request: the request, rewritten or not, or a response."""
        done = subprocess.run(  # noqa: S603 - Node, with a script of ours
            [self.node, "-e", DRIVER],
            input=json.dumps({"code": self.code, "requests": requests}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers

    def uri(self, uri: str, accept: str | None = None) -> str:
        """Where the origin is asked for this URI, or the status code if it is not."""
        answer = self.answers(request(uri, accept))[0]
        return str(answer["uri"] if "uri" in answer else answer["statusCode"])


def request(uri: str, *accept: str | None) -> dict[str, Any]:
    """A viewer request as CloudFront hands it to functions; a header sent twice comes as a `multiValue`."""
    values = [{"value": value} for value in accept if value is not None]
    header = {"value": values[0]["value"]} if values else {}
    if len(values) > 1:
        header["multiValue"] = values  # type: ignore[assignment]
    return {
        "method": "GET",
        "uri": uri,
        "querystring": {},
        "headers": {"accept": header} if values else {},
        "cookies": {},
    }


def generate(folder: Path, recipe: str, formats: list[str], sizes: list[str]) -> str:
    """Have Terraform render the module; it has no provider, so this needs no network."""
    terraform = shutil.which("terraform")
    need("terraform", present=terraform is not None, how="Install Terraform 1.10 or newer.")
    assert terraform is not None
    shutil.copytree(ROOT / "terraform" / "modules" / "negotiation", folder, dirs_exist_ok=True)
    values = {"recipe_json": recipe, "served_formats": formats, "served_sizes": sizes}
    (folder / "terraform.tfvars.json").write_text(json.dumps(values))
    for command in (["init"], ["apply", "-auto-approve"], ["output", "-raw", "code"]):
        done = subprocess.run(  # noqa: S603 - Terraform, in a folder of the test's own
            [terraform, f"-chdir={folder}", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node."""
    path = shutil.which("node")
    need("node", present=path is not None, how="Install Node.js 20 or newer.")
    assert path is not None
    return path


@pytest.fixture(scope="module")
def edge(node: str, tmp_path_factory: pytest.TempPathFactory) -> EdgeFunction:
    """The function of the default recipe."""
    recipe = (ROOT / "processor" / "default_recipe.json").read_text("utf-8")
    code = generate(tmp_path_factory.mktemp("edge"), recipe, ["jpeg", "webp", "avif"], ["full", "medium", "thumbnail"])
    return EdgeFunction(node, code)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (CHROME, "/avif/tom.avif"),
        (FIREFOX, "/avif/tom.avif"),
        (FIREFOX_120, "/avif/tom.avif"),
        (SAFARI, "/avif/tom.avif"),
        (SAFARI_14, "/webp/tom.webp"),
        (SAFARI_13, "/full/tom.jpg"),
        (CURL, "/full/tom.jpg"),
        (None, "/full/tom.jpg"),
        ("", "/full/tom.jpg"),
        ("image/*", "/full/tom.jpg"),
        ("image/avif", "/avif/tom.avif"),
        ("IMAGE/WEBP", "/webp/tom.webp"),
        ("image/avif;q=0, image/webp", "/webp/tom.webp"),
        ("image/avif;q=0.0,image/webp;q=0.000,*/*", "/full/tom.jpg"),
        ("image/avif;q=0.5,image/webp;q=0.9", "/webp/tom.webp"),
        ("image/webp;q=0.5, image/avif ; q=0.5", "/avif/tom.avif"),
        ("image/webp;q=0.5,image/jpeg", "/full/tom.jpg"),
        ("image/webp;q=0.5,image/*;q=0.8", "/full/tom.jpg"),
        ("image/webp;q=0.8,*/*;q=0.8", "/webp/tom.webp"),
        ("image/jpeg;q=0,image/webp;q=0.1", "/webp/tom.webp"),
        ("image/jpeg;q=0", "/full/tom.jpg"),
        ("image/avif;profile=x;q=0.7", "/avif/tom.avif"),
        ("image/avif;q=", "/full/tom.jpg"),
        ("image/avif;q=high", "/full/tom.jpg"),
        ("image/avif;q=2", "/full/tom.jpg"),
        ("image/avif;q=-1", "/full/tom.jpg"),
        ("image/avifx,ximage/webp", "/full/tom.jpg"),
        (";;,,=,q=1", "/full/tom.jpg"),
    ],
)
def test_canonical_url_answers_the_best_format_that_the_client_names(
    edge: EdgeFunction, accept: str | None, expected: str
) -> None:
    """AVIF before WebP before JPEG, by weight first, and only formats that the header names and does not refuse."""
    assert edge.uri("/full/tom.jpg", accept) == expected


@pytest.mark.parametrize(
    ("canonical", "avif", "webp"),
    [
        ("/full/a.jpg", "/avif/a.avif", "/webp/a.webp"),
        ("/medium/a_medium.jpg", "/medium/a_medium.avif", "/medium/a_medium.webp"),
        ("/thumbnails/a_thumb.jpg", "/thumbnails/a_thumb.avif", "/thumbnails/a_thumb.webp"),
        ("/full/cats/2026/a.b.jpg", "/avif/cats/2026/a.b.avif", "/webp/cats/2026/a.b.webp"),
    ],
)
def test_every_size_of_the_default_recipe_is_negotiated(
    edge: EdgeFunction, canonical: str, avif: str, webp: str
) -> None:
    """Folders in the key stay, and each size has its own templates."""
    assert edge.uri(canonical, "image/avif") == avif
    assert edge.uri(canonical, "image/webp") == webp


@pytest.mark.parametrize(
    "source", ["my photos/ü b+c (1).jpg", "a%20b.jpg", "日本/ねこ.png", "it's;=&?#.jpg", "~tilde_-.x.gif", ".hidden"]
)
def test_keys_of_any_kind_are_rewritten_to_the_keys_that_the_pipeline_stores(edge: EdgeFunction, source: str) -> None:
    """The URL built by keys.py, negotiated, is the URL of the negotiated rendition, byte for byte."""
    recipe = Recipe.default()
    full = {
        fmt.name: keys.url("", keys.rendition_key(fmt, source))[len("https://") :] for fmt in recipe.sizes[0].formats
    }
    assert edge.uri(full["jpeg"], "image/avif") == full["avif"]
    assert edge.uri(full["jpeg"], "image/webp") == full["webp"]
    assert edge.uri(full["jpeg"], CURL) == full["jpeg"]


@pytest.mark.parametrize("uri", ["/webp/tom.webp", "/avif/tom.avif", "/medium/tom_medium.webp", "/else/tom.png"])
def test_a_url_that_names_its_format_is_served_as_it_is(edge: EdgeFunction, uri: str) -> None:
    """Whoever asks for a .webp gets it, whatever the header says."""
    assert edge.uri(uri, CHROME) == uri


@pytest.mark.parametrize(
    "uri", ["/full/.jpg", "/full/tom.jpeg", "/fuller/tom.jpg", "/medium/tom.jpg", "/x/full/tom.jpg"]
)
def test_a_url_that_no_template_makes_is_left_alone(edge: EdgeFunction, uri: str) -> None:
    """A near miss must not be rewritten to a key that nobody stored."""
    assert edge.uri(uri, CHROME) == uri


def test_a_bare_plus_is_a_plus(edge: EdgeFunction) -> None:
    """S3 would read it as a space."""
    assert edge.uri("/full/a+b.jpg", CURL) == "/full/a%2Bb.jpg"
    assert edge.uri("/full/a+b.jpg", CHROME) == "/avif/a%2Bb.avif"


@pytest.mark.parametrize(
    "uri",
    ["/", "//", "/full/", "/full//tom.jpg", "/./tom.jpg", "/full/../tom.jpg", "/full/%2e%2e/tom.jpg", "/full/%zz.jpg",
     "/full/%E4.jpg", "/%", "/full%2F"],
)  # fmt: skip
def test_a_url_that_cannot_name_a_picture_is_not_found(edge: EdgeFunction, uri: str) -> None:
    """Above all "/", which would list the bucket, never reaches it."""
    assert edge.uri(uri, CHROME) == "404"


def test_a_header_sent_twice_counts_as_one(edge: EdgeFunction) -> None:
    """CloudFront hands the second value over apart from the first."""
    answer = edge.answers(request("/full/tom.jpg", "text/html", "image/webp"))[0]
    assert answer["uri"] == "/webp/tom.webp"


def test_nothing_but_the_uri_changes(edge: EdgeFunction) -> None:
    """The rest of the request, cache key and all, is the viewer's."""
    given = request("/full/tom.jpg", CHROME)
    assert edge.answers(given)[0] == {**given, "uri": "/avif/tom.avif"}


def test_a_size_without_jpeg_is_negotiated_from_its_first_format(node: str, tmp_path: Path) -> None:
    """Its canonical URL is then the WebP's."""
    recipe = {"sizes": [{"name": "s", "formats": {"avif": {"key": "s/{name}.avif"}, "webp": {"key": "s/{name}.webp"}}}]}
    edge = EdgeFunction(node, generate(tmp_path, json.dumps(recipe), ["webp", "avif"], ["s"]))
    assert edge.uri("/s/tom.jpg.webp", CHROME) == "/s/tom.jpg.avif"
    assert edge.uri("/s/tom.jpg.webp", "image/webp") == "/s/tom.jpg.webp"


def test_a_format_that_is_not_served_yet_is_not_answered(node: str, tmp_path: Path) -> None:
    """Before the backfill, older pictures have no such rendition."""
    recipe = (ROOT / "processor" / "default_recipe.json").read_text("utf-8")
    edge = EdgeFunction(node, generate(tmp_path, recipe, ["jpeg", "webp"], ["full"]))
    assert edge.uri("/full/tom.jpg", CHROME) == "/webp/tom.webp"
    assert edge.uri("/medium/tom_medium.jpg", CHROME) == "/medium/tom_medium.jpg"


def test_the_largest_recipe_fits_into_an_edge_function(node: str, tmp_path: Path) -> None:
    """CloudFront takes 10,240 bytes; a recipe of 3,000 must not make more."""
    sizes: list[dict[str, Any]] = []
    while len(json.dumps({"sizes": sizes}, separators=(",", ":"))) < 2850:
        folder = f"s{len(sizes)}"
        formats = {name: {"key": f"{folder}/{{stem}}.{name}"} for name in ("webp", "avif")}
        sizes.append({"name": folder, "formats": {"jpeg": {"key": f"{folder}/{{stem}}.jpg"}, **formats}})
    recipe = json.dumps({"sizes": sizes}, separators=(",", ":"))
    assert len(Recipe.from_json(recipe).sizes) == len(sizes)
    code = generate(tmp_path, recipe, ["jpeg", "webp", "avif"], [size["name"] for size in sizes])
    assert len(code.encode()) <= 10_240
    assert EdgeFunction(node, code).uri(f"/s{len(sizes) - 1}/tom.jpg", CHROME) == f"/s{len(sizes) - 1}/tom.avif"
