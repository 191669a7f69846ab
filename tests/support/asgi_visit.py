"""Calls of a web application byte by byte, below any client's manners: what a stranger may send, it must hear.

An exception that leaves the application reaches the test, with its trace: that is what a client would be told as a 500.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

Headers = Sequence[tuple[bytes, bytes]]


class Call(NamedTuple):
    """One call; `target` is a path with or without a query, as it stands in the first line of a request."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class _Exchange:
    """The two ends of one call."""

    body: bytes
    status: int = 0
    headers: Headers = ()
    received: bytes = b""
    asked: bool = False

    async def receive(self) -> Message:
        """Give the body once, then say that the caller is gone."""
        if self.asked:
            return {"type": "http.disconnect"}
        self.asked = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Take a piece of the answer."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        elif message["type"] == "http.response.body":
            self.received += message.get("body", b"")


async def visit(app: ASGIApp, call: Call) -> Answer:
    """Make a call, with the scope a server makes of it."""
    path, _, query = call.target.partition("?")
    exchange = _Exchange(call.body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower(), value) for name, value in call.headers],
        "client": ("192.0.2.7", 40_000),
        "server": ("fuzzed.example", 443),
    }
    await app(scope, exchange.receive, exchange.send)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.headers}
    return Answer(exchange.status, headers, exchange.received)
