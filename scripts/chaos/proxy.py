"""A proxy on the loopback interface between the processor and the emulator, which fails one call as it is told to."""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from scripts.demo.servers import HOST

DELAY_SECONDS = 2.5
"""Longer than the processor waits for an answer here."""


class Fault(StrEnum):
    """What happens to a call."""

    NONE = "none"
    THROTTLED = "throttled"
    UNAVAILABLE = "503"
    DROPPED = "dropped"
    UNANSWERED = "answer lost"
    DELAYED = "answered too late"
    KILLED_BEFORE = "worker killed before"
    KILLED_AFTER = "worker killed after"


DESCRIPTIONS = {
    Fault.THROTTLED: "the call, and every one after it, is refused as too many",
    Fault.UNAVAILABLE: "the call, and every one after it, is answered 503",
    Fault.DROPPED: "the connection is closed before the call takes effect, and at every one after it",
    Fault.UNANSWERED: "the call takes effect and the connection is closed; every later call is dropped",
    Fault.DELAYED: "the call takes effect and is answered after the processor has given up; the next ones work",
    Fault.KILLED_BEFORE: "the worker is killed before the call takes effect",
    Fault.KILLED_AFTER: "the worker is killed after the call took effect, before the next",
}

_LATER = {Fault.UNANSWERED: Fault.DROPPED, Fault.DELAYED: Fault.NONE}
"""What happens to the calls after the one that was hit, where that is something else."""


@dataclass
class Plan:
    """Which call is hit, and by what.

    Attributes:
        fault: what happens.
        at: number of the call, from 0.
        kill: kills the worker.
        calls: what was called so far, by name.
    """

    fault: Fault
    at: int
    kill: Callable[[], None]
    calls: list[str]

    def fault_of(self, call: str) -> Fault:
        """Note a call and say what happens to it."""
        number = len(self.calls)
        self.calls.append(call)
        if number < self.at:
            return Fault.NONE
        return self.fault if number == self.at else _LATER.get(self.fault, self.fault)


class Proxy:
    """The proxy in a thread of its own. `plan` may be set between two runs."""

    def __init__(self, emulator_port: int) -> None:
        self.plan = Plan(Fault.NONE, 0, lambda: None, [])
        self.lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy
            target = emulator_port

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        """Serve."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Proxy
    target: int

    def handle_one_request(self) -> None:
        """A worker that was killed leaves its connections behind."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _any(self) -> None:
        body = self._body()
        with self.owner.lock:
            plan = self.owner.plan
            fault = plan.fault_of(self._call())
        match fault:
            case Fault.NONE:
                self._reply(*self._forwarded(body))
            case Fault.THROTTLED:
                self._refuse(400 if "X-Amz-Target" in self.headers else 503)
            case Fault.UNAVAILABLE:
                self._reply(503, [], b"")
            case Fault.DROPPED:
                self.close_connection = True
            case Fault.UNANSWERED:
                self._forwarded(body)
                self.close_connection = True
            case Fault.DELAYED:
                answer = self._forwarded(body)
                time.sleep(DELAY_SECONDS)
                self._reply(*answer)
            case Fault.KILLED_BEFORE:
                plan.kill()
                self.close_connection = True
            case Fault.KILLED_AFTER:
                self._forwarded(body)
                plan.kill()
                self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - http.server calls them so

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _call(self) -> str:
        target = self.headers.get("X-Amz-Target")
        if target:
            return target.rpartition(".")[2]
        if self.path.endswith("/invalidation"):
            return "CreateInvalidation"
        if "x-amz-copy-source" in self.headers:
            return "CopyObject"
        operation = "DeleteObjects" if self.command == "POST" else f"{self.command.capitalize()}Object"
        return f"{operation} {self.path.lstrip('/').split('?', maxsplit=1)[0].partition('/')[0]}"

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            pass  # http.server has answered 100 already
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(HOST, self.target, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, response.getheaders(), answer

    def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int) -> None:
        if status == 400:  # noqa: PLR2004 - how services that speak JSON throttle
            body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
            self._reply(status, [("Content-Type", "application/x-amz-json-1.0")], body)
        else:
            body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            self._reply(status, [("Content-Type", "application/xml")], body)


_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
