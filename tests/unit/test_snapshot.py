"""Snapshots: one that fits spares the folding, any other is refused with its reason; nothing is believed unsigned."""

from functools import cache

import pytest

from adapters.infra.key_files import Ed25519Signer
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint
from consent_ledger.core.merkle import Edge, leaf_hash
from consent_ledger.core.snapshot import DOMAIN, Folded, seal_snapshot
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state
from consent_ledger.recovery import start_from, take_snapshot
from schemas.commitment import sha256
from schemas.errors import LedgerInconsistent, Malformed, Misuse, NotAuthentic
from schemas.ids import LogId
from schemas.note import Signer, sign_note
from tests.support import keys
from tests.support.audited_log import told
from tests.support.ledger_world import Ledger, founded, stored
from tests.support.memory_store import MemoryDisk, MemoryStore
from tests.support.pens import LOG

SIGNER = keys.log_signer()
PROGRAM = sha256(b"program")
OTHER = Ed25519Signer(LOG, b"\x05" * 32)


@cache
def _store() -> MemoryStore:
    return MemoryStore(LOG, stored(told()))


@cache
def _snapshot() -> bytes:
    return take_snapshot(_store(), SIGNER, PROGRAM)


def _refused(snapshot: bytes, store: MemoryStore | None = None) -> str:
    with pytest.raises((Malformed, NotAuthentic)) as caught:
        start_from(snapshot, store or _store(), SIGNER.key, PROGRAM)
    return str(caught.value)


def _continued() -> tuple[Ledger, MemoryStore]:
    """Give a log that grew after the snapshot was taken."""
    ledger = told()
    ledger.answer(ledger.asked())
    return ledger, MemoryStore(LOG, stored(ledger))


def test_a_snapshot_gives_state_and_tree() -> None:
    """What it holds is the fold of all that is locked, and the tree of just these entries."""
    state, tree = start_from(_snapshot(), _store(), SIGNER.key, PROGRAM)
    assert (state.size, tree.size, tree.root()) == (_store().size, _store().size, _store().root(_store().size))
    assert state.evidence == told().state.evidence


def test_the_next_snapshot_begins_with_the_last() -> None:
    """From an earlier one on, the same bytes come out as from the first entry on."""
    _, store = _continued()
    start = start_from(_snapshot(), store, SIGNER.key, PROGRAM)
    assert start.state.size < store.size
    assert take_snapshot(store, SIGNER, PROGRAM, start) == take_snapshot(store, SIGNER, PROGRAM)


def test_a_log_without_checkpoint_has_no_snapshot() -> None:
    """Nothing is signed there yet that a snapshot could belong to; and one of another log does not fit."""
    with pytest.raises(Misuse, match="no checkpoint yet"):
        take_snapshot(MemoryStore(LOG), SIGNER, PROGRAM)
    assert "the log is locked at 0" in _refused(_snapshot(), MemoryStore(LOG))


def test_what_is_signed_by_another_key_is_refused() -> None:
    """Whoever can write the file and lacks the log's key cannot make anything be in force."""
    state = start_from(_snapshot(), _store(), SIGNER.key, PROGRAM)
    assert "not signed by any known key" in _refused(seal_snapshot(state, PROGRAM, OTHER))


def test_what_another_program_folded_is_refused() -> None:
    """It may have given entries another meaning, or known less of them."""
    with pytest.raises(NotAuthentic, match="another version of this program"):
        start_from(_snapshot(), _store(), SIGNER.key, sha256(b"the next one"))


def test_a_changed_state_is_refused() -> None:
    """A state that was changed or cut off is not the one that was signed."""
    changed = _snapshot().replace(b'"uses":', b'"used":', 1)
    assert changed != _snapshot()
    assert "not the one that was signed" in _refused(changed)
    assert "not the one that was signed" in _refused(_snapshot()[:-1])


def test_a_changed_note_is_refused() -> None:
    """Size, root and hash are under the signature; what is no note at all is refused as such."""
    size = f"\n{_store().size}\n".encode()
    assert _refused(_snapshot().replace(size, b"\n1\n", 1))
    for kept in (0, 10, 100, 200, 300):
        assert _refused(_snapshot()[:kept])


def test_a_newer_snapshot_is_refused() -> None:
    """A shard and lock brought back from a backup do not reach as far as the snapshot does."""
    _, store = _continued()
    newer = take_snapshot(store, SIGNER, PROGRAM)
    assert f"of {store.size} entries, the log is locked at {_store().size}" in _refused(newer)


def test_an_unlocked_entry_is_no_part_of_a_snapshot() -> None:
    """What was never answered stays the tail, to be checked in full at the start."""
    ledger, store = _continued()
    disk = MemoryDisk(list(ledger.leaves), lock=stored(told()).lock)
    assert take_snapshot(MemoryStore(LOG, disk), SIGNER, PROGRAM) == _snapshot()
    assert "the log is locked at" in _refused(take_snapshot(store, SIGNER, PROGRAM), MemoryStore(LOG, disk))


def test_a_snapshot_of_another_history_is_refused() -> None:
    """Signed by the same key and not larger, but of a tree that is not this log's."""
    other = founded()
    other.answer(other.asked())
    assert "of another history" in _refused(take_snapshot(MemoryStore(LOG, stored(other)), SIGNER, PROGRAM))


def _sealed(lines: list[str], state: LedgerState, signer: Signer = SIGNER) -> bytes:
    return sign_note(("\n".join(lines) + "\n").encode(), [signer]) + b"\n" + dump_state(state)


def test_what_the_key_signed_for_another_purpose_is_refused() -> None:
    """A checkpoint is no snapshot, and the note of a snapshot is no checkpoint."""
    lock = _store().last_checkpoint()
    assert lock is not None
    assert DOMAIN in _refused(lock + b"\n" + dump_state(LedgerState(LogId(LOG))))
    note = b"\n\n".join(_snapshot().split(b"\n\n")[:2]) + b"\n"
    with pytest.raises(Malformed):
        CheckpointVerifier(SIGNER.key).verify(note)


@pytest.mark.parametrize("state", [LedgerState(LogId(LOG), size=4), LedgerState(LogId(f"{LOG}-x"), size=3)])
def test_a_state_of_another_place_is_refused(state: LedgerState) -> None:
    """The state says itself where it belongs, and the note must say the same."""
    tree = Edge()
    tree.extend(map(leaf_hash, told().leaves[:3]))
    lines = seal_snapshot(Folded(LedgerState(LogId(LOG), size=3), tree), PROGRAM, SIGNER).decode().split("\n")[:6]
    lines[5] = seal_snapshot(Folded(state, tree), PROGRAM, SIGNER).decode().split("\n")[5]
    assert "its state is of" in _refused(_sealed(lines, state))


def test_a_snapshot_is_taken_of_sound_entries_only() -> None:
    """Entries that do not hash to the signed root give none."""
    disk = stored(told())
    checkpoint = Checkpoint(LOG, len(disk.entries), b"\x01" * 32)
    store = MemoryStore(LOG, disk)
    store.disk.checkpoints[store.size] = sign_checkpoint(checkpoint, SIGNER)
    with pytest.raises(LedgerInconsistent, match="root"):
        take_snapshot(store, SIGNER, PROGRAM)
