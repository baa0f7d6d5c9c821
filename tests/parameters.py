"""Parameter Store, as far as the commands use it: over HTTP, in this process."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Parameters:
    """A fake Parameter Store.

    Attributes:
        url: for AWS_ENDPOINT_URL.
        history: every value of every parameter, oldest first.
        regions: which each request was signed for.
        keys: with which access key.
    """

    url: str = ""
    history: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    regions: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """With which the SDK finds it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_REGION": "eu-central-1",
        }

    def get_parameters(self, names: list[str]) -> dict[str, Any]:
        """The newest values; at most ten names."""
        assert len(names) <= 10
        found = [{"Name": name, "Value": self.history[name][-1]} for name in names if self.history.get(name)]
        return {"Parameters": found, "InvalidParameters": [name for name in names if not self.history.get(name)]}

    def get_parameter_history(self, name: str, token: str) -> dict[str, Any]:
        """All values, two a page."""
        start = int(token or 0)
        page = [
            {
                "Name": name,
                "Value": value,
                "Version": number,
                "LastModifiedDate": 1_700_000_000 + number,
                "LastModifiedUser": f"arn:aws:iam::123456789012:user/number-{number}",
            }
            for number, value in enumerate(self.history[name], 1)
        ]
        more = {"NextToken": str(start + 2)} if start + 2 < len(page) else {}
        return {"Parameters": page[start : start + 2], **more}

    def respond(self, method: str, path: str, target: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to a request."""
        del method, path
        operation = target.rpartition(".")[2]
        if operation == "GetParameters":
            return 200, self.get_parameters(asked["Names"])
        if operation == "GetParametersByPath":
            below = [name for name in self.history if name.startswith(f"{asked['Path']}/")]
            return 200, {"Parameters": self.get_parameters(below)["Parameters"]}
        if operation == "GetParameter" and self.history.get(asked["Name"]):
            return 200, {"Parameter": self.get_parameter_history(asked["Name"], "")["Parameters"][-1]}
        if operation == "GetParameterHistory" and self.history.get(asked["Name"]):
            return 200, self.get_parameter_history(asked["Name"], asked.get("NextToken", ""))
        if operation == "GetParameterHistory":
            return 400, {"__type": "ParameterNotFound", "message": "not found"}
        return 400, {"__type": "InvalidAction", "message": operation}


@contextmanager
def served(store: Parameters) -> Iterator[Parameters]:
    """Answer requests on a port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if credential := self.headers["Authorization"]:
                store.regions.append(credential.split("/")[2])
                store.keys.append(credential.partition("Credential=")[2].split("/")[0])
            asked = json.loads(body or b"{}")
            status, answer = store.respond(self.command, self.path, self.headers["X-Amz-Target"] or "", asked)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever asked may have been killed meanwhile
                self.wfile.write(body)

        do_POST = do_DELETE = do_GET  # noqa: N815 - the standard library's names

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
