"""The store on its SQLite files: damage on disk, older copies, other processes, and what is set on the files."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint
from consent_ledger.core.proof import format_proof, verify_proof
from consent_ledger.sqlite_files import LOCK_FILE, shard_path
from consent_ledger.store import ShardReader, ShardStore
from schemas.errors import LedgerInconsistent, Misuse, Unavailable
from tests.support.keys import LOG, log_signer

SHARD = "shard-2026-11.db"
ALLOW_CHANGES = "DROP TRIGGER entry_is_not_changed; DROP TRIGGER entry_is_not_deleted; "


def _log(store: ShardStore, count: int) -> bytes:
    """Log a batch to the end, as the sequencer does, and give the checkpoint's note."""
    before = store.last_checkpoint()
    leaves = [f"entry {number}".encode() for number in range(store.size, store.size + count)]
    appended = store.append(leaves, [None] * count)
    note = sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), log_signer())
    store.swap_lock(before, note)
    return note


def _fill(folder: Path, *batches: int) -> bytes:
    """Make a shard of some batches, close it, and give the last checkpoint."""
    note = b""
    with ShardStore(folder, LOG) as store:
        for count in batches:
            note = _log(store, count)
    return note


def _run(folder: Path, *scripts: str, file: str = SHARD) -> None:
    """Change a file from outside, as a fault or an attacker would."""
    with closing(sqlite3.connect(folder / file)) as connection:
        for script in scripts:
            connection.executescript(script)


def _copy(folder: Path, file: str) -> bytes:
    """Read a file all of whose pages are in it, not in the write-ahead log."""
    _run(folder, "PRAGMA wal_checkpoint(TRUNCATE)", file=file)
    return (folder / file).read_bytes()


def _bring_back(folder: Path, file: str, content: bytes) -> None:
    for suffix in ("-wal", "-shm"):
        (folder / f"{file}{suffix}").unlink(missing_ok=True)
    (folder / file).write_bytes(content)


def test_files_are_set_up_for_loss_of_power(tmp_path: Path) -> None:
    """Write-ahead log, large pages, and full synchronisation on the connections that write."""
    with ShardStore(tmp_path, LOG) as store:
        shard, lock = store._write, store._write_lock  # noqa: SLF001 - a connection's setting shows on itself only
        assert [one.execute("PRAGMA synchronous").fetchone()[0] for one in (shard, lock)] == [2, 2]
        assert [one.execute("PRAGMA journal_mode").fetchone()[0] for one in (shard, lock)] == ["wal", "wal"]
        assert shard.execute("PRAGMA page_size").fetchone()[0] == 32_768


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entry SET leaf = x'00' WHERE idx = 1",
        "DELETE FROM entry WHERE idx = 1",
        "INSERT OR REPLACE INTO entry(idx, leaf) VALUES(1, x'00')",
        "INSERT INTO entry(idx, leaf) VALUES(9, x'00')",
    ],
    ids=["update", "delete", "replace", "gap"],
)
def test_entries_are_only_appended(tmp_path: Path, sql: str) -> None:
    """The file itself refuses to change, delete, replace or skip an entry."""
    _fill(tmp_path, 3)
    with pytest.raises(sqlite3.IntegrityError, match="entries are"):
        _run(tmp_path, sql)


def test_an_older_shard_is_refused(tmp_path: Path) -> None:
    """A shard restored from a backup, beside the newer lock, stops the start and says how to repair (row 6, 24)."""
    _fill(tmp_path, 2)
    older = _copy(tmp_path, SHARD)
    _fill(tmp_path, 2)
    _bring_back(tmp_path, SHARD, older)
    with pytest.raises(LedgerInconsistent, match=r"at size 4, shard-2026-11.db at 2: .* bring back the newer shard"):
        ShardStore(tmp_path, LOG)


def test_a_lost_or_older_lock_is_refused(tmp_path: Path) -> None:
    """A lock that is gone or restored from a backup stops the start as soon as a checkpoint shows it."""
    _fill(tmp_path, 1)
    older = _copy(tmp_path, LOCK_FILE)
    _fill(tmp_path, 1, 1, 1)
    _bring_back(tmp_path, LOCK_FILE, older)
    with pytest.raises(LedgerInconsistent, match=r"lost or older .* checkpoint of size 3.* newer lock file"):
        ShardStore(tmp_path, LOG)
    (tmp_path / LOCK_FILE).unlink()
    with pytest.raises(LedgerInconsistent, match="lost or older"):
        ShardStore(tmp_path, LOG)


