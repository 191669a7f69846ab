"""The store of one shard in SQLite: entries, tiles, checkpoints and ids in one file, the lock in another.

The contract stands in `consent_ledger/ports.py`. A batch is one transaction; what it wrote is read back through another
connection and hashed again before anybody may sign it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self

from consent_ledger.core import merkle, tiles
from consent_ledger.core.checkpoint import Checkpoint, unverified_checkpoint
from consent_ledger.core.tiles import TILE_HEIGHT, TILE_WIDTH, TileTree
from consent_ledger.ports import Appended, Opened
from consent_ledger.sqlite_files import (
    BUSY_S,
    LOCK_FILE,
    NEVER_DELETED,
    connect,
    faults,
    prepare,
    shard_path,
    sync_folder,
    transaction,
)
from schemas.errors import Incomplete, LedgerInconsistent, Misuse, Pruned
from schemas.note import split_note
from schemas.wire import MAX_ENTRY_BYTES

_PAGE_BYTES: Final = 32768
"""A commit writes whole pages: smaller ones waste more of each entry, larger ones make a batch of one slower."""
_LOCK_PAGE_BYTES: Final = 4096


# `seen` is kept by index and not by id: random keys would rewrite hundreds of pages with every batch. The way from id
# to index is in memory. A tile's place is its row id: three full tiles then fit a page, with a key beside them none.
# The trigger before INSERT also stops INSERT OR REPLACE, which fires no DELETE trigger.
_SHARD_SCHEMA: Final = """
CREATE TABLE entry(idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
CREATE TABLE tile(
    id INTEGER PRIMARY KEY, hashes BLOB NOT NULL, level INTEGER AS (id >> 48), n INTEGER AS (id & 0xffffffffffff)
) STRICT;
CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE seen(idx INTEGER PRIMARY KEY, id BLOB NOT NULL) STRICT;
CREATE TRIGGER entry_is_appended BEFORE INSERT ON entry
    WHEN new.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM entry)
    BEGIN SELECT RAISE(ABORT, 'entries are appended one after the other'); END;
