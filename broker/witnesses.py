"""How a witness is asked: an agency's node over the bus, an outside one by HTTP (C2SP tlog-witness, add-checkpoint)."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import httpx

from consent_ledger.core.checkpoint import parse_decimal, unverified_checkpoint
from consent_ledger.witness import SIZE_TYPE, format_addition
from schemas import messages as ms
from schemas.bus import Bus
from schemas.errors import Malformed, Misuse, NotAuthentic, Unavailable
from schemas.ids import AgencyId
from schemas.note import VerifierKey
from schemas.topics import node_call

ASK_TIMEOUT_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 256 * 1024
"""More than a checkpoint with as many cosignatures as a note may have; nothing larger is read."""


class Reply(NamedTuple):
    """What a witness said, none of it proven: cosignature lines, or else what it holds.

    That is the `note` of its checkpoint, or, where it shows none, its `size` alone.
    """

    lines: bytes = b""
    note: bytes = b""
    size: int = 0


class Witness(Protocol):
    """One witness within reach; `name` is what messages call it."""

    @property
    def name(self) -> str:
        """The agency's id, or the outside witness's key name."""
        ...

    async def add(self, old: int, proof: tuple[bytes, ...], note: bytes) -> Reply:
        """Ask it to cosign a checkpoint, given the size it is believed to hold and the proof from there.

        Raises Unavailable when it does not answer, NotAuthentic when it refuses without showing why, Malformed when
        its answer is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class NodeWitness:
    """An agency's node, on the bus."""

    bus: Bus
    agency: AgencyId

    @property
    def name(self) -> str:
        """The agency's id."""
        return self.agency

    async def add(self, old: int, proof: tuple[bytes, ...], note: bytes) -> Reply:
        """Ask the node."""
        request = ms.pack(ms.Witness(format_addition(old, proof, note)))
        reply = await self.bus.call(node_call(self.agency, "witness"), request, timeout_s=ASK_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Cosigned, ms.Failed)
        if isinstance(answer, ms.Cosigned):
            return Reply(answer.line, answer.larger)
        message = f"witness {self.agency}: does not cosign"
        raise Unavailable(message)


@dataclass(frozen=True)
class OutsideWitness:
    """A witness of somebody else's, under the prefix `url` of its HTTP interface; `key` is what it cosigns with."""

    url: str
    key: VerifierKey
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=ASK_TIMEOUT_S))

    @property
    def name(self) -> str:
        """The name of its key."""
        return self.key.name

    async def add(self, old: int, proof: tuple[bytes, ...], note: bytes) -> Reply:
        """Post the checkpoint; when it is refused for what the witness holds, ask to be shown that.

        200 has cosignatures; 409 says that the witness holds another size, or another root of this one; 422 that the
        proof does not lead from what it holds; 404 that it does not know this log, 403 that it knows another key.
        """
        status, kind, content = await self._ask("POST", "add-checkpoint", format_addition(old, proof, note))
        match status:
            case 200:
                return Reply(lines=content)
            case 409:
                size = self._size(kind, content)
                shown = await self._shown(note)
                if not shown and size == old:
                    message = f"witness {self.name}: holds another root of {size} entries, and does not show it"
                    raise NotAuthentic(message)
                return Reply(note=shown, size=size)
            case 422:
                shown = await self._shown(note)
                if not shown:
                    message = f"witness {self.name}: says this log does not extend what it holds, and does not show it"
                    raise NotAuthentic(message)
                return Reply(note=shown)
            case 403 | 404:
                message = f"witness {self.name}: does not know this log and its key ({status}); its operator adds them"
                raise Misuse(message)
            case _:
                message = f"witness {self.name}: answers {status}"
                raise Unavailable(message)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    async def _shown(self, note: bytes) -> bytes:
        """Give the checkpoint that the witness shows of this log, nothing where it shows none."""
        origin = unverified_checkpoint(note).origin.encode()
        status, _, content = await self._ask("GET", f"{hashlib.sha256(origin).hexdigest()}/checkpoint")
        return content if status == httpx.codes.OK else b""

    def _size(self, kind: str, content: bytes) -> int:
        what = f"witness {self.name}: size held"
        if kind.partition(";")[0].strip() != SIZE_TYPE or not content.endswith(b"\n"):
            message = f"{what}: must be a line of type {SIZE_TYPE}"
            raise Malformed(message)
        return parse_decimal(content[:-1].decode("ascii", "replace"), what)

    async def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, str, bytes]:
        """Give status, content type and content of an answer."""
        content = bytearray()
        try:
            async with (
                asyncio.timeout(ASK_TIMEOUT_S),
                self.client.stream(method, f"{self.url.rstrip('/')}/{path}", content=body) as answer,
            ):
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        message = f"witness {self.name}: its answer is larger than {MAX_ANSWER_BYTES} bytes"
                        raise Malformed(message)
                return answer.status_code, answer.headers.get("content-type", ""), bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            message = f"witness {self.name}: does not answer ({type(error).__name__})"
            raise Unavailable(message) from error
