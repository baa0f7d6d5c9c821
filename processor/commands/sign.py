"""`img-pipeline sign`: signed URLs and cookies, for stacks whose pictures are private."""

import argparse
import ipaddress
import re
import time
from pathlib import Path

from processor import keys, signing
from processor.commands.stack import add_stack_option, stack_values
from processor.commands.usage import COMPLETE, Subcommands, UsageError

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "sign",
        help="signed URLs, or cookies, for private pictures",
        description="Signed URLs of renditions, one a line, or cookies for many. The keys are those of renditions, as "
        "`img-pipeline status` shows them in URLs. No request is made. Exit code: 0, 2 for bad usage.",
    )
    parser.add_argument("keys", nargs="+", metavar="KEY", help="a rendition's key or URL; with --cookies may hold *")
    parser.add_argument("--private-key", required=True, type=Path, metavar="FILE", help="RSA, 2048 bits, PEM")
    parser.add_argument(
        "--key-id", required=True, metavar="ID", help="CloudFront's id of its public key: the output signing_key_ids"
    )
    parser.add_argument("--expires", default="1h", metavar="TIME", help="how long it works: 90s, 15m, 1h, 7d (1h)")
    parser.add_argument(
        "--ip",
        metavar="ADDRESS",
        help="the only IPv4 address or network, like 192.0.2.0/24, it works from; needs a stack with ipv6 = false",
    )
    parser.add_argument(
        "--cookies", action="store_true", help="cookies instead of a URL; takes one key, such as 'full/*'"
    )
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.cookies and len(options.keys) > 1:
        raise UsageError("--cookies takes one key, because a cookie holds one; use * in it to open several")
    if not options.cookies and any("*" in key for key in options.keys):
        raise UsageError("a URL is of one picture; for several, use * with --cookies")
    domain = stack_values(options, "cdn_domain")["cdn_domain"]
    key = _private_key(options.private_key)
    expires = int(time.time()) + _seconds(options.expires)
    address = _address(options.ip)
    if options.cookies:
        resource = _url(domain, options.keys[0])
        for name, value in signing.signed_cookies(resource, expires, options.key_id, key, address).items():
            print(f"{name}={value}")
        return COMPLETE
    for each in options.keys:
        print(signing.signed_url(_url(domain, each), expires, options.key_id, key, address))
    return COMPLETE


def _url(domain: str, key: str) -> str:
    """A key's URL. A URL is taken as it is; a `*` stays one."""
    if key.startswith(f"https://{domain}/"):
        return key
    if "://" in key:
        raise UsageError(f"{key} is not on {domain}, where this stack's pictures are")
    return keys.url(domain, key).replace("%2A", "*")


def _private_key(file: Path) -> signing.PrivateKey:
    try:
        return signing.PrivateKey.from_pem(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"--private-key {file} cannot be read; name the PEM file of the private key") from exc
    except signing.UnusableKey as exc:
        raise UsageError(f"--private-key {file}: {exc}") from exc


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"--expires must be a number and s, m, h or d, such as 15m; got {text!r}")
    return int(found[1]) * _SECONDS[found[2]]


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(ipaddress.IPv4Network(text))
    except ValueError as exc:
        raise UsageError(f"--ip must be an IPv4 address or network, such as 192.0.2.0/24; got {text!r}") from exc
