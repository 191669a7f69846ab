"""A NATS peer that speaks the protocol by hand, so that a test can send what no honest client would."""

import asyncio
import base64
import json
import ssl
from typing import Self

from adapters.infra.nats_keys import sign
from schemas.canonical import encode

NEWLINE = b"\r\n"
LIMIT_S = 10.0


def publication(topic: bytes, body: bytes, *, reply: bytes = b"", headers: bytes | None = None) -> bytes:
    """Give the bytes that publish a message, whatever its topic, reply topic and header block are."""
    if headers is None:
        return b"PUB %b %b %d\r\n%b\r\n" % (topic, reply, len(body), body)
    return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (topic, reply, len(headers), len(headers) + len(body), headers, body)


class RawPeer:
    """One TLS connection that is logged in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take an open connection; use `connect`."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext, jwt: str, seed: str) -> Self:
        """Connect to a server on loopback and log in."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=1 << 22)
        peer = cls(reader, writer)
        greeting = json.loads((await peer.until(NEWLINE)).removeprefix(b"INFO "))
        signature = base64.b64encode(sign(seed, greeting["nonce"].encode())).decode()
        login = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        answer = await peer.flush(b"CONNECT " + encode({**login, "jwt": jwt, "sig": signature}) + NEWLINE)
        if answer:
            raise ConnectionRefusedError(answer.decode())
        return peer

    async def until(self, mark: bytes) -> bytes:
        """Read up to a mark and give all before it; ConnectionRefusedError with the server's words if it hangs up."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return (await self._reader.readuntil(mark)).removesuffix(mark)
        except asyncio.IncompleteReadError as error:
            raise ConnectionRefusedError(error.partial.decode(errors="replace")) from error

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(raw)

    async def flush(self, raw: bytes = b"") -> bytes:
        """Send bytes and wait until the server has worked through them; gives all it sent before it said so."""
        self._writer.write(raw + b"PING\r\n")
        return await self.until(b"PONG\r\n")

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await asyncio.wait([asyncio.ensure_future(self._writer.wait_closed())], timeout=LIMIT_S)
