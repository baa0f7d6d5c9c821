"""Signatures, checked the way CloudFront checks them: with the public key, over the policy."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from processor.signing import PrivateKey, UnusableKey, policy, signed_cookies, signed_url
from tests.requirements import need

URL = "https://cdn.example/full/a%20b.jpg"


class Pair:
    """A key pair in files, made by OpenSSL."""

    def __init__(self, openssl: str, folder: Path) -> None:
        self.openssl = openssl
        self.folder = folder
        self.private = folder / "private.pem"
        self.public = folder / "public.pem"
        self.run("genrsa", "-out", str(self.private), "2048")
        self.run("rsa", "-in", str(self.private), "-pubout", "-out", str(self.public))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """OpenSSL."""
        return subprocess.run([self.openssl, *arguments], capture_output=True, check=False)  # noqa: S603

    def verifies(self, signature: str, message: str) -> bool:
        """Whether a signature in CloudFront's alphabet is one of a message."""
        (self.folder / "signature").write_bytes(decoded(signature))
        (self.folder / "message").write_text(message)
        done = self.run(
            "dgst", "-sha1", "-verify", str(self.public), "-signature", str(self.folder / "signature"),
            str(self.folder / "message"),
        )  # fmt: skip
        return done.returncode == 0

    @property
    def key(self) -> PrivateKey:
        """The private key, as the command line reads it."""
        return PrivateKey.from_pem(self.private.read_text())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A fresh key pair."""
    openssl = shutil.which("openssl")
    need("openssl", present=openssl is not None, how="Install OpenSSL.")
    assert openssl is not None
    return Pair(openssl, tmp_path_factory.mktemp("keys"))


def decoded(text: str) -> bytes:
    """From CloudFront's alphabet."""
    return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)


def test_a_signed_url_is_verified_by_the_public_key(pair: Pair) -> None:
    """The signature is of the policy that CloudFront makes up from the URL and `Expires`."""
    url = signed_url(URL, 1_900_000_000, "K2EXAMPLE", pair.key)
    assert url.startswith(URL + "?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert set(query) == {"Expires", "Signature", "Key-Pair-Id"}
    assert (query["Expires"], query["Key-Pair-Id"]) == ("1900000000", "K2EXAMPLE")
    canned = f'{{"Statement":[{{"Resource":"{URL}","Condition":{{"DateLessThan":{{"AWS:EpochTime":1900000000}}}}}}]}}'
    assert pair.verifies(query["Signature"], canned)
    assert not pair.verifies(query["Signature"], canned.replace("1900000000", "1900000001"))


def test_a_url_for_one_address_carries_its_policy(pair: Pair) -> None:
    """CloudFront cannot make that one up."""
    query = parse_qs(urlsplit(signed_url(URL, 1_900_000_000, "K2", pair.key, "192.0.2.7/32")).query)
    text = decoded(query["Policy"][0]).decode()
    assert json.loads(text)["Statement"][0]["Condition"]["IpAddress"] == {"AWS:SourceIp": "192.0.2.7/32"}
    assert pair.verifies(query["Signature"][0], text)
    assert "Expires" not in query


def test_signed_cookies_open_many(pair: Pair) -> None:
    """Policy, signature and key id, in letters that cookies take."""
    cookies = signed_cookies("https://cdn.example/full/*", 1_900_000_000, "K2", pair.key)
    assert set(cookies) == {"CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"}
    text = decoded(cookies["CloudFront-Policy"]).decode()
    assert text == policy("https://cdn.example/full/*", 1_900_000_000)
    assert pair.verifies(cookies["CloudFront-Signature"], text)
    assert not set("".join(cookies.values())) & set(' ;,"\\=+/')


def test_both_forms_of_a_key_are_the_same_key(pair: Pair) -> None:
    """OpenSSL 3 writes PKCS #8, older ones PKCS #1."""
    other = pair.run("rsa", "-in", str(pair.private), "-traditional").stdout.decode()
    assert "BEGIN RSA PRIVATE KEY" in other
    assert "BEGIN PRIVATE KEY" in pair.private.read_text()
    assert PrivateKey.from_pem(other) == pair.key


def test_keys_that_cannot_be_used_are_refused(pair: Pair) -> None:
    """Too short, of another kind, locked, public, cut short, or none at all."""
    short = pair.run("genrsa", "1024").stdout.decode()
    curve = pair.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").stdout.decode()
    locked = pair.run("rsa", "-in", str(pair.private), "-aes256", "-passout", "pass:x").stdout.decode()
    whole = pair.private.read_text().splitlines()
    cut = "\n".join([*whole[:5], whole[-1]])
    with pytest.raises(UnusableKey, match="1024 bits"):
        PrivateKey.from_pem(short)
    for text in (
        curve,
        locked,
        pair.public.read_text(),
        cut,
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ):
        with pytest.raises(UnusableKey, match="openssl genrsa"):
            PrivateKey.from_pem(text)


def sign(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "processor", "sign", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"CDN_DOMAIN": "cdn.example"})  # noqa: S603


def test_the_command_prints_a_url_for_each_key(pair: Pair) -> None:
    """Keys are escaped as everywhere, URLs of this stack taken as they are."""
    done = sign("--private-key", str(pair.private), "--key-id", "K2", "full/a b.jpg", URL)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition("?")[0] for line in lines] == [URL, URL]


def test_the_command_prints_cookies(pair: Pair) -> None:
    """Ready for Set-Cookie; a star stays a star."""
    done = sign("--private-key", str(pair.private), "--key-id", "K2", "--cookies", "--expires", "7d", "full/holiday/*")
    assert done.returncode == 0, done.stderr
    cookies = dict(line.split("=", 1) for line in done.stdout.splitlines())
    resource = json.loads(decoded(cookies["CloudFront-Policy"]))["Statement"][0]["Resource"]
    assert resource == "https://cdn.example/full/holiday/*"


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--expires", "soon", "a.jpg"], "such as 15m"),
        (["--expires", "0s", "a.jpg"], "such as 15m"),
        (["--ip", "my house", "a.jpg"], "such as 192.0.2.0/24"),
        (["--ip", "2001:db8::/32", "a.jpg"], "IPv4"),
        (["--cookies", "a", "b"], "one key"),
        (["full/*"], "--cookies"),
        (["https://elsewhere.example/a.jpg"], "is not on cdn.example"),
    ],
)
def test_bad_usage_says_what_to_do(pair: Pair, arguments: list[str], remedy: str) -> None:
    """Exit code 2 and one line."""
    done = sign("--private-key", str(pair.private), "--key-id", "K2", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_key_file_is_bad_usage(tmp_path: Path) -> None:
    """And says which file."""
    done = sign("--private-key", str(tmp_path / "none.pem"), "--key-id", "K2", "a.jpg")
    assert done.returncode == 2
    assert "none.pem" in done.stderr