CREATE TRIGGER entry_is_not_changed BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
"""
_LOCK_SCHEMA: Final = "CREATE TABLE lock(origin TEXT PRIMARY KEY, note TEXT) STRICT;"
_PUT_CHECKPOINT: Final = (
    "INSERT INTO checkpoint(size, note) VALUES(?, ?) ON CONFLICT(size) DO UPDATE SET note = excluded.note"
)
_PUT_TILE: Final = (
    "INSERT INTO tile(id, hashes) VALUES(? << 48 | ?, ?) ON CONFLICT(id) DO UPDATE SET hashes = excluded.hashes"
)


class ShardReader:
    """Reads a shard through connections of its own, beside the one writer; for one thread at a time."""

    def __init__(self, folder: Path, origin: str, *, busy_timeout_s: float = BUSY_S) -> None:
        """Open the files of an existing shard; raises Unavailable when they cannot be opened."""
        self._origin = origin
        self._path = shard_path(folder, origin)
        self._lock_path = folder / LOCK_FILE
        self._tree = TileTree(self._fetch_tile)
        with ExitStack() as files:
            self._read = files.enter_context(closing(connect(self._path, busy_timeout_s, read_only=True)))
            self._read_lock = files.enter_context(closing(connect(self._lock_path, busy_timeout_s, read_only=True)))
            self._files = files.pop_all()

    def __enter__(self) -> Self:
        """Give the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    @property
    def origin(self) -> str:
        """The shard's origin."""
        return self._origin

    @property
    def size(self) -> int:
        """The number of durable entries."""
        return self._fetch_size()

    def entry(self, index: int) -> bytes:
        """Give the bytes of one entry."""
        return next(self.entries(index, index + 1))[1]

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of the entries from `start` up to `stop` in order."""
        size = self.size
        if not 0 <= start <= stop <= size:
            message = f"entries {start} to {stop}: the shard has {size}"
            raise Misuse(message)
        return self._fetch_entries(start, stop)

    def tile(self, level: int, n: int) -> bytes:
        """Give the hashes of a tile, of the last of a level all that it has by now."""
        size = self.size
        if level < 0 or n < 0 or not tiles.width_at(level, n, size):
            message = f"tile {n} of level {level}: the tree of {size} has none"
            raise Misuse(message)
        return self._fetch_tile(level, n)

    def checkpoint(self, size: int) -> bytes | None:
        """Give the checkpoint note kept for exactly this size."""
        with faults(self._path):
            row = self._read.execute("SELECT note FROM checkpoint WHERE size = ?", (size,)).fetchone()
        return None if row is None else str(row[0]).encode()

    def last_checkpoint(self) -> bytes | None:
        """Give the note that is locked, with the cosignatures put since."""
        note = self._fetch_lock()
        if note is None:
            return None
        return self.checkpoint(unverified_checkpoint(note).size) or note

    def root(self, size: int) -> bytes:
        """Give the root of the tree at an earlier or the present size."""
        self._check_size(size)
        return self._tree.root(size)

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Give the audit path of the entry at `index` in the tree of `size`."""
        self._check_size(size)
        return self._tree.inclusion_proof(index, size)

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that the tree of `new` extends that of `old`."""
        self._check_size(new)
        return self._tree.consistency_proof(old, new)

    def lookup(self, statement_id: bytes) -> int | None:
        """Give the index of the entry under this id, by looking through all of them."""
        with faults(self._path):
            row = self._read.execute("SELECT idx FROM seen WHERE id = ?", (statement_id,)).fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Close the files. Idempotent; a writer's checkpoint row that still waits is safe in the lock."""
        self._files.close()

    def _check_size(self, size: int) -> None:
        now = self.size
        if not 0 <= size <= now:
            message = f"tree of {size}: the shard has {now} entries"
            raise Misuse(message)

    def _fetch_size(self) -> int:
        with faults(self._path):
            return int(self._read.execute("SELECT coalesce(max(idx) + 1, 0) FROM entry").fetchone()[0])

    @property
    def pruned(self) -> bool:
        """True when entries were taken out whose time was over."""
        with faults(self._path):
            return self._read.execute("SELECT 1 FROM sqlite_master WHERE name = 'pruned'").fetchone() is not None

    def kept(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of those entries from `start` up to `stop` that were not taken out."""
        if not self.pruned:
            return self.entries(start, stop)
        with faults(self._path):
            found = self._read.execute("SELECT idx, leaf FROM entry WHERE idx >= ? AND idx < ?", (start, stop))
            rows: list[tuple[int, bytes]] = found.fetchall()
        return iter(sorted(rows))

    def _fetch_entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Read in short steps, so that no reader holds up the write-ahead log; a gap is LedgerInconsistent."""
        for first in range(start, stop, TILE_WIDTH):
            last = min(first + TILE_WIDTH, stop)
            with faults(self._path):
                rows: list[tuple[int, bytes]] = self._read.execute(
                    "SELECT idx, leaf FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (first, last)
                ).fetchall()
            if len(rows) != last - first and self.pruned:
                message = f"entries {first} to {last} of {self._origin}: were pruned; their hashes are still there"
                raise Pruned(message)
            if len(rows) != last - first:
                message = f"{self._path.name}: an entry between {first} and {last} is missing; bring back a whole copy"
                raise Incomplete(message)
            yield from rows

    def _fetch_tile(self, level: int, n: int) -> bytes:
        with faults(self._path):
            row = self._read.execute("SELECT hashes FROM tile WHERE id = ? << 48 | ?", (level, n)).fetchone()
        if row is None:
            message = f"{self._path.name}: tile {n} of level {level} is missing; bring back a whole copy"
            raise Incomplete(message)
        return bytes(row[0])

    def _fetch_lock(self) -> bytes | None:
        with faults(self._lock_path):
            row = self._read_lock.execute("SELECT note FROM lock WHERE origin = ?", (self._origin,)).fetchone()
        return None if row is None else str(row[0]).encode()


class ShardStore(ShardReader):
    """The one writer of a shard; see `consent_ledger.ports.Store` for what it promises."""

    def __init__(self, folder: Path, origin: str, *, busy_timeout_s: float = BUSY_S) -> None:
        """Open a shard, or make a new one, and compare it with the lock.

        `busy_timeout_s` is how long a call waits while another process writes. Raises LedgerInconsistent, with advice
        on repair, when shard and lock cannot both be right; Unavailable when a file cannot be opened or stays busy.
        """
        path = shard_path(folder, origin)
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            self._write = files.enter_context(closing(connect(path, busy_timeout_s)))
            prepare(self._write, path, _SHARD_SCHEMA + NEVER_DELETED, _PAGE_BYTES)
            self._write_lock = files.enter_context(closing(connect(folder / LOCK_FILE, busy_timeout_s)))
            prepare(self._write_lock, folder / LOCK_FILE, _LOCK_SCHEMA, _LOCK_PAGE_BYTES)
            sync_folder(folder)
            super().__init__(folder, origin, busy_timeout_s=busy_timeout_s)
            files.enter_context(self._files)
            self._load()
            self._files = files.pop_all()

    def _load(self) -> None:
        """Bring into memory what each batch needs, and compare shard and lock."""
        self._size = self._fetch_size()
        self._edge = merkle.edge(self._size, self._tree.node)
        self._partial = self._partial_tiles(self._size, {})
        with faults(self._path):
            self._seen: dict[bytes, int] = dict(self._read.execute("SELECT id, idx FROM seen"))
        self._opened = self._compare()
        self._lock = self._opened.lock
        self._locked_size = self._opened.locked_size
        self._unwritten = self._lock if self._lock and self.checkpoint(self._locked_size) is None else None

    @property
    def size(self) -> int:
        """The number of durable entries."""
        return self._size

    @property
    def opened(self) -> Opened:
        """How shard and lock compared at the start."""
        return self._opened

    def append(self, leaves: Sequence[bytes], ids: Sequence[bytes | None]) -> Appended:
        """Commit a batch in one transaction, read it back and hash it again; see the contract."""
        self._check_batch(leaves, ids)
        hashes = tuple(map(merkle.leaf_hash, leaves))
        edge = self._edge.copy()
        edge.extend(hashes)
        changed = tiles.grow(self._size, self._partial, hashes)
        seen = {name: index for index, name in enumerate(ids, self._size) if name is not None}
        with faults(self._path), transaction(self._write):
            self._write.executemany("INSERT INTO entry(idx, leaf) VALUES(?, ?)", enumerate(leaves, self._size))
            self._write.executemany(_PUT_TILE, [(level, n, tile) for (level, n), tile in changed.items()])
            self._write.executemany("INSERT INTO seen(id, idx) VALUES(?, ?)", seen.items())
            self._write_waiting_checkpoint()
        self._unwritten = None
        self._partial = self._partial_tiles(edge.size, self._read_back(edge, changed))
        self._size, self._edge = edge.size, edge
        self._seen.update(seen)
        return Appended(edge.size, edge.root(), hashes)

    def swap_lock(self, old_note: bytes | None, new_note: bytes) -> None:
        """Compare and swap the locked checkpoint note; see the contract."""
        checkpoint = self._own_checkpoint(new_note)
        if checkpoint.size != self._size:
            message = f"lock of {self._origin}: a checkpoint of size {checkpoint.size}, the shard's is {self._size}"
            raise LedgerInconsistent(message)
        if self._lock != new_note and _same_text(self._lock, old_note):
            self._write_locked(new_note.decode())
        if self._fetch_lock() != new_note:
            message = (
                f"{self._lock_path.name}: the lock of {self._origin} is not what this process left there; another "
                "sequencer writes this log. Let only one run, then start it again."
            )
            raise LedgerInconsistent(message)
        self._lock, self._locked_size = new_note, checkpoint.size
        # The row of the checkpoint rides with the next batch: the lock has the note safe already, and one more
        # transaction would be one more wait for the disk in every batch.
        self._unwritten = new_note

    def put_checkpoint(self, note: bytes) -> None:
        """Keep a checkpoint's note with its cosignatures; see the contract."""
        checkpoint = self._own_checkpoint(note)
        if checkpoint.size > self._locked_size:
            message = f"checkpoint of size {checkpoint.size}: the lock is at {self._locked_size} only"
            raise Misuse(message)
        with faults(self._path), transaction(self._write):
            self._write_waiting_checkpoint()
            self._write.execute(_PUT_CHECKPOINT, (checkpoint.size, note.decode()))
        self._unwritten = None

    def lookup(self, statement_id: bytes) -> int | None:
        """Give the index of the entry that was appended under this id."""
        return self._seen.get(statement_id)

    def _write_locked(self, note: str) -> None:
        with faults(self._lock_path):
            if self._lock is None:
                self._write_lock.execute("INSERT OR IGNORE INTO lock(origin, note) VALUES(?, ?)", (self._origin, note))
            else:
                swap = "UPDATE lock SET note = ? WHERE origin = ? AND note = ?"
                self._write_lock.execute(swap, (note, self._origin, self._lock.decode()))

    def _check_batch(self, leaves: Sequence[bytes], ids: Sequence[bytes | None]) -> None:
        named = [name for name in ids if name is not None]
        rule = None
        if self._locked_size != self._size:
            rule = f"entries {self._locked_size} to {self._size} are not under a locked checkpoint yet"
        elif not leaves or len(ids) != len(leaves):
            rule = f"{len(leaves)} entries with {len(ids)} ids; needs one or more, and one id or None for each"
        elif any(len(leaf) > MAX_ENTRY_BYTES for leaf in leaves):
            rule = f"an entry is longer than {MAX_ENTRY_BYTES} bytes"
        elif len(set(named)) != len(named) or not self._seen.keys().isdisjoint(named):
            rule = "an id is there already"
        if rule is not None:
            message = f"append to {self._origin}: {rule}"
            raise Misuse(message)

    def _write_waiting_checkpoint(self) -> None:
        if self._unwritten is not None:
            self._write.execute(_PUT_CHECKPOINT, (self._locked_size, self._unwritten.decode()))

    def _read_back(self, edge: merkle.Edge, changed: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Compare three roots: of the entries handed in, of those read back, of the tiles read back; give the tiles."""
        again = self._edge.copy()
        again.extend(merkle.leaf_hash(leaf) for _, leaf in self._fetch_entries(self._size, edge.size))
        read = {place: self._fetch_tile(*place) for place in changed}
        full = {place: self._tree.put(*place, tile) for place, tile in read.items()}
        sound = edge.root() == again.root() == self._tree.root(edge.size) and all(
            not root or root == self._tree.node(TILE_HEIGHT * (level + 1), n) for (level, n), root in full.items()
        )
        if not sound:
            message = (
                f"{self._path.name}: entries {self._size} to {edge.size} do not hash to the root computed before they "
                "were written; memory or disk of this machine is faulty. Nothing of them was signed."
            )
            raise LedgerInconsistent(message)
        return read

    def _own_checkpoint(self, note: bytes) -> Checkpoint:
        """Read a note of ours, and insist that it tells of this very tree."""
        checkpoint = unverified_checkpoint(note)
        if checkpoint.origin != self._origin:
            message = f"checkpoint of {checkpoint.origin}: this is the store of {self._origin}"
            raise LedgerInconsistent(message)
        if checkpoint.size <= self._size and checkpoint.root != self._tree.root(checkpoint.size):
            message = (
                f"checkpoint of {self._origin} at size {checkpoint.size}: its root is not the one of "
                f"{self._path.name}. They are not of one history; verify both against an export, and bring back the "
                "one at fault."
            )
            raise LedgerInconsistent(message)
        return checkpoint

    def _compare(self) -> Opened:
        """Compare shard and lock, and hash the entries of the right edge and the tail again (LEDGER, section 5)."""
        lock = self._fetch_lock()
        locked_size = self._own_checkpoint(lock).size if lock else 0
        if locked_size > self._size:
            message = (
                f"{self._lock_path.name}: the lock of {self._origin} is at size {locked_size}, {self._path.name} at "
                f"{self._size}: the shard is an older copy. Leave the lock, and bring back the newer shard file."
            )
            raise LedgerInconsistent(message)
        with faults(self._path):
            signed = self._read.execute("SELECT max(size) FROM checkpoint").fetchone()[0]
        if signed is not None and int(signed) > locked_size:
            message = (
                f"{self._lock_path.name}: the lock of {self._origin} is lost or older than {self._path.name}, which "
                f"has a checkpoint of size {signed}. Bring back the newer lock file; never start without it."
            )
            raise LedgerInconsistent(message)
        start = min(locked_size, max(self._size - 1, 0) // TILE_WIDTH * TILE_WIDTH)
        again = merkle.edge(start, self._tree.node)
        again.extend(merkle.leaf_hash(leaf) for _, leaf in self._fetch_entries(start, self._size))
        if again.root() != self._tree.root(self._size):
            message = (
                f"{self._path.name}: the entries from {start} on do not hash to the shard's tiles. Verify the shard, "
                "and bring back a sound copy."
            )
            raise LedgerInconsistent(message)
        return Opened(lock, locked_size, self._size)

    def _partial_tiles(self, size: int, read: Mapping[tuple[int, int], bytes]) -> list[bytes]:
        """Give by level the partial tile, as it was read already or else from the file; b"" where there is none."""
        partial: list[bytes] = []
        while count := size >> TILE_HEIGHT * len(partial):
            full, rest = divmod(count, TILE_WIDTH)
            place = len(partial), full
            partial.append((read.get(place) or self._fetch_tile(*place)) if rest else b"")
        return partial


def shard_origins(folder: Path) -> list[str]:
    """Give the origins of the shards that the lock file of a folder knows, in order; Unavailable when it has none."""
    path = folder / LOCK_FILE
    with closing(connect(path, BUSY_S, read_only=True)) as connection, faults(path):
        return [str(row[0]) for row in connection.execute("SELECT origin FROM lock ORDER BY origin")]


def _same_text(one: bytes | None, other: bytes | None) -> bool:
    """Tell whether two checkpoint notes, or their absence, say the same; cosignatures make no difference."""
    if one is None or other is None:
        return one is other
    return split_note(one).text == split_note(other).text
