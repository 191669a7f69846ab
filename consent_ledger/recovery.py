"""FLOW of a start: locked entries -> state; tail -> checked in full; sign, swap the lock. A crash takes the same path.

1. The locked checkpoint must be signed by this log's key, and the entries under it must hash to its root.
2. Fold those entries: what was signed is what is in force.
3. Check the tail, which was durable but never answered, again in full: signatures, counters, decisions.
4. Sign a checkpoint over it and swap the lock: from here on it is as if it had been answered.

Nothing is deleted and nothing is repaired. What contradicts itself stops the start, and the message says where.
"""

from collections.abc import Callable

from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import Edge, leaf_hash
from consent_ledger.core.state import LedgerState
from consent_ledger.ports import Store
from schemas.errors import HandschlagError, LedgerInconsistent, Malformed, NotAuthentic
from schemas.ids import LogId
from schemas.note import Signer

CheckLeaf = Callable[[LedgerState, bytes], tuple[str, str] | None]
"""Checks a leaf on the state before it and folds it in; gives the broken rule and what is wrong, or None."""


def recover(store: Store, check_leaf: CheckLeaf, signer: Signer) -> LedgerState:
    """Give the state of a store, with every entry under a signed and locked checkpoint, ready for the sequencer.

    Raises LedgerInconsistent naming index and rule when the log contradicts its lock or itself, or is not this
    signer's; Unavailable when the store does not answer: open it anew and recover again.
    """
    state, opened = LedgerState(LogId(store.origin)), store.opened
    tree = _locked_tree(store, signer)
    _fold_locked(state, store)
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


def _locked_tree(store: Store, signer: Signer) -> Edge:
    """Hash every locked entry again and compare with the root in the lock; give the tree, to be continued."""
    tree, opened = Edge(), store.opened
    if opened.lock is None:
        return tree
    try:
        locked = CheckpointVerifier(signer.key).verify(opened.lock).checkpoint
    except (Malformed, NotAuthentic) as error:
        message = f"recovery, lock, signature: {error}"
        raise LedgerInconsistent(message) from error
    tree.extend(leaf_hash(raw) for _, raw in store.entries(0, opened.locked_size))
    if (locked.size, locked.root) != (tree.size, tree.root()):
        message = f"recovery, entries up to {tree.size}, root: they do not hash to the root that was signed"
        raise LedgerInconsistent(message)
    return tree


def _fold_locked(state: LedgerState, store: Store) -> None:
    for index, raw in store.entries(0, store.opened.locked_size):
        try:
            leaf = read_leaf(raw)
            state.apply(raw, leaf.entry, leaf.statement)
        except HandschlagError as error:
            message = f"recovery, entry {index}, form: {error}"
            raise LedgerInconsistent(message) from error
