"""The start: locked entries become the state, a tail is checked in full, and what contradicts itself stops it."""

from collections.abc import Iterator

import pytest

from adapters.infra.key_files import Ed25519Signer
from broker.core.replay import replay_leaf
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint, unverified_checkpoint
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state
from consent_ledger.recovery import recover, start_from, take_snapshot
from schemas.commitment import sha256
from schemas.entries import Recorded, Rejected, encode_entry
from schemas.errors import Code, LedgerInconsistent, Unavailable
from tests.support import keys
from tests.support.ledger_world import Ledger, founded, stored
from tests.support.memory_store import MemoryDisk, MemoryStore
from tests.support.pens import LOG, PINS, changed

SIGNER = keys.log_signer()
PROGRAM = sha256(b"program")
OTHER = Ed25519Signer(LOG, b"\x05" * 32)


@pytest.fixture
def ledger() -> Ledger:
    """Give the founded log."""
    return founded()


def _recover(ledger: Ledger, disk: MemoryDisk, store: MemoryStore | None = None) -> LedgerState:
    def check(state: LedgerState, raw: bytes) -> tuple[str, str] | None:
        """Replay one leaf."""
        return replay_leaf(state, raw, ledger.decide, PINS)

    return recover(store or MemoryStore(LOG, disk), check, SIGNER)


def _fails(ledger: Ledger, disk: MemoryDisk, store: MemoryStore | None = None) -> str:
    """Recover what must not be recovered: nothing is signed; give the message."""
    lock, entries = disk.lock, list(disk.entries)
    with pytest.raises(LedgerInconsistent) as caught:
        _recover(ledger, disk, store)
    assert (disk.lock, disk.entries) == (lock, entries)
    return str(caught.value)


def test_an_empty_store_gives_an_empty_state(ledger: Ledger) -> None:
    """Before the first entry there is nothing to sign."""
    disk = MemoryDisk()
    assert _recover(ledger, disk) == LedgerState(LOG)
    assert disk.lock is None


def test_locked_entries_are_folded(ledger: Ledger) -> None:
    """What was in force is in force, and the lock is left as it is."""
    ledger.answer(ledger.asked())
    disk = stored(ledger)
    lock = disk.lock
    state = _recover(ledger, disk)
    assert (state.size, state.time, state.members) == (ledger.state.size, ledger.state.time, ledger.state.members)
    assert state.evidence == ledger.state.evidence
    assert disk.lock == lock


@pytest.mark.parametrize("locked", [0, 1, 41])
def test_a_tail_is_taken_up(ledger: Ledger, locked: int) -> None:
    """Entries without a checkpoint, or without any lock at all, are checked again, signed and locked."""
    disk = stored(ledger) if locked else MemoryDisk()
    if locked == 1:
        opening = Ledger(leaves=ledger.leaves[:1])
        disk = stored(opening)
    ledger.answer(ledger.asked())
    disk.entries[:] = ledger.leaves
    state = _recover(ledger, disk)
    assert state.evidence == ledger.state.evidence
    assert disk.lock is not None
    assert unverified_checkpoint(disk.lock).size == state.size == len(ledger.leaves)
    assert MemoryStore(LOG, disk).opened.tail == range(state.size, state.size)


def test_a_decision_nobody_made_stops_the_start(ledger: Ledger) -> None:
    """A tail entry that comes out otherwise is named by index and rule."""
    disk = stored(ledger)
    lie = Rejected(time=ledger.clock.ms, statement=ledger.sign(ledger.agency_head("amt")).decode(), reason=Code.STALE)
    disk.entries.append(encode_entry("statement.rejected", lie))
    assert f"entry {len(disk.entries) - 1}, decision" in _fails(ledger, disk)


def test_a_forged_signature_stops_the_start(ledger: Ledger) -> None:
    """A tail entry whose statement nobody signed is named."""
    disk = stored(ledger)
    note = ledger.sign(ledger.agency_head("amt")).replace(b"amt", b"kurse")
    disk.entries.append(encode_entry("agency.head", Recorded(time=ledger.clock.ms, statement=note.decode())))
    assert f"entry {len(disk.entries) - 1}, signature" in _fails(ledger, disk)


