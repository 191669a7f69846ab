"""The contract of the ledger's store (`consent_ledger.ports.Store`), on the memory store and on SQLite."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consent_ledger.core import merkle, tiles
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.ports import Opened, Store
from consent_ledger.store import ShardStore
from schemas.errors import LedgerInconsistent, Misuse
from schemas.note import cosign, split_note
from schemas.wire import MAX_ENTRY_BYTES
from tests.support import slow_tree
from tests.support.keys import LOG, log_signer, witness
from tests.support.memory_store import MemoryDisk, MemoryStore

Open = Callable[[], Store]
SHORT, FULL = 3, tiles.TILE_WIDTH


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Give a function that opens the same shard anew, as a process does after its start; none is closed before."""
    disk, opened = MemoryDisk(), list[Store]()

    def start() -> Store:
        store = MemoryStore(LOG, disk) if request.param == "memory" else ShardStore(tmp_path, LOG)
        opened.append(store)
        return store

    yield start
    for store in opened:
        store.close()


def _leaves(start: int, count: int) -> list[bytes]:
    return [f"handschlag/entry-{number}/v1\n".encode() for number in range(start, start + count)]


def _note(store: Store) -> bytes:
    return sign_checkpoint(Checkpoint(LOG, store.size, store.root(store.size)), log_signer())


def _log(store: Store, count: int) -> bytes:
    """Log a batch to the end, as the sequencer does, and give the checkpoint's note."""
    before = store.last_checkpoint()
    store.append(_leaves(store.size, count), [None] * count)
    note = _note(store)
    store.swap_lock(before, note)
    return note


def test_a_new_shard_is_empty(reopen: Open) -> None:
    """Nothing is in it, nothing is locked, and shard and lock are equal."""
    store = reopen()
    assert (store.origin, store.size, store.opened) == (LOG, 0, Opened(None, 0, 0))
    assert list(store.opened.tail) == []
    assert store.root(0) == merkle.EMPTY_ROOT
    assert store.last_checkpoint() is None
    assert store.checkpoint(0) is None
    assert list(store.entries(0, 0)) == []


@pytest.mark.parametrize("batches", [[1], [1, 1, 1], [255, 1, 1], [256], [300, 300]])
def test_what_is_appended_is_there(reopen: Open, batches: list[int]) -> None:
    """After each batch size, root, entries and tiles are those of the whole tree, before and after a restart."""
    store, hashes = reopen(), list[bytes]()
    for count in batches:
        leaves = _leaves(store.size, count)
        appended = store.append(leaves, [None] * count)
        hashes.extend(map(slow_tree.leaf, leaves))
        assert (appended.size, appended.root) == (len(hashes), slow_tree.root(hashes))
        assert appended.hashes == tuple(hashes[-count:])
        store.swap_lock(store.last_checkpoint(), _note(store))
    for view in (store, reopen()):
        assert view.size == len(hashes)
        assert [leaf for _, leaf in view.entries(0, view.size)] == _leaves(0, view.size)
        assert list(view.entries(view.size - 1, view.size)) == [(view.size - 1, view.entry(view.size - 1))]
        assert view.tile(0, 0) == b"".join(hashes[:FULL])
        assert all(
            len(view.tile(tile.level or 0, tile.n)) == tile.width * merkle.HASH_BYTES
            for tile in tiles.tiles_of(view.size)
        )