def test_a_lock_of_another_tree_is_refused(tmp_path: Path) -> None:
    """Same size and other root stops the start for good (LEDGER section 5)."""
    _fill(tmp_path, 3)
    other = sign_checkpoint(Checkpoint(LOG, 3, b"\x05" * 32), log_signer()).decode()
    with closing(sqlite3.connect(tmp_path / LOCK_FILE)) as lock, lock:
        lock.execute("UPDATE lock SET note = ?", (other,))
    with pytest.raises(LedgerInconsistent, match="not of one history"):
        ShardStore(tmp_path, LOG)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("UPDATE entry SET leaf = x'00' WHERE idx = 299", "from 256 on do not hash"),
        ("UPDATE entry SET leaf = x'00' WHERE idx = 256", "from 256 on do not hash"),
        ("UPDATE tile SET hashes = zeroblob(1408) WHERE level = 0 AND n = 1", "not of one history"),
        ("UPDATE tile SET hashes = zeroblob(32) WHERE level = 1", "not of one history"),
        ("UPDATE tile SET hashes = substr(hashes, 33) WHERE level = 0 AND n = 1", "too narrow"),
        ("DELETE FROM tile WHERE level = 1", "tile 0 of level 1 is missing"),
        ("DELETE FROM entry WHERE idx = 298", "an entry between 256 and 300 is missing"),
    ],
)
def test_damage_at_the_edge_is_refused(tmp_path: Path, damage: str, finding: str) -> None:
    """A changed or missing entry or tile at the right edge stops the start (matrix rows 1 and 2)."""
    _fill(tmp_path, 300)
    _run(tmp_path, ALLOW_CHANGES, damage)
    with pytest.raises(LedgerInconsistent, match=finding):
        ShardStore(tmp_path, LOG)


def test_a_damaged_tail_is_refused(tmp_path: Path) -> None:
    """Entries that were committed and never locked are hashed again at the start, however many."""
    with ShardStore(tmp_path, LOG) as store:
        _log(store, 1)
        store.append([b"late %d" % number for number in range(600)], [None] * 600)
    _run(tmp_path, ALLOW_CHANGES, "UPDATE entry SET leaf = x'00' WHERE idx = 200")
    with pytest.raises(LedgerInconsistent, match="from 1 on do not hash"):
        ShardStore(tmp_path, LOG)


