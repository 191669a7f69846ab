"""The ledger's store without a disk: the contract of `consent_ledger.ports.Store`, and faults to order.

What would be on disk is in a `MemoryDisk`; opening another store on the same disk is the restart of a process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from consent_ledger.core import merkle, tiles
from consent_ledger.core.checkpoint import Checkpoint, unverified_checkpoint
from consent_ledger.ports import Appended, Opened
from schemas.errors import LedgerInconsistent, Misuse, Unavailable
from schemas.note import split_note
from schemas.wire import MAX_ENTRY_BYTES


@dataclass
class MemoryDisk:
    """What survives a crash. `faults` names steps (`append`, `swap_lock`, `put_checkpoint`) that fail once."""

    entries: list[bytes] = field(default_factory=list)
    ids: dict[bytes, int] = field(default_factory=dict)
    checkpoints: dict[int, bytes] = field(default_factory=dict)
    lock: bytes | None = None
    faults: dict[str, bool] = field(default_factory=dict)

    def fail_once(self, step: str, *, written: bool) -> None:
        """Let the next such step raise Unavailable, after it was written or before."""
        self.faults[step] = written


class MemoryStore:
    """One process's view of a disk."""

    def __init__(self, origin: str, disk: MemoryDisk | None = None) -> None:
        """Open a disk, and compare shard and lock."""
        self.origin = origin
        self.disk = disk or MemoryDisk()
        self._hashes = [merkle.leaf_hash(leaf) for leaf in self.disk.entries]
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._locked = self.disk.lock
        self._locked_size = self._own(self._locked).size if self._locked else 0
        if self._locked_size > self.size:
            message = f"lock of {origin}: at size {self._locked_size}, the shard at {self.size}: an older copy"
            raise LedgerInconsistent(message)
        if max(self.disk.checkpoints, default=0) > self._locked_size:
            message = f"lock of {origin}: lost or older than the shard, which has a later checkpoint"
            raise LedgerInconsistent(message)
        self.opened = Opened(self._locked, self._locked_size, self.size)

    @property
    def size(self) -> int:
        """The number of durable entries this process knows of."""
        return len(self._hashes)

    def entry(self, index: int) -> bytes:
        """Give the bytes of one entry."""
        return next(self.entries(index, index + 1))[1]

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of some entries."""
        if not 0 <= start <= stop <= self.size:
            message = f"entries {start} to {stop}: the shard has {self.size}"
            raise Misuse(message)
        return iter(list(enumerate(self.disk.entries[start:stop], start)))

    def tile(self, level: int, n: int) -> bytes:
        """Give the hashes of a tile."""
        width = tiles.width_at(level, n, self.size) if level >= 0 and n >= 0 else 0
        if not width:
            message = f"tile {n} of level {level}: the tree of {self.size} has none"
            raise Misuse(message)
        first = n * tiles.TILE_WIDTH
        return b"".join(self._node(level * tiles.TILE_HEIGHT, index) for index in range(first, first + width))

    def checkpoint(self, size: int) -> bytes | None:
        """Give the checkpoint note kept for a size."""
        return self.disk.checkpoints.get(size)

    def last_checkpoint(self) -> bytes | None:
        """Give the note that is locked, with the cosignatures put since."""
        return self.disk.checkpoints.get(self._locked_size, self._locked)

    def root(self, size: int) -> bytes:
        """Give the root at a size."""
        self._check_size(size)
        return merkle.edge(size, self._node).root()

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Give the audit path of an entry."""
        self._check_size(size)
        return merkle.inclusion_proof(index, size, self._node, merkle.border(size, self._node))

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof between two sizes."""
        self._check_size(new)
        return merkle.consistency_proof(old, new, self._node, merkle.border(new, self._node))

    def append(self, leaves: Sequence[bytes], ids: Sequence[bytes | None]) -> Appended:
        """Write a batch."""
        names = [name for name in ids if name is not None]
        if (
            self._locked_size != self.size
            or not leaves
            or len(ids) != len(leaves)
            or any(len(leaf) > MAX_ENTRY_BYTES for leaf in leaves)
            or len(set(names)) != len(names)
            or not self.disk.ids.keys().isdisjoint(names)
        ):
            message = f"append to {self.origin}: against the contract"
            raise Misuse(message)
        if len(self.disk.entries) != self.size:
            message = f"shard of {self.origin}: another process writes it"
            raise LedgerInconsistent(message)
        first, hashes = self.size, tuple(map(merkle.leaf_hash, leaves))
        self._fail("append", written=False)
        self.disk.entries.extend(leaves)
        self.disk.ids.update({name: index for index, name in enumerate(ids, first) if name is not None})
        if self._locked is not None:
            self.disk.checkpoints.setdefault(self._locked_size, self._locked)
        self._fail("append", written=True)
        self._hashes.extend(hashes)
        return Appended(self.size, self.root(self.size), hashes)

    def swap_lock(self, old_note: bytes | None, new_note: bytes) -> None:
        """Compare and swap the lock."""
        checkpoint = self._own(new_note)
        expected = old_note and split_note(old_note).text
        if checkpoint.size != self.size:
            message = f"lock of {self.origin}: a checkpoint of size {checkpoint.size}, the shard's is {self.size}"
            raise LedgerInconsistent(message)
        if self.disk.lock != new_note:
            if expected != (self.disk.lock and split_note(self.disk.lock).text):
                message = f"lock of {self.origin}: another sequencer writes it"
                raise LedgerInconsistent(message)
            self._fail("swap_lock", written=False)
            self.disk.lock = new_note
            self._fail("swap_lock", written=True)
        self._locked, self._locked_size = new_note, checkpoint.size

    def put_checkpoint(self, note: bytes) -> None:
        """Keep a checkpoint's note."""
        checkpoint = self._own(note)
        if checkpoint.size > self._locked_size:
            message = f"checkpoint of size {checkpoint.size}: the lock is at {self._locked_size} only"
            raise Misuse(message)
        self._fail("put_checkpoint", written=False)
        self.disk.checkpoints[checkpoint.size] = note
        self._fail("put_checkpoint", written=True)

    @property
    def pruned(self) -> bool:
        """Nothing is ever taken out of memory."""
        return False

    def kept(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of some entries."""
        return self.entries(start, stop)

    def lookup(self, statement_id: bytes) -> int | None:
        """Give the index of the entry under an id."""
        return self.disk.ids.get(statement_id)

    def close(self) -> None:
        """Do nothing: a disk in memory needs no closing."""

    def _node(self, height: int, index: int) -> bytes:
        if height == 0:
            return self._hashes[index]
        found = self._nodes.get((height, index))
        if found is None:
            found = merkle.node_hash(self._node(height - 1, 2 * index), self._node(height - 1, 2 * index + 1))
            self._nodes[height, index] = found
        return found

    def _own(self, note: bytes) -> Checkpoint:
        checkpoint = unverified_checkpoint(note)
        if checkpoint.origin != self.origin:
            message = f"checkpoint of {checkpoint.origin}: this is the store of {self.origin}"
            raise LedgerInconsistent(message)
        if checkpoint.size <= self.size and checkpoint.root != self.root(checkpoint.size):
            message = f"checkpoint of {self.origin} at size {checkpoint.size}: of another tree"
            raise LedgerInconsistent(message)
        return checkpoint

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            message = f"tree of {size}: the shard has {self.size} entries"
            raise Misuse(message)

    def _fail(self, step: str, *, written: bool) -> None:
        if self.disk.faults.get(step) is written:
            del self.disk.faults[step]
            message = f"disk in memory: {step} was made to fail"
            raise Unavailable(message)
