"""Signed URLs and cookies, as CloudFront checks them: an RSA signature over a policy.

CloudFront takes RSASSA-PKCS1-v1_5 over SHA-1 with keys of 2,048 bits (Developer Guide, "Create a signature").
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Self

_PEM = re.compile(r"-----BEGIN ((?:RSA )?PRIVATE KEY)-----\s+(.+?)\s+-----END \1-----", re.DOTALL)
_INTEGER, _SEQUENCE = 0x02, 0x30
_SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")
"""The DER prefix of a SHA-1 digest (RFC 8017, 9.2, note 1)."""

KEY_BITS = 2048


class UnusableKey(ValueError):
    """A file that holds no private key CloudFront could check signatures of. The message says what to do."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An RSA private key: modulus and private exponent. The command line alone uses it, on its owner's machine."""

    modulus: int
    exponent: int

    @classmethod
    def from_pem(cls, text: str) -> Self:
        """Read PKCS #1 or PKCS #8 in PEM, without a passphrase.

        Raises:
            UnusableKey: it is none, or of another kind or length.
        """
        found = _PEM.search(text)
        if found is None:
            raise UnusableKey(
                "no RSA private key in PEM without a passphrase; make one: openssl genrsa -out key.pem 2048"
            )
        try:
            der = base64.b64decode("".join(found[2].split()), validate=True)
            fields = _elements(_one(der, _SEQUENCE))
            if found[1] == "PRIVATE KEY":  # PKCS #8 wraps PKCS #1: version, algorithm, key
                fields = _elements(_one(fields[2][1], _SEQUENCE))
            version, modulus, _, exponent = (int.from_bytes(value) for tag, value in fields[:4] if tag == _INTEGER)
        except (binascii.Error, ValueError, IndexError) as exc:
            raise UnusableKey(
                "the private key is damaged or not RSA; make one: openssl genrsa -out key.pem 2048"
            ) from exc
        if version != 0 or modulus.bit_length() != KEY_BITS:
            raise UnusableKey(f"the key has {modulus.bit_length()} bits, CloudFront takes {KEY_BITS}")
        return cls(modulus, exponent)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 256 bytes (RFC 8017, 8.2.1)."""
        length = KEY_BITS // 8
        digest = _SHA1_INFO + hashlib.sha1(message, usedforsecurity=False).digest()
        padded = b"\0\1" + b"\xff" * (length - len(digest) - 3) + b"\0" + digest
        return pow(int.from_bytes(padded), self.exponent, self.modulus).to_bytes(length)


def policy(resource: str, expires: int, address: str | None = None) -> str:
    """What is allowed: a resource, which may hold `*`, until a time (seconds of the epoch), to an address if given."""
    condition: dict[str, dict[str, int | str]] = {"DateLessThan": {"AWS:EpochTime": expires}}
    if address:
        condition["IpAddress"] = {"AWS:SourceIp": address}
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":"))


def signed_url(url: str, expires: int, key_id: str, key: PrivateKey, address: str | None = None) -> str:
    """A URL that works until a time, with everything it needs in its query."""
    text = policy(url, expires, address)
    # without an address CloudFront makes the same policy up by itself, from the time alone
    what = f"Policy={_encoded(text.encode())}" if address else f"Expires={expires}"
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}{what}&Signature={_encoded(key.sign(text.encode()))}&Key-Pair-Id={key_id}"


def signed_cookies(
    resource: str, expires: int, key_id: str, key: PrivateKey, address: str | None = None
) -> dict[str, str]:
    """Cookies that open a resource, which may hold `*`, until a time. Names and values are ready to be set."""
    text = policy(resource, expires, address).encode()
    return {
        "CloudFront-Policy": _encoded(text),
        "CloudFront-Signature": _encoded(key.sign(text)),
        "CloudFront-Key-Pair-Id": key_id,
    }


def _encoded(value: bytes) -> str:
    """Base 64 in CloudFront's alphabet, in which nothing needs escaping."""
    return base64.b64encode(value).decode().translate(str.maketrans("+=/", "-_~"))


def _one(der: bytes, expected: int) -> bytes:
    ((tag, value),) = _elements(der)
    if tag != expected:
        raise ValueError(f"tag {tag:#x} where {expected:#x} belongs")
    return value


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and value of each of the DER elements in a row (X.690, 8.1)."""
    found = []
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[at : at + size])
            at += size
        if at + length > len(der):
            raise ValueError("an element is longer than what holds it")
        found.append((tag, der[at : at + length]))
        at += length
    return found
