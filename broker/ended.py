"""The shard that a log.key is about to end: before the next one opens, the witnesses cosign it as far as it went.

Its key need not be there any more, and signs nothing: its last checkpoint is there, with its signature. Whether it is
the largest that any witness holds is asked as at every start; a larger one proves that the ledger is an older copy.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Self

from consent_ledger.core.checkpoint import CheckpointVerifier
from consent_ledger.core.shard import Shard
from consent_ledger.core.state import LedgerState
from consent_ledger.ports import Store
from schemas.ids import LogId
from schemas.note import parse_vkey


@dataclass
class EndedShard:
    """A shard for which nothing but cosignatures comes any more, as `Witnessing` looks at it.

    `state` is that of the next shard: it has the keys that are in force. The store is asked in the loop's own thread:
    nothing else is served yet that it could hold up.
    """

    state: LedgerState
    store: Store
    verifier: CheckpointVerifier
    size: int

    @classmethod
    def of(cls, state: LedgerState, store: Store) -> Self:
        """Take an ended shard of a state's."""
        shard = state.shards[LogId(store.origin)]
        return cls(state, store, CheckpointVerifier(parse_vkey(shard.vkey)), state.first - shard.first)

    @property
    def note(self) -> bytes | None:
        """Its last checkpoint, with the cosignatures it has by now."""
        return self.store.last_checkpoint()

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that the shard of size `new` extends that of size `old`."""
        return self.store.consistency_proof(old, new)

    async def cosigned(self, note: bytes) -> None:
        """Keep the last checkpoint with the cosignatures it has by now."""
        self.store.put_checkpoint(note)


def to_be_ended(state: LedgerState) -> Shard | None:
    """Give the shard that a log.key is to end as soon as its witnesses have cosigned; None where there is none."""
    if state.log in state.shards:
        return None
    ends = (one for one in state.shards.values() if one.closed is not None and one.closed.next == state.log)
    return next((one for one in ends if one.closed is not None and one.closed.root is not None), None)


@contextmanager
def ending(state: LedgerState, open_store: Callable[[LogId], Store]) -> Iterator[EndedShard | None]:
    """Open the shard that is about to be ended, if there is one, for as long as the block runs."""
    shard = to_be_ended(state)
    if shard is None:
        yield None
        return
    with closing(open_store(shard.log)) as store:
        yield EndedShard.of(state, store)
