"""A witness of other people's logs, as C2SP tlog-witness says: what it answers to `add-checkpoint`, free of HTTP.

It remembers of each log the last checkpoint it cosigned. Comparing with that, signing, and storing the new one happen
under one lock, and the new one is stored before the answer leaves: no crash and no race makes it cosign two histories.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from consent_ledger.core.checkpoint import CheckpointVerifier, SignedCheckpoint, unverified_checkpoint
from consent_ledger.ports import Clock
from consent_ledger.witness import SIZE_TYPE, Addition, Conflict, consider, parse_addition
from schemas.errors import HandschlagError, Malformed, NotAuthentic
from schemas.note import Signer, VerifierKey, cosign, signature_line, split_note

TEXT: Final = "text/plain; charset=utf-8"
MAX_REQUEST_BYTES: Final = 512 * 1024
"""More than 63 proof lines and a checkpoint with as many signatures as a note may have."""


class Memory(Protocol):
    """Where a witness keeps what it cosigned, by the origin of the log; for one witness at a time.

    What `keep` has returned from survives the loss of power; when it raises Unavailable nothing has changed, or all.
    """

    def held(self, origin: str) -> bytes | None:
        """Give the last checkpoint note that was kept of a log, None before the first."""
        ...

    def keep(self, origin: str, note: bytes) -> None:
        """Keep a checkpoint note in place of the one before."""
        ...

    def accuse(self, origin: str, request: bytes) -> None:
        """Keep a request by which a log, with its own signature, contradicts what it signed before: it is evidence."""
        ...


class Answer(NamedTuple):
    """An answer in the terms of HTTP."""

    status: int
    content_type: str
    body: bytes


@dataclass
class WitnessService:
    """A witness with one or more keys; `logs` gives the keys of the logs it knows, by origin, as of now."""

    signers: Sequence[Signer]
    logs: Callable[[], Mapping[str, VerifierKey]]
    memory: Memory
    clock: Clock
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def add(self, unverified: bytes) -> Answer:
        """Answer an `add-checkpoint` request.

        200 has the cosignatures; 400 is for what is no such request, 404 for an unknown log, 403 for a checkpoint it
        has not signed, 409 for one that does not start from the size held, or has another root of it, 422 for a proof
        that does not hold. Raises Unavailable when what was to be answered could not be stored.
        """
        try:
            addition = parse_addition(unverified)
            origin = unverified_checkpoint(addition.note).origin
            key = self.logs().get(origin)
            if key is None:
                return Answer(404, TEXT, b"this witness does not know this log\n")
            verifier = CheckpointVerifier(key)
            verifier.verify(addition.note)
        except NotAuthentic as error:
            return _said(403, error)
        except Malformed as error:
            return _said(400, error)
        async with self._lock:
            return await asyncio.to_thread(self._decide, addition, verifier, unverified)

    async def shown(self, origin_hash: str) -> bytes | None:
        """Give the last checkpoint cosigned of the log whose origin has this SHA-256 in hex."""
        for origin in self.logs():
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                return await asyncio.to_thread(self.memory.held, origin)
        return None

    def _decide(self, addition: Addition, verifier: CheckpointVerifier, unverified: bytes) -> Answer:
        """Compare with what is held, store and sign; under the lock."""
        origin = verifier.log.name
        note = self.memory.held(origin)
        held = None if note is None else verifier.verify(note)
        try:
            judged = consider(held, addition, verifier)
        except Malformed as error:
            return _said(400, error)
        except NotAuthentic as error:
            self.memory.accuse(origin, unverified)
            if held is not None and held.checkpoint.size == unverified_checkpoint(addition.note).size:
                return _size(held.checkpoint.size)
            return _said(422, error)
        if isinstance(judged, Conflict):
            return _size(judged.held)
        return self._cosigned(judged, verifier.log)

    def _cosigned(self, judged: SignedCheckpoint, log: VerifierKey) -> Answer:
        """Sign the text as the log wrote it, keep log's and own signatures, and only then answer."""
        text, signatures = split_note(judged.note)
        at_s = self.clock.now_ms() // 1000
        lines = b"".join(cosign(text, signer, at_s) for signer in self.signers)
        own = next(one for one in signatures if (one.name, one.key_id) == (log.name, log.key_id))
        self.memory.keep(log.name, b"".join([text, b"\n", signature_line(log, own.body), lines]))
        return Answer(200, TEXT, lines)


def _size(held: int) -> Answer:
    return Answer(409, SIZE_TYPE, f"{held}\n".encode())


def _said(status: int, error: HandschlagError) -> Answer:
    return Answer(status, TEXT, f"{error}\n".encode())
