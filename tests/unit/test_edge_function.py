"""The edge function that Terraform generates from the recipe, run on Node with requests as browsers send them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processor import keys
from processor.recipe import MAX_RENDITIONS, Recipe
from tests.requirements import need

ROOT = Path(__file__).resolve().parents[2]

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
CURL = "*/*"

MEASURED_CALLS = 2000

PICTURES_BY_CLIENT = {
    "Chrome 121, Edge 121, Opera": (CHROME, "avif"),
    "Chrome 85": ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "avif"),
    "Chrome 49 to 84, Samsung Internet 11, Edge 79": ("image/webp,image/apng,image/*,*/*;q=0.8", "webp"),
    "Chrome 32": ("image/webp,*/*;q=0.8", "webp"),
    "Chrome before 32": ("*/*", "jpeg"),
    "Firefox 128": ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "avif"),
    "Firefox 92 to 127": ("image/avif,image/webp,*/*", "avif"),
    "Firefox 65 to 91": ("image/webp,*/*", "webp"),
    "Firefox 47 to 64": ("*/*", "jpeg"),
    "Firefox 46": ("image/png,image/*;q=0.8,*/*;q=0.5", "jpeg"),
    "Safari 17": (
        (
            "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,"
            "image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
        ),
        "avif",
    ),
    "Safari 14 and 15": ("image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "webp"),
    "Safari 11 to 13": ("image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "jpeg"),
    "Edge 18": ("image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "webp"),
    "Edge 17, Internet Explorer 11": ("image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5", "jpeg"),
    "Internet Explorer 6 to 8, picture opened by itself": (
        "image/gif, image/jpeg, image/pjpeg, application/x-ms-application, */*",
        "jpeg",
    ),
    "Chrome, picture opened in a tab": (
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
            "application/signed-exchange;v=b3;q=0.7"
        ),
        "avif",
    ),
    "Firefox 92 to 127, picture opened in a tab": (
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "avif",
    ),
    "Safari, picture opened in a tab; Googlebot": (
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "jpeg",
    ),
    "curl, Wget, python-requests, Twitterbot, facebookexternalhit, Slackbot": (CURL, "jpeg"),
    "Java's URLConnection": ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "jpeg"),
    "a feed reader's fetcher": (
        "application/atom+xml,application/rss+xml;q=0.9,application/xml;q=0.8,text/xml;q=0.7,*/*;q=0.1",
        "jpeg",
    ),
    "Go's net/http, and whoever sends none": (None, "jpeg"),
}
"""What clients send when they fetch a picture, as their makers and MDN's list of default values document it."""

FULL = {"avif": "/avif/tom.avif", "webp": "/webp/tom.webp", "jpeg": "/full/tom.jpg"}

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


def generate(folder: Path, recipe: str, formats: list[str], sizes: list[str], **options: Any) -> str:
    """Have Terraform render the module; it has no provider, so this needs no network."""
    terraform = shutil.which("terraform")
    need("terraform", present=terraform is not None, how="Install Terraform 1.10 or newer.")
    assert terraform is not None
    shutil.copytree(ROOT / "terraform" / "modules" / "negotiation", folder, dirs_exist_ok=True)
    values = {
        "recipe_json": json.dumps(json.loads(recipe) | options),
        "served_formats": formats,
        "served_sizes": sizes,
    }
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


@pytest.mark.parametrize("versioned", [True, False])
def test_content_addressed_copies_are_served_as_they_are(
    node: str, tmp_path: Path, edge: EdgeFunction, *, versioned: bool
) -> None:
    """Where there are any, in every format of the recipe and whatever `Accept` says; nothing else below /v/."""
    recipe = (ROOT / "processor" / "default_recipe.json").read_text("utf-8")
    if versioned:
        sizes = ["full", "medium", "thumbnail"]
        edge = EdgeFunction(node, generate(tmp_path, recipe, ["jpeg", "webp", "avif"], sizes, retain_days=30))
    expected = (lambda uri: uri) if versioned else (lambda _: "404")
    for key in ("/full/a.jpg", "/avif/my%20cats/a.avif", "/thumbnails/a_thumb.webp"):
        uri = "/v/0123456789abcdef" + key
        assert edge.uri(uri, CHROME) == expected(uri)
    version = "0123456789abcdef"
    for other in ("full/a.jpg", "0123456789abcde/full/a.jpg", "0123456789ABCDEF/full/a.jpg", f"{version}/a.jpg",
                  f"{version}/", f"{version}/v/{version}/full/a.jpg", f"{version}/full/.jpg"):  # fmt: skip
        assert edge.uri("/v/" + other, CHROME) == "404", other


