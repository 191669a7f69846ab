"""The node as a witness: it cosigns a checkpoint only when it extends the one it cosigned before (LEDGER section 6).

The comparison and the storing of the new checkpoint are one step under a lock, stored before the cosignature leaves:
two requests at once cannot both be answered from the same old size.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from adapters.node.core.view import View
from adapters.node.covering import Covering
from adapters.node.identity import Identity
from adapters.node.outbox import Outbox
from adapters.node.store import NodeStore
from consent_ledger.core.checkpoint import (
    CheckpointVerifier,
    SignedCheckpoint,
    format_checkpoint,
    unverified_checkpoint,
)
from consent_ledger.witness import Conflict, consider, parse_addition
from schemas import messages as ms
from schemas.errors import Unavailable
from schemas.note import cosign

LOGGED_WITHIN_MS: Final = 60_000
"""How long a statement may be on its way before this node cosigns no longer."""


@dataclass
class Cosigner:
    """The witness role of a node; `behind` is told of a log that this node has not learned of yet."""

    identity: Identity
    view: View
    store: NodeStore
    covering: Covering
    outbox: Outbox
    behind: Callable[[], None]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def witness(self, request: ms.Witness) -> ms.Cosigned:
        """Answer an `add-checkpoint` body with a cosignature by each key, or, when sizes differ, what is held."""
        if not self.identity.witnesses:
            message = "witness: this node does not cosign"
            raise Unavailable(message)
        addition = parse_addition(request.request)
        origin = unverified_checkpoint(addition.note).origin
        log_key = self.view.log_key(origin)
        if log_key is None:
            # Of a shard it has not learned of it holds nothing, and it cosigns nothing before it knows the key.
            self.behind()
            return ms.Cosigned(b"", b"")
        async with self._lock:
            verifier = CheckpointVerifier(log_key)
            held = await self._held(origin, verifier)
            judged = consider(held, addition, verifier)
            if isinstance(judged, Conflict):
                return ms.Cosigned(b"", b"" if held is None else held.note)
            if held is not None:
                self._check_complete()
            followed = await self.covering.follow(judged.checkpoint)
            await self.store.write(self.store.known.cosign(judged.checkpoint.origin, judged.note), *followed)
        at_s = self.identity.clock.now_ms() // 1000
        self.covering.cosigned(at_s)
        text = format_checkpoint(judged.checkpoint)
        return ms.Cosigned(b"".join(cosign(text, signer, at_s) for signer in self.identity.witnesses), b"")

    def _check_complete(self) -> None:
        """Refuse to cosign while a statement of this agency was handed over and is not in the log.

        Only the first checkpoint is cosigned without: a broker that starts has not had the time to take what waits.
        """
        oldest = self.outbox.oldest_unanswered_ms
        if oldest is not None and self.identity.clock.now_ms() - oldest > LOGGED_WITHIN_MS:
            message = "witness: a statement of this agency was handed over and is not in the log"
            raise Unavailable(message)

    async def _held(self, origin: str, verifier: CheckpointVerifier) -> SignedCheckpoint | None:
        note = await self.store.known.cosigned(origin)
        return None if note is None else verifier.verify(note)
