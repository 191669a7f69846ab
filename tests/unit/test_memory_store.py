"""The faults one can order from the memory store, which the tests of the flows rely on."""

import pytest

from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from schemas.errors import LedgerInconsistent, Unavailable
from tests.support.keys import LOG, log_signer
from tests.support.memory_store import MemoryDisk, MemoryStore


def _note(store: MemoryStore) -> bytes:
    return sign_checkpoint(Checkpoint(LOG, store.size, store.root(store.size)), log_signer())


def test_an_append_that_fails_before_writing_can_be_repeated() -> None:
    """Nothing was written, so the same batch goes in the second time."""
    store = MemoryStore(LOG, MemoryDisk())
    store.disk.fail_once("append", written=False)
    with pytest.raises(Unavailable):
        store.append([b"one"], [b"id"])
    assert store.append([b"one"], [b"id"]).size == 1


def test_an_append_that_fails_after_writing_shows_as_a_tail() -> None:
    """It was written, so the repeat is refused, and opening anew shows the batch."""
    store = MemoryStore(LOG)
    store.disk.fail_once("append", written=True)
    with pytest.raises(Unavailable):
        store.append([b"one"], [None])
    with pytest.raises(LedgerInconsistent):
        store.append([b"one"], [None])
    assert MemoryStore(LOG, store.disk).opened.tail == range(1)


@pytest.mark.parametrize("written", [False, True])
def test_a_swap_that_fails_can_be_repeated(*, written: bool) -> None:
    """Written or not, the same swap goes through the second time."""
    store = MemoryStore(LOG)
    store.append([b"one"], [None])
    store.disk.fail_once("swap_lock", written=written)
    with pytest.raises(Unavailable):
        store.swap_lock(None, _note(store))
    assert (store.disk.lock is not None) is written
    store.swap_lock(None, _note(store))
    assert store.last_checkpoint() == _note(store)


@pytest.mark.parametrize("written", [False, True])
def test_a_cosigned_note_that_fails_can_be_repeated(*, written: bool) -> None:
    """Written or not, the same note is kept the second time."""
    store = MemoryStore(LOG)
    store.swap_lock(None, _note(store))
    store.disk.fail_once("put_checkpoint", written=written)
    with pytest.raises(Unavailable):
        store.put_checkpoint(_note(store))
    store.put_checkpoint(_note(store))
    assert store.checkpoint(0) == _note(store)


def test_an_older_disk_is_refused() -> None:
    """A lock newer than the shard, and one that is lost, stop the start as on the real disk."""
    store = MemoryStore(LOG)
    for _ in range(2):
        before = store.last_checkpoint()
        store.append([b"entry"], [None])
        store.swap_lock(before, _note(store))
    kept, store.disk.entries = store.disk.entries, store.disk.entries[:1]
    with pytest.raises(LedgerInconsistent, match="older copy"):
        MemoryStore(LOG, store.disk)
    store.disk.entries, store.disk.lock = kept, None
    with pytest.raises(LedgerInconsistent, match="lost"):
        MemoryStore(LOG, store.disk)