def test_a_lock_of_another_key_stops_the_start(ledger: Ledger) -> None:
    """A checkpoint that this log's key did not sign was put there by somebody else."""
    disk = stored(ledger)
    assert disk.lock is not None
    checkpoint = unverified_checkpoint(disk.lock)
    disk.lock = sign_checkpoint(checkpoint, OTHER)
    assert "lock, signature" in _fails(ledger, disk)


class BentStore(MemoryStore):
    """A store whose disk gives back an old entry with one bit turned, which its tiles do not show."""

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give entries, the tenth of them bent."""
        for index, raw in super().entries(start, stop):
            yield index, raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:] if index == 10 else raw


def test_a_bit_turned_deep_in_the_log_stops_the_start(ledger: Ledger) -> None:
    """All locked entries are hashed again, not only those at the edge."""
    disk = stored(ledger)
    assert "root" in _fails(ledger, disk, BentStore(LOG, disk))


def test_locked_entries_that_cannot_be_read_stop_the_start(ledger: Ledger) -> None:
    """Whatever was signed: what has no known form gives no state."""
    ledger.leaves.append(b"handschlag/entry/agency.head/v2\n{}\n")
    store = MemoryStore(LOG)
    appended = store.append(ledger.leaves, [None] * len(ledger.leaves))
    store.swap_lock(None, sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), SIGNER))
    assert f"entry {len(ledger.leaves) - 1}, form" in _fails(ledger, store.disk)


def test_a_log_opened_for_another_key_stops_the_start() -> None:
    """The key that signs is the one that `shard.opened` names; every node takes it from there."""
    fresh = Ledger()
    fresh.write(changed(fresh.opening(), log_vkey=OTHER.key.vkey))
    assert "log_vkey" in _fails(fresh, MemoryDisk(entries=list(fresh.leaves)))


@pytest.mark.parametrize("written", [True, False])
def test_a_start_that_is_cut_off_starts_again(ledger: Ledger, *, written: bool) -> None:
    """The swap of the lock may fail, written or not; the next start finds the tail, or finds it done."""
    disk = stored(ledger)
    ledger.answer(ledger.asked())
    disk.entries[:] = ledger.leaves
    disk.fail_once("swap_lock", written=written)
    with pytest.raises(Unavailable):
        _recover(ledger, disk)
    assert _recover(ledger, disk).size == len(ledger.leaves)
    assert disk.lock is not None
    assert unverified_checkpoint(disk.lock).size == len(ledger.leaves)


# -- with a snapshot --------------------------------------------------------------------------------------------------


class CountingStore(MemoryStore):
    """A store that tells the first index that was read of it."""

    first = 1_000_000

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give entries, and remember where they began."""
        if start < stop:
            self.first = min(self.first, start)
        return super().entries(start, stop)


def test_from_a_snapshot_only_later_entries_are_read(ledger: Ledger) -> None:
    """The start goes on behind the snapshot, through locked entries and the tail, to the state of one without it."""
    snapshot = take_snapshot(MemoryStore(LOG, stored(ledger)), SIGNER, PROGRAM)
    size = len(ledger.leaves)
    granted = ledger.asked()
    disk = stored(ledger)
    ledger.answer(granted)
    disk.entries[:] = ledger.leaves
    store = CountingStore(LOG, disk)

    def check(state: LedgerState, raw: bytes) -> tuple[str, str] | None:
        """Replay one leaf."""
        return replay_leaf(state, raw, ledger.decide, PINS)

    state = recover(store, check, SIGNER, start_from(snapshot, store, SIGNER.key, PROGRAM))
    assert store.first == size
    assert dump_state(state) == dump_state(_recover(ledger, disk))
    assert disk.lock is not None
    assert unverified_checkpoint(disk.lock).size == len(ledger.leaves)


def test_later_entries_are_hashed_from_a_snapshot_too(ledger: Ledger) -> None:
    """A bit turned behind the snapshot stops the start as it does without one."""
    snapshot = take_snapshot(MemoryStore(LOG, stored(Ledger(leaves=ledger.leaves[:8]))), SIGNER, PROGRAM)
    store = BentStore(LOG, stored(ledger))
    with pytest.raises(LedgerInconsistent, match="root"):
        recover(store, lambda _state, _raw: None, SIGNER, start_from(snapshot, store, SIGNER.key, PROGRAM))