def test_jpeg_xl_goes_to_those_who_name_it(node: str, tmp_path: Path) -> None:
    """Where a size has nothing better, Safari gets JPEG XL, and Chrome, which does not name it, gets JPEG."""
    formats = {"jpeg": {"key": "f/{stem}.jpg"}, "jxl": {"key": "x/{stem}.jxl"}}
    recipe = json.dumps({"sizes": [{"name": "full", "formats": formats}]})
    edge = EdgeFunction(node, generate(tmp_path, recipe, list(formats), ["full"]))
    safari, _ = PICTURES_BY_CLIENT["Safari 17"]
    assert [edge.uri("/f/tom.jpg", accept) for accept in (safari, CHROME)] == ["/x/tom.jxl", "/f/tom.jpg"]


@pytest.mark.parametrize("client", PICTURES_BY_CLIENT)
def test_clients_get_the_best_format_that_they_ask_for(edge: EdgeFunction, client: str) -> None:
    """Nobody gets a format that their program does not name, and who names AVIF gets it."""
    accept, expected = PICTURES_BY_CLIENT[client]
    assert edge.uri("/full/tom.jpg", accept) == FULL[expected]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
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
        ("__proto__,constructor;q=1,image/avif", "/avif/tom.avif"),
        ("image/webp," + "x" * 1000, "/full/tom.jpg"),
        ("," * 8000, "/full/tom.jpg"),
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


@pytest.mark.parametrize("uri", ["/webp/tom.webp", "/avif/tom.avif", "/medium/tom_medium.webp"])
def test_a_url_that_names_its_format_is_served_as_it_is(edge: EdgeFunction, uri: str) -> None:
    """Whoever asks for a .webp gets it, whatever the header says."""
    assert edge.uri(uri, CHROME) == uri


@pytest.mark.parametrize(
    "uri",
    ["/full/.jpg", "/full/tom.jpeg", "/full/tom.JPG", "/fuller/tom.jpg", "/medium/tom.jpg", "/x/full/tom.jpg",
     "/else/tom.png", "/favicon.ico", "/index.html", "/wp-login.php", "/full", "/medium/_medium.jpg",
     "/_missing/picture"],
)  # fmt: skip
def test_a_url_that_no_template_makes_is_not_found(edge: EdgeFunction, uri: str) -> None:
    """Neither the cache nor the bucket is asked for what cannot be there."""
    assert edge.uri(uri, CHROME) == "404"


def test_a_bare_plus_is_a_plus(edge: EdgeFunction) -> None:
    """S3 would read it as a space."""
    assert edge.uri("/full/a+b.jpg", CURL) == "/full/a%2Bb.jpg"
    assert edge.uri("/full/a+b.jpg", CHROME) == "/avif/a%2Bb.avif"


@pytest.mark.parametrize(
    "uri",
    ["/", "//", "/full/", "/full//tom.jpg", "/./tom.jpg", "/full/../tom.jpg", "/full/%2e%2e/tom.jpg", "/full/%zz.jpg",
     "/full/%E4.jpg", "/%", "/full%2F", "", "/full/%00.jpg", "/full/a%0Ab.jpg", "/full/%7f.jpg",
     "/full/%2e%2e%2f%2e%2e/tom.jpg", "/full/..%2ftom.jpg", "/full/%c0%ae%c0%ae/tom.jpg", "/full/x%2F%2Ftom.jpg",
     "/full/" + "x" * 1020 + ".jpg", "/full/" + "%C3%BC" * 508 + ".jpg", "/full/" + "x" * 8000 + ".jpg"],
)  # fmt: skip
def test_a_url_that_cannot_name_a_picture_is_not_found(edge: EdgeFunction, uri: str) -> None:
    """Above all "/", which would list the bucket, never reaches it."""
    assert edge.uri(uri, CHROME) == "404"