def test_proofs_hold_for_every_earlier_size(reopen: Open) -> None:
    """Inclusion and consistency proofs at present and earlier sizes are those of the definition."""
    store = reopen()
    for count in (5, 1, 251, 20):
        _log(store, count)
    hashes = [slow_tree.leaf(leaf) for leaf in _leaves(0, store.size)]
    for size in (1, 5, 6, 256, 257, 277):
        assert store.root(size) == slow_tree.root(hashes[:size])
        for index in {0, size // 2, size - 1}:
            assert list(store.inclusion_proof(index, size)) == slow_tree.path(index, hashes[:size])
        assert list(store.consistency_proof((size + 1) // 2, size)) == slow_tree.proof((size + 1) // 2, hashes[:size])


def test_what_is_not_there_is_misuse(reopen: Open) -> None:
    """Entries, tiles and trees beyond the size, or before the beginning, are the caller's mistake."""
    store = reopen()
    _log(store, SHORT)
    calls: list[Callable[[], object]] = [
        lambda: store.entry(SHORT),
        lambda: store.entry(-1),
        lambda: store.entries(2, 1),
        lambda: store.entries(0, SHORT + 1),
        lambda: store.tile(0, 1),
        lambda: store.tile(1, 0),
        lambda: store.tile(-1, 0),
        lambda: store.tile(0, -1),
        lambda: store.root(SHORT + 1),
        lambda: store.root(-1),
        lambda: store.inclusion_proof(SHORT, SHORT),
        lambda: store.inclusion_proof(0, SHORT + 1),
        lambda: store.consistency_proof(0, SHORT),
        lambda: store.consistency_proof(1, SHORT + 1),
    ]
    for call in calls:
        with pytest.raises(Misuse):
            call()


def test_an_id_leads_to_its_entry(reopen: Open) -> None:
    """Ids are found at once and after a restart; entries without one are only entries."""
    store = reopen()
    store.append(_leaves(0, 3), [b"a", None, b"c"])
    store.swap_lock(None, _note(store))
    for view in (store, reopen()):
        assert [view.lookup(name) for name in (b"a", b"b", b"c")] == [0, None, 2]


@pytest.mark.parametrize(
    ("leaves", "ids"),
    [
        ([], []),
        ([b"x"], []),
        ([b"x"], [None, None]),
        ([b"x", b"y"], [b"new", b"new"]),
        ([b"x", b"y"], [b"new", b"old"]),
        ([b"x", b"y" * (MAX_ENTRY_BYTES + 1)], [b"new", None]),
    ],
    ids=["empty", "id missing", "id too many", "id twice", "id known", "too large"],
)
def test_a_batch_against_the_contract_writes_nothing(
    reopen: Open, leaves: list[bytes], ids: list[bytes | None]
) -> None:
    """A wrong batch is refused whole, and the next one goes through."""
    store = reopen()
    store.append([b"first"], [b"old"])
    store.swap_lock(None, _note(store))
    with pytest.raises(Misuse, match="append"):
        store.append(leaves, ids)
    assert (store.size, store.lookup(b"new"), reopen().size) == (1, None, 1)
    _log(store, 1)


def test_an_entry_of_60_kib_goes_in(reopen: Open) -> None:
    """61,440 bytes are taken and given back (LEDGER, matrix row 20)."""
    store = reopen()
    store.append([b"e" * MAX_ENTRY_BYTES], [None])
    assert store.entry(0) == b"e" * 61_440


def test_the_next_batch_waits_for_the_lock(reopen: Open) -> None:
    """Append is refused while entries are under no locked checkpoint, a tail found at the start included."""
    store = reopen()
    store.append([b"one"], [None])
    for view in (store, reopen()):
        with pytest.raises(Misuse, match="append"):
            view.append([b"two"], [None])
    store.swap_lock(None, _note(store))
    store.append([b"two"], [None])


def test_a_tail_is_found_and_taken_up(reopen: Open) -> None:
    """After a crash between commit and lock the tail is told, and logging goes on once it is locked."""
    store = reopen()
    note = _log(store, SHORT)
    store.append(_leaves(SHORT, 2), [None, b"late"])
    again = reopen()
    assert again.opened == Opened(note, SHORT, SHORT + 2)
    assert [leaf for _, leaf in again.entries(again.opened.tail.start, again.opened.tail.stop)] == _leaves(SHORT, 2)
    again.swap_lock(note, _note(again))
    _log(again, 1)
    assert reopen().opened.tail == range(SHORT + 3, SHORT + 3)


def test_a_first_batch_never_locked_is_a_tail(reopen: Open) -> None:
    """A crash in the very first batch leaves a tail from the beginning, and no lock."""
    reopen().append([b"one"], [None])
    again = reopen()
    assert again.opened == Opened(None, 0, 1)
    again.swap_lock(None, _note(again))
    assert reopen().opened.tail == range(1, 1)


def test_an_empty_log_may_sign_its_checkpoint(reopen: Open) -> None:
    """A checkpoint of size 0 can be locked before the first batch."""
    store = reopen()
    note = _note(store)
    store.swap_lock(None, note)
    assert reopen().last_checkpoint() == note
    _log(store, 1)


def test_the_last_checkpoint_is_the_locked_one(reopen: Open) -> None:
    """The note is there at once and after a restart; its row comes with the next batch."""
    store = reopen()
    first = _log(store, 1)
    assert store.last_checkpoint() == reopen().last_checkpoint() == first
    second = _log(store, 1)
    assert store.checkpoint(1) == reopen().checkpoint(1) == first
    assert store.last_checkpoint() == reopen().last_checkpoint() == second


def test_the_row_of_the_lock_is_made_up_after_a_restart(reopen: Open) -> None:
    """A checkpoint whose row was not written before a crash gets it with the first batch after."""
    first = _log(reopen(), 1)
    _log(reopen(), 1)
    assert reopen().checkpoint(1) == first


def test_a_swap_may_be_repeated(reopen: Open) -> None:
    """The same swap again, in the same process or the next, changes nothing and raises nothing."""
    store = reopen()
    first = _log(store, 1)
    store.swap_lock(None, first)
    again = reopen()
    again.swap_lock(None, first)
    assert again.last_checkpoint() == first


def test_a_cosigned_note_takes_the_place(reopen: Open) -> None:
    """Cosignatures put later are given with the checkpoint, and do not stop the next swap or start."""
    store = reopen()
    note = _log(store, 1)
    cosigned = note + cosign(split_note(note).text, witness(1), 1_700_000_000)
    store.put_checkpoint(cosigned)
    for view in (store, reopen()):
        assert view.checkpoint(1) == view.last_checkpoint() == cosigned
    assert reopen().opened.lock == note
    _log(store, 1)
    assert reopen().checkpoint(1) == cosigned
    later = cosigned + cosign(split_note(note).text, witness(2), 1_700_000_001)
    store.put_checkpoint(later)
    assert store.checkpoint(1) == later


def test_a_checkpoint_beyond_the_lock_is_misuse(reopen: Open) -> None:
    """Cosignatures are kept for what is locked only."""
    store = reopen()
    store.append([b"one"], [None])
    with pytest.raises(Misuse, match="the lock is at 0"):
        store.put_checkpoint(_note(store))


@pytest.mark.parametrize("change", ["origin", "root"])
def test_a_checkpoint_of_another_tree_stops(reopen: Open, change: str) -> None:
    """A note that does not tell of this very tree is neither locked nor kept."""
    store = reopen()
    store.append(_leaves(0, 3), [None] * 3)
    if change == "origin":
        wrong = _note(store).replace(b"2026-11", b"2026-12", 1)
    else:
        wrong = sign_checkpoint(Checkpoint(LOG, 3, bytes(32)), log_signer())
    with pytest.raises(LedgerInconsistent):
        store.swap_lock(None, wrong)
    with pytest.raises(LedgerInconsistent):
        store.put_checkpoint(wrong)
    assert reopen().opened.lock is None


def test_a_checkpoint_of_an_earlier_size_is_not_locked(reopen: Open) -> None:
    """The lock never goes back, not even to a checkpoint of this tree."""
    store = reopen()
    first = _log(store, 1)
    second = _log(store, 1)
    with pytest.raises(LedgerInconsistent, match="of size 1"):
        store.swap_lock(second, first)


def test_only_one_of_two_writers_wins(reopen: Open) -> None:
    """Of two sequencers on one shard the second to append, and the second to lock, stop (LEDGER, matrix row 22)."""
    before: bytes | None = None
    for index in range(2):
        one = reopen()
        other = reopen()
        one.append([b"mine"], [None])
        with pytest.raises(LedgerInconsistent):
            other.append([b"yours"], [None])
        late = reopen()
        locked = _note(one)
        one.swap_lock(before, locked)
        with pytest.raises(LedgerInconsistent):
            late.swap_lock(before, locked + cosign(split_note(locked).text, witness(1), 1))
        assert (reopen().entry(index), reopen().opened.lock) == (b"mine", locked)
        before = locked


def test_a_swap_from_another_checkpoint_stops(reopen: Open) -> None:
    """The compare of compare-and-swap: what was thought to be locked must be."""
    store = reopen()
    first = _log(store, 1)
    second = _log(store, 1)
    store.append([b"three"], [None])
    for wrong in (None, first):
        with pytest.raises(LedgerInconsistent):
            store.swap_lock(wrong, _note(store))
    assert reopen().opened.lock == second
