"""What keeps a shard of the log from being opened, closed or pruned."""

from typing import assert_never

from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.ids import LogId
from schemas.note import SignatureType, VerifierKey, parse_vkey


def shard_objection(
    state: LedgerState, statement: st.ShardOpened | st.LogKey | st.ShardClosed | st.ShardPruned
) -> str | None:
    """Say what keeps a statement about a shard from taking effect, or None; Malformed for a public key that is none."""
    match statement:
        case st.ShardOpened() | st.LogKey():
            return _opening_objection(state, statement)
        case st.ShardClosed():
            return _closing_objection(state, statement)
        case st.ShardPruned():
            return _pruning_objection(state, statement)
        case _:
            assert_never(statement)


def vkey_objection(key: VerifierKey, name: str, signature: SignatureType) -> str | None:
    """Say what is wrong with the name or the type of a public key, or None."""
    wrong = key.name != name or key.type is not signature
    return f"vkey: its name must be {name}, and its type 0x{signature:02x}" if wrong else None


def _opening_objection(state: LedgerState, statement: st.Opening) -> str | None:
    """Check that a shard is opened with the key and the state that the one before it was closed, or ended, for."""
    if state.log in state.shards:
        return "log: must be one that there was not yet"
    if statement.state != state.begun_with:
        return "state: is not the hash of what was in force when the shard before was closed"
    before = next((one for one in state.shards.values() if one.closed and one.closed.next == state.log), None)
    closed = None if before is None else before.closed
    if closed is not None and statement.log_vkey != closed.next_vkey:
        return "log_vkey: the shard before names another key"
    root = None if closed is None else closed.root
    if isinstance(statement, st.LogKey):
        ended = None if before is None or closed is None else (before.log, closed.end - before.first, root)
        if (statement.ended, statement.size, statement.root) != ended:
            return "ended, size, root: are not those of the shard before, as the state has them"
    elif root is not None:
        return "shard.opened: the shard before was not closed, only log.key goes on from it"
    return _log_key_objection(state, statement.log_vkey, state.log)


def _closing_objection(state: LedgerState, statement: st.ShardClosed) -> str | None:
    """Check that the log goes on under an origin and a key that were never used."""
    if not statement.next.startswith(f"{state.log.partition('/')[0]}/log/") or statement.next in state.shards:
        return "next: must be a log of this federation that there was not yet"
    return _log_key_objection(state, statement.next_vkey, statement.next)


def _pruning_objection(state: LedgerState, statement: st.ShardPruned) -> str | None:
    """Check that a shard is closed, whole, and past its time; nobody prunes what may still be asked for."""
    shard = state.shards.get(statement.shard)
    if shard is None or shard.closed is None:
        return "shard: is none that was closed"
    if shard.past_retention_ms is None:
        return "shard: was pruned before"
    if statement.size != shard.closed.end - shard.first:
        return f"size: the shard has {shard.closed.end - shard.first} entries, and is pruned as a whole"
    if state.time < shard.past_retention_ms:
        return f"shard: may be pruned from {shard.past_retention_ms} ms on, it is {state.time}"
    return None


def _log_key_objection(state: LedgerState, vkey: str, origin: LogId) -> str | None:
    key = parse_vkey(vkey)
    used = "vkey: the key is in use already, or was" if key.public in state.publics else None
    return vkey_objection(key, origin, SignatureType.ED25519) or used
