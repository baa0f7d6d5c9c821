"""MiniStack as a command, except where its answers differ from AWS's in a way that hides or breaks what we do.

In AWS's model of CloudFront, UpdateFunction returns the new ETag in a header that is really called `ETtag`. Every SDK
is made from that model, also the one in Terraform's provider: it reads that header and publishes with its value.
MiniStack sends only `ETag`, so the publish after a change of the edge function failed. This sends both.
"""

import re
from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]
Application = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

_UPDATE_FUNCTION = re.compile(r"/\d{4}-\d\d-\d\d/function/[^/]+")


def spelled_as_by_aws(application: Application) -> Application:
    """The same ASGI application, with UpdateFunction's ETag under AWS's name for it as well."""

    async def spelled(scope: Message, receive: Receive, send: Send) -> None:
        if scope.get("method") != "PUT" or not _UPDATE_FUNCTION.fullmatch(scope["path"]):
            await application(scope, receive, send)
            return

        async def send_both(message: Message) -> None:
            headers = list(message.get("headers", ()))
            tags = [(b"ettag", value) for name, value in headers if name.lower() == b"etag"]
            await send({**message, "headers": headers + tags} if tags else message)

        await application(scope, receive, send_both)

    return spelled


def main() -> None:
    """Run it as `python -m ministack` does, environment variables and all."""
    from ministack import app as served  # noqa: PLC0415 - only where it is installed

    served.app = spelled_as_by_aws(served.app)
    served.main()


if __name__ == "__main__":
    main()