@pytest.mark.parametrize("uri", ["/full/" + "x" * 1015 + ".jpg", "/full/" + "%C3%BC" * 507 + ".jpg"])
def test_a_key_as_long_as_s3_takes_is_served(edge: EdgeFunction, uri: str) -> None:
    """1,024 and 1,023 bytes of UTF-8, whatever they are escaped to."""
    assert edge.uri(uri, CURL) == uri


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("/full/%74om.jpg", "/full/tom.jpg"),
        ("/%66ull/tom%2ejpg", "/full/tom.jpg"),
        ("/full%2Ftom.jpg", "/full/tom.jpg"),
        ("/full/t%c3%bcr.jpg", "/full/t%C3%BCr.jpg"),
        ("/full/t\u00fcr.jpg", "/full/t%C3%BCr.jpg"),
        ("/full/a b.jpg", "/full/a%20b.jpg"),
        ("/full/a(1)*'!.jpg", "/full/a%281%29%2A%27%21.jpg"),
        ("/full/%7Etom.jpg", "/full/~tom.jpg"),
    ],
)
def test_spellings_of_one_path_are_one_cache_entry(edge: EdgeFunction, uri: str, canonical: str) -> None:
    """A picture is cached once, and an invalidation of its URL finds it, however clients escape."""
    assert edge.uri(uri, CURL) == canonical
    assert edge.uri(uri, "image/webp") == canonical.replace("/full/", "/webp/").replace(".jpg", ".webp")


def test_what_is_escaped_twice_is_another_key(edge: EdgeFunction) -> None:
    """It is decoded once, so it cannot smuggle a path."""
    assert edge.uri("/full/a%252F..%252Fb.jpg", CURL) == "/full/a%252F..%252Fb.jpg"


def test_what_is_not_found_is_short_and_not_kept(edge: EdgeFunction) -> None:
    """A plain sentence, which neither CloudFront nor a browser remembers."""
    answer = edge.answers(request("/"))[0]
    assert answer["body"] == {"encoding": "text", "data": "Not found\n"}
    assert {name: header["value"] for name, header in answer["headers"].items()} == {
        "cache-control": "no-store",
        "content-type": "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
    }


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


def test_as_many_renditions_as_a_recipe_may_make_fit_into_an_edge_function(tmp_path: Path) -> None:
    """CloudFront takes 10,240 bytes, and every width of every format is written down in them."""
    document: dict[str, Any] = {"sizes": []}
    for number in range(3):
        formats = {
            name: {"key": f"size{number}/{{width}}/{{stem}}.{extension}"}
            for name, extension in (("jpeg", "jpg"), ("webp", "webp"), ("avif", "avif"))
        }
        widths = list(range(320, 3400, 280))
        document["sizes"].append({"name": f"size{number}", "widths": widths, "formats": formats})
    recipe = Recipe.from_json(json.dumps(document))
    assert MAX_RENDITIONS - 3 < len(recipe.formats) <= MAX_RENDITIONS
    sizes = [
        {"name": size.name, "formats": {fmt.name: {"key": fmt.key} for fmt in size.formats}} for size in recipe.sizes
    ]
    code = generate(
        tmp_path, json.dumps({"sizes": sizes}), ["jpeg", "webp", "avif"], [size.name for size in recipe.sizes]
    )
    assert len(code.encode()) <= 10_240


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


def test_other_keys_are_served_as_they_are(node: str, tmp_path: Path) -> None:
    """What the pipeline stores besides renditions is known to the function, and never negotiated."""
    recipe = (ROOT / "processor" / "default_recipe.json").read_text("utf-8")
    code = generate(
        tmp_path,
        recipe,
        ["jpeg", "webp", "avif"],
        ["full"],
        manifest="manifest/{name}.json",
        tiles={"key": "tiles/{name}"},
    )
    edge = EdgeFunction(node, code)
    assert edge.uri("/manifest/cats/tom.jpg.json", CHROME) == "/manifest/cats/tom.jpg.json"
    assert edge.uri("/manifest/.json", CHROME) == "404"
    for uri in ("/tiles/maps/a%20b.png.dzi", "/tiles/maps/a%20b.png_files/12/3_4.jpg"):
        assert edge.uri(uri, CHROME) == uri
    assert edge.uri("/tiles/maps/a.png_files/12/3_4.webp", CHROME) == "404"


SHARE = ROOT / "terraform" / "modules" / "delivery" / "share_function.js.tftpl"


