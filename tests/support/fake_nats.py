"""A NATS server that does only what a test tells it to: for servers that are too old, broken or hostile."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from schemas.canonical import Json, encode

GREETING: dict[str, Json] = {
    "server_id": "fake",
    "version": "2.15.1",
    "max_payload": 1048576,
    "headers": True,
    "nonce": "nonce",
}


class Peer:
    """One connection of a client to the fake server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take an open connection."""
        self._reader = reader
        self._writer = writer

    async def greet(self, **changes: str) -> None:
        """Play a good server up to the end of the login."""
        self._writer.write(b"INFO " + encode({**GREETING, "auth_required": True, **changes}) + b"\r\n")
        await self.work_off_one_ping()

    async def work_off_one_ping(self) -> bytes:
        """Read up to the client's next ping and answer it; gives what came before it."""
        before = (await self._reader.readuntil(b"PING\r\n")).removesuffix(b"PING\r\n")
        self._writer.write(b"PONG\r\n")
        return before

    async def go_on(self) -> None:
        """Answer pings until the client hangs up."""
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                await self.work_off_one_ping()

    def say(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(raw)

    def cut(self) -> None:
        """End the connection without a word."""
        self._writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]
"""What the server does with one connection."""


@asynccontextmanager
async def fake_server(context: ssl.SSLContext, *scripts: Script) -> AsyncIterator[int]:
    """Run a server on loopback that plays one script per connection, in order; gives its port.

    A connection stays open after its script; one that comes after the last script is cut.
    """
    waiting, peers = iter(scripts), []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        peers.append(peer)
        script = next(waiting, None)
        if script is None:
            peer.cut()
        else:
            await script(peer)

    server = await asyncio.start_server(play, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for peer in peers:
            peer.cut()
        await server.wait_closed()