@pytest.mark.parametrize(
    "fault",
    [
        "AFTER INSERT ON entry WHEN new.idx = 300 BEGIN UPDATE entry SET leaf = x'00' WHERE idx = 300;",
        "AFTER UPDATE ON tile WHEN new.n = 1 BEGIN UPDATE tile SET hashes = zeroblob(8192) WHERE n = 1;",
        "AFTER INSERT ON tile WHEN new.n = 2 BEGIN UPDATE tile SET hashes = zeroblob(1280) WHERE n = 2;",
        "AFTER UPDATE ON tile WHEN new.level = 1 BEGIN UPDATE tile SET hashes = zeroblob(64) WHERE level = 1;",
        "AFTER INSERT ON tile WHEN new.n = 2 BEGIN DELETE FROM tile WHERE n = 2;",
    ],
    ids=["entry", "full tile", "new tile", "tile above", "tile gone"],
)
def test_what_was_written_is_read_back(tmp_path: Path, fault: str) -> None:
    """When the file holds something else than was handed in, the batch stops before anything is signed (row 26)."""
    with ShardStore(tmp_path, LOG) as store:
        _log(store, 290)
        _run(tmp_path, ALLOW_CHANGES, f"CREATE TRIGGER fault {fault} END")
        with pytest.raises(LedgerInconsistent, match=r"faulty|missing"):
            store.append([b"more %d" % number for number in range(262)], [None] * 262)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Bytes that are no database are a damaged ledger; a database of a later version is left alone."""
    (tmp_path / SHARD).write_bytes(b"no database" * 100)
    with pytest.raises(LedgerInconsistent, match="not a database"):
        ShardStore(tmp_path, LOG)
    (tmp_path / SHARD).unlink()
    _run(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(Misuse, match="another version"):
        ShardStore(tmp_path, LOG)


@pytest.mark.parametrize(
    "origin", ["", "musterstadt.example", "m.example/log/", "m.example/log/../x", "m.example/log/A"]
)
def test_an_origin_names_one_file(origin: str) -> None:
    """Only <federation>/log/<shard> has a file, so that no name leads out of the folder."""
    with pytest.raises(Misuse, match="origin"):
        shard_path(Path(), origin)


def test_a_busy_file_can_be_tried_again(tmp_path: Path) -> None:
    """While another process writes, a call is Unavailable; nothing was written, and the same call works later."""
    with ShardStore(tmp_path, LOG, busy_timeout_s=0.01) as store:
        _log(store, 1)
        with closing(sqlite3.connect(tmp_path / SHARD)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="locked"):
                store.append([b"entry"], [b"id"])
        assert (store.size, store.lookup(b"id")) == (1, None)
        store.append([b"entry"], [b"id"])
        assert store.entry(1) == b"entry"


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """A transaction that fails in its middle is undone: the same batch goes in when there is room again."""
    with ShardStore(tmp_path, LOG) as store:
        _log(store, 1)
        file = store._write  # noqa: SLF001 - the limit that makes a disk full is set on the connection that writes
        file.execute(f"PRAGMA max_page_count = {file.execute('PRAGMA page_count').fetchone()[0]}")
        batch = [b"x" * 60_000 for _ in range(4)]
        with pytest.raises(Unavailable, match="full"):
            store.append(batch, [None] * 4)
        file.execute("PRAGMA max_page_count = 1000000")
        assert store.append(batch, [None] * 4).size == 5


def test_a_reader_sees_what_is_committed(tmp_path: Path) -> None:
    """A reader in another thread gives entries, tiles, proofs and the locked checkpoint while the writer goes on."""

    def read() -> tuple[int, bytes, bytes | None]:
        with ShardReader(tmp_path, LOG) as reader:
            note = reader.last_checkpoint() or b""
            proof = format_proof(1, reader.inclusion_proof(1, reader.size), note)
            verify_proof(reader.entry(1), proof, CheckpointVerifier(log_signer().key))
            return reader.size, reader.tile(0, 0), reader.checkpoint(2)

    with ShardStore(tmp_path, LOG) as store, ThreadPoolExecutor(1) as thread:
        first = _log(store, 2)
        assert thread.submit(read).result() == (2, store.tile(0, 0), None)
        _log(store, 300)
        assert thread.submit(read).result() == (302, store.tile(0, 0), first)


def test_a_reader_follows_the_growing_shard(tmp_path: Path) -> None:
    """One reader kept open gives proofs at sizes that came after it was opened."""
    with ShardStore(tmp_path, LOG) as store:
        _log(store, 2)
        with ShardReader(tmp_path, LOG) as reader:
            for count in (1, 260, 5):
                _log(store, count)
                assert reader.size == store.size
                assert reader.inclusion_proof(2, reader.size) == store.inclusion_proof(2, store.size)
                assert reader.consistency_proof(2, reader.size) == store.consistency_proof(2, store.size)


def test_a_reader_makes_no_files(tmp_path: Path) -> None:
    """Reading a shard that is not there is Unavailable, and leaves nothing behind."""
    with pytest.raises(Unavailable, match="unable to open"):
        ShardReader(tmp_path, LOG)
    assert list(tmp_path.iterdir()) == []


def test_the_store_may_move_to_another_thread(tmp_path: Path) -> None:
    """Opened in one thread, the store works in the writer's thread."""
    with ShardStore(tmp_path, LOG) as store, ThreadPoolExecutor(1) as writer:
        note = writer.submit(_log, store, 3).result()
        assert store.last_checkpoint() == note


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    """Close may be called again."""
    store = ShardStore(tmp_path, LOG)
    store.close()
    store.close()


def test_shards_of_one_folder_share_the_lock_file(tmp_path: Path) -> None:
    """Two months lie side by side, each with its own line in the lock."""
    november = _fill(tmp_path, 2)
    other = "musterstadt.example/log/2026-12"
    with ShardStore(tmp_path, other) as december:
        assert december.opened.lock is None
    with ShardStore(tmp_path, LOG) as store:
        assert store.opened.lock == november


Attempt = Callable[[ShardStore], object]


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda store: store.entry(1), id="entry"),
        pytest.param(lambda store: store.tile(0, 0), id="tile"),
        pytest.param(lambda store: store.last_checkpoint(), id="last checkpoint"),
        pytest.param(lambda store: store.checkpoint(2), id="checkpoint"),
        pytest.param(lambda store: store.put_checkpoint(store.opened.lock or b""), id="put"),
    ],
)
def test_a_file_damaged_while_it_is_open_is_found(tmp_path: Path, attempt: Attempt) -> None:
    """Reading a damaged file is an inconsistent ledger, never a wrong answer."""
    _fill(tmp_path, 2)
    with ShardStore(tmp_path, LOG) as store:
        for file in (SHARD, LOCK_FILE):
            _run(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)", file=file)
            (tmp_path / file).write_bytes(b"\xff" * (tmp_path / file).stat().st_size)
        with pytest.raises(LedgerInconsistent, match="damaged"):
            attempt(store)