def shared(node: str, origins: list[str], origin: str | None) -> str | None:
    """Whom the viewer-response function lets read a picture that a page of this origin asked for."""
    code = SHARE.read_text("utf-8").replace("${origins}", json.dumps(origins))
    assert lint(node, code) == set()
    headers = {"origin": {"value": origin}} if origin else {}
    event = {"request": {"headers": headers}, "response": {"headers": {}}}
    done = subprocess.run(  # noqa: S603 - Node, with a script of ours
        [node, "-e", f"{code}\nprocess.stdout.write(JSON.stringify(handler({json.dumps(event)})))"],
        capture_output=True,
        text=True,
        check=True,
    )
    allowed: dict[str, str] = json.loads(done.stdout)["headers"].get("access-control-allow-origin", {})
    return allowed.get("value")


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["https://a.example"], "https://a.example", "https://a.example"),
        (["https://a.example", "https://b.example"], "https://b.example", "https://b.example"),
        (["https://a.example"], "https://c.example", None),
        (["https://a.example"], None, None),
        (["*"], "https://c.example", "*"),
        (["*"], None, "*"),
    ],
)
def test_named_origins_may_read(node: str, origins: list[str], origin: str | None, allowed: str | None) -> None:
    """Each by its own name, nobody else, and with `*` everybody by the same answer, so that it need not vary."""
    assert shared(node, origins, origin) == allowed


LINT = """
const acorn = require('internal/deps/acorn/acorn/dist/acorn');
const walk = require('internal/deps/acorn/acorn-walk/dist/walk');
const seen = { nodes: {}, methods: {} };
const program = acorn.parse(require('fs').readFileSync(0, 'utf8'), { ecmaVersion: 2022, sourceType: 'script' });
walk.full(program, node => {
    seen.nodes[node.type] = true;
    const flags = ['optional', 'generator', 'async', 'delegate'].filter(flag => node[flag]);
    if (node.type === 'Property') flags.push(...['method', 'shorthand', 'computed'].filter(flag => node[flag]));
    if (node.type === 'Literal' && node.bigint) flags.push('bigint');
    flags.forEach(flag => { seen.nodes[node.type + '.' + flag] = true; });
    if (node.type.endsWith('Function') || node.type === 'FunctionDeclaration')
        node.params.forEach(param => { seen.nodes['param.' + param.type] = true; });
    if (/Expression$/.test(node.type) && node.operator) seen.nodes['operator ' + node.operator] = true;
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression')
        seen.methods[node.callee.property.name] = true;
});
process.stdout.write(JSON.stringify({ nodes: Object.keys(seen.nodes), methods: Object.keys(seen.methods) }));
"""
"""Uses the parser that Node ships. CloudFront's engine takes less than Node: ES 5.1 and a list of later things."""

SYNTAX = {
    # ES 5.1
    "Program", "FunctionDeclaration", "BlockStatement", "ExpressionStatement", "IfStatement", "ReturnStatement",
    "TryStatement", "CatchClause", "VariableDeclaration", "VariableDeclarator", "Identifier", "Literal",
    "ArrayExpression", "ObjectExpression", "Property", "CallExpression", "MemberExpression", "AssignmentExpression",
    "BinaryExpression", "LogicalExpression", "ConditionalExpression", "UnaryExpression", "UpdateExpression",
    "param.Identifier",
    # ES 6 and on, named in "JavaScript runtime 2.0 features": arrow functions (const and let are declarations)
    "ArrowFunctionExpression",
    # how the walk names places, not syntax
    "Expression", "Statement", "Function", "Pattern", "VariablePattern", "MemberPattern",
}  # fmt: skip
OPERATORS = {"=", "+", "-", "===", "!==", "<", "<=", ">", ">=", "&&", "||", "!"}
METHODS = {
    # ES 5.1
    "map", "some", "every", "forEach", "slice", "split", "join", "replace", "trim", "toLowerCase", "toUpperCase",
    "toString", "charCodeAt", "test",
    # ES 6, named in the same list
    "find", "startsWith", "endsWith",
}  # fmt: skip


