"""From one shard to the next: what is in force when a shard closes is the bundle that the next one must start from.

`shard.closed` in the old shard and `shard.opened` in the new one hold the bundle's hash. Whoever has the old shard
computes it again; whoever has not, because it was pruned, starts from the bundle, which two steering keys signed for.

A shard whose key was lost or stolen takes no such last entry: `log.key` in the new shard names its last checkpoint, and
the bundle is that of the state as of there.
"""

from dataclasses import replace

from consent_ledger.core.shard import Succession
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state, load_state
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Closed
from schemas.errors import Malformed, Misuse
from schemas.ids import Hash, LogId


def hand_over(state: LedgerState) -> bytes:
    """Let the state of a closed shard go on, in place, as that of the next one; give the bundle of it.

    Raises Misuse for a shard that is not closed.
    """
    closed = state.closed
    if closed is None:
        message = f"{state.log}: is not closed, nothing follows on it yet"
        raise Misuse(message)
    state.move_on(closed)
    bundle = dump_state(state)
    state.begun_with = sha256(bundle)
    return bundle


def end(state: LedgerState, root: bytes, following: LogId, vkey: str) -> bytes:
    """End the open shard where it stands, in place, for another that `vkey` signs; give the bundle as `hand_over`.

    `root` is of the shard's tree of so many entries, 32 bytes. The time it ends at is its last entry's, as long as
    nobody has logged the `log.key`. Raises Misuse for a shard that was never opened.
    """
    state.close(Succession(state.size, state.time, following, vkey, Hash(root.hex())))
    return hand_over(state)


def begin(unverified: bytes) -> LedgerState:
    """Read the bundle that a shard starts from; Malformed when it is of another form, or of an open shard.

    Nothing here proves it: its hash must be that of a `shard.opened` which two steering keys signed.
    """
    state = load_state(unverified)
    if state.entries or state.log in state.shards:
        message = f"state: is of {state.log} after its opening, and no shard starts from that"
        raise Malformed(message)
    state.begun_with = sha256(unverified)
    return state


def closing_state(state: LedgerState, statement: st.ShardClosed, note: str, time_ms: int) -> Hash:
    """Give the hash of what would be handed over if the shard were closed now by this note; changes nothing."""
    twin = replace(state, chain_indices=list(state.chain_indices), shards=dict(state.shards))
    twin.apply(b"", Closed(time=time_ms, statement=note, state=st.NO_PREVIOUS), statement)
    return sha256(hand_over(twin))
