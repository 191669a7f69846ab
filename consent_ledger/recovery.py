"""FLOW of a start: locked entries -> state; tail -> checked in full; sign, swap the lock. A crash takes the same path.

1. The locked checkpoint must be signed by this log's key, and the entries under it must hash to its root.
2. Fold those entries: what was signed is what is in force.
3. Check the tail, which was durable but never answered, again in full: signatures, counters, decisions.
4. Sign a checkpoint over it and swap the lock: from here on it is as if it had been answered.

With a snapshot that fits, 1 and 2 begin behind it: of the entries before it only the tree's nodes are read. Nothing is
deleted and nothing is repaired. What contradicts itself stops the start, and the message says where.
"""

from collections.abc import Callable

from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint, unverified_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import Edge, leaf_hash
from consent_ledger.core.snapshot import Folded, open_snapshot, seal_snapshot
from consent_ledger.core.state import LedgerState
from consent_ledger.core.succession import begin
from consent_ledger.core.tiles import TileTree
from consent_ledger.ports import LogReader, Store
from schemas.errors import HandschlagError, LedgerInconsistent, Malformed, Misuse, NotAuthentic
from schemas.ids import Hash, LogId
from schemas.note import Signer, VerifierKey

CheckLeaf = Callable[[LedgerState, bytes], tuple[str, str] | None]
"""Checks a leaf on the state before it and folds it in; gives the broken rule and what is wrong, or None."""


def recover(store: Store, check_leaf: CheckLeaf, signer: Signer, start: Folded | None = None) -> LedgerState:
    """Give the state of a store, with every entry under a signed and locked checkpoint, ready for the sequencer.

    `start` is what `start_from` gave for this store, or for a later shard `from_bundle`; it is used up. Raises
    LedgerInconsistent naming index and rule when the log contradicts its lock or itself, or is not this signer's;
    Unavailable when the store does not answer: open it anew and recover again.
    """
    opened = store.opened
    state, tree = _fold_locked(store, opened.lock, signer.key, start)
    for index, raw in store.entries(opened.locked_size, opened.size):
        tree.append(leaf_hash(raw))
        finding = check_leaf(state, raw)
        if finding is not None:
            message = f"recovery, entry {index}, {finding[0]}: {finding[1]}"
            raise LedgerInconsistent(message)
    if state.log_vkey not in {None, signer.key.vkey}:
        message = "recovery, entry 0, log_vkey: the log was opened for another key than the one that signs now"
        raise LedgerInconsistent(message)
    if opened.tail:
        note = sign_checkpoint(Checkpoint(store.origin, tree.size, tree.root()), signer)
        store.swap_lock(opened.lock, note)
    return state


def start_from(unverified_snapshot: bytes, reader: LogReader, log: VerifierKey, program: Hash) -> Folded:
    """Give what a snapshot spares a start of this log, if it fits; Malformed or NotAuthentic saying why it does not.

    `program` stands for the code that folds, as in `take_snapshot`.
    """
    lock = reader.last_checkpoint()
    locked_size = 0 if lock is None else unverified_checkpoint(lock).size
    return open_snapshot(unverified_snapshot, log, program, locked_size, TileTree(reader.tile).node)


def from_bundle(unverified_bundle: bytes, origin: str) -> Folded:
    """Give what a later shard begins with; Malformed when the bundle is none, or is of another log.

    That it is the right one is decided when its `shard.opened` is folded in.
    """
    state = begin(unverified_bundle)
    if state.log != origin:
        message = f"state: is what {state.log} starts from, not {origin}"
        raise Malformed(message)
    return Folded(state, Edge())


def take_snapshot(reader: LogReader, signer: Signer, program: Hash, start: Folded | None = None) -> bytes:
    """Fold all that is locked by now, from an earlier snapshot on where there is one, and give the snapshot of it.

    The log may grow meanwhile. Raises as `recover` does, and Misuse for a log that has no checkpoint yet.
    """
    lock = reader.last_checkpoint()
    if lock is None:
        message = f"snapshot of {reader.origin}: the log has signed no checkpoint yet"
        raise Misuse(message)
    return seal_snapshot(_fold_locked(reader, lock, signer.key, start), program, signer)


def _fold_locked(reader: LogReader, lock: bytes | None, log: VerifierKey, start: Folded | None) -> Folded:
    """Hash the locked entries behind the start and compare with the root in the lock, then fold them."""
    state, tree = start or Folded(LedgerState(LogId(reader.origin)), Edge())
    if lock is None:
        return Folded(state, tree)
    try:
        locked = CheckpointVerifier(log).verify(lock).checkpoint
    except (Malformed, NotAuthentic) as error:
        message = f"recovery, lock, signature: {error}"
        raise LedgerInconsistent(message) from error
    tree.extend(leaf_hash(raw) for _, raw in reader.entries(tree.size, locked.size))
    if (locked.size, locked.root) != (tree.size, tree.root()):
        message = f"recovery, entries up to {tree.size}, root: they do not hash to the root that was signed"
        raise LedgerInconsistent(message)
    for index, raw in reader.entries(state.entries, locked.size):
        try:
            leaf = read_leaf(raw)
            state.apply(raw, leaf.entry, leaf.statement)
        except HandschlagError as error:
            message = f"recovery, entry {index}, form: {error}"
            raise LedgerInconsistent(message) from error
    return Folded(state, tree)