def parsed(node: str, code: str) -> dict[str, list[str]]:
    """The kinds of syntax and the methods that a script uses."""
    done = subprocess.run(  # noqa: S603 - Node, with a script of ours
        [node, "--expose-internals", "-e", LINT], input=code, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def lint(node: str, code: str) -> set[str]:
    """What a script uses that CloudFront's runtime is not known to have."""
    found = parsed(node, code)
    operators = {name.removeprefix("operator ") for name in found["nodes"] if name.startswith("operator ")}
    syntax = {name for name in found["nodes"] if not name.startswith("operator ")}
    return (syntax - SYNTAX) | (operators - OPERATORS) | (set(found["methods"]) - METHODS)


def test_only_syntax_and_methods_of_cloudfronts_runtime_are_used(edge: EdgeFunction) -> None:
    """Node takes more than runtime 2.0 does, so running there proves nothing about it."""
    assert lint(edge.node, edge.code) == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("for (const x of []) { x; }", "ForOfStatement"),
        ("const { a } = {};", "ObjectPattern"),
        ("a ?? b;", "??"),
        ("a?.b;", "ChainExpression"),
        ("f(...x);", "SpreadElement"),
        ("const o = { m() {} };", "Property.method"),
        ("class A {}", "ClassDeclaration"),
        ("x.replaceAll('a', 'b');", "replaceAll"),
        ("function f(a = 1) {}", "param.AssignmentPattern"),
    ],
)
def test_the_lint_finds_what_the_runtime_lacks(node: str, code: str, found: str) -> None:
    """A check that lets everything pass would not show otherwise."""
    assert found in lint(node, code)


SPEED = """
const vm = require('vm');
const { code, request, calls } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const context = vm.createContext({});
vm.runInContext(code, context);
context.given = JSON.stringify({ request });
context.calls = calls;
const run = 'for (let i = 0; i < calls; i++) { handler(JSON.parse(given)); }';
vm.runInContext(run, context);
const start = process.hrtime.bigint();
vm.runInContext(run, context);
process.stdout.write(String(Number(process.hrtime.bigint() - start) / calls / 1e6));
"""


@pytest.mark.parametrize(
    ("uri", "accept"),
    [
        ("/thumbnails/holiday/beach%20(1)_thumb.jpg", CHROME),
        ("/thumbnails/" + "%C3%BC/" * 250 + "x_thumb.jpg", "image/webp;q=0.1," * 58),
        ("/" + "a/" * 4000, ";," * 4000),
    ],
)
def test_a_call_takes_less_than_a_millisecond(edge: EdgeFunction, uri: str, accept: str) -> None:
    """CloudFront stops functions at about one; ordinary and hostile requests stay below, as far as Node can tell."""
    given_request = {"code": edge.code, "request": request(uri, accept), "calls": MEASURED_CALLS}
    done = subprocess.run(  # noqa: S603 - Node, with a script of ours
        [edge.node, "-e", SPEED], input=json.dumps(given_request), capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1.0, f"{float(done.stdout) * 1000:.0f} µs a call for {len(uri)} bytes of path"


def test_the_function_of_the_default_recipe_is_small(edge: EdgeFunction) -> None:
    """CloudFront takes 10,240 bytes."""
    assert len(edge.code.encode()) < 6_000


_PIECES = st.sampled_from(
    ["/", "//", ".", "..", "%2e", "%2F", "%2f", "%252e", "%", "%00", "%c0%af", "%E4", "%C3%BC", "+", " ", "\\", "?",
     "#", ";", "full", "full/", "/webp/", "medium/", "tom", "_medium", "_thumb", ".jpg", ".webp", ".avif", "\u00fc",
     "\u65e5", "\ud83d\ude00", "__proto__", "\x7f"]
)  # fmt: skip
_URIS = st.builds(lambda pieces: "/" + "".join(pieces), st.lists(_PIECES | st.text(max_size=4), max_size=8))
_ACCEPTS = st.none() | st.text(max_size=40) | st.lists(
    st.sampled_from(["image/avif", "image/webp", "image/jpeg", "*/*", "image/*", ";q=", "0.5", "2", "-1", "1e9", ",",
                     ";", " ", "NaN", "__proto__"]),
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batch=st.lists(st.tuples(_URIS, _ACCEPTS), min_size=40, max_size=80))
def test_no_request_whatever_reaches_anything_but_a_rendition(
    edge: EdgeFunction, batch: list[tuple[str, str | None]]
) -> None:
    """Every answer is 404 or a key of some template, spelled in the one way that our URLs are."""
    templates = [(fmt.prefix, fmt.suffix) for _, fmt in Recipe.default().formats]
    batch = [(uri.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), accept) for uri, accept in batch]
    for (uri, _), answer in zip(batch, edge.answers(*(request(*each) for each in batch)), strict=True):
        if "statusCode" in answer:
            assert answer["statusCode"] == 404
            continue
        key = unquote(answer["uri"][1:], errors="strict")
        assert answer["uri"] == "/" + quote(key, safe="/~"), uri
        assert not {"", ".", ".."} & set(key.split("/")), uri
        assert any(
            key.startswith(before) and key.endswith(after) and len(key) > len(before) + len(after)
            for before, after in templates
        ), uri
