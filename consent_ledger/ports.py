"""What the ledger's flows ask of the world outside: a store that keeps a shard of the log, and a clock.

Implementations of the store: `consent_ledger/store.py` in SQLite, and a memory store among the tests' support files.
Both pass `tests/contract/test_store.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """The time of day. It may jump either way; the log's time never runs backwards because the sequencer sees to it."""

    def now_ms(self) -> int:
        """Give the milliseconds since 1970-01-01T00:00Z."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """How shard and lock compared when a store was opened; anything worse than a tail is an exception.

    `lock` is the checkpoint note last signed, None for a log that never signed one; `locked_size` its size, `size` the
    shard's. Entries from the one to the other were committed but never answered: their statements, decisions and root
    are checked again, then a checkpoint over them is signed and the lock swapped. Nothing is deleted.
    """

    lock: bytes | None
    locked_size: int
    size: int

    @property
    def tail(self) -> range:
        """The indexes of the entries to check again; empty when shard and lock are equal."""
        return range(self.locked_size, self.size)


@dataclass(frozen=True, slots=True)
class Appended:
    """A batch that is durable: the tree's new size and root, and the leaf hash of each entry of the batch."""

    size: int
    root: bytes
    hashes: tuple[bytes, ...]


class LogReader(Protocol):
    """One shard as it can be read: what is asked for within its size is there, and never changes.

    But for entries that were pruned: asking for one of them raises Pruned.
    Asking for what lies beyond the size, or was never there, is Misuse; something missing within it is
    LedgerInconsistent; a disk that does not answer is Unavailable.
    """

    @property
    def origin(self) -> str:
        """The shard's origin."""
        ...

    @property
    def size(self) -> int:
        """The number of durable entries, those under no checkpoint yet included."""
        ...

    def entry(self, index: int) -> bytes:
        """Give the bytes of one entry."""
        ...

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of the entries from `start` up to `stop` in order."""
        ...

    def kept(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of those entries from `start` up to `stop` that were not pruned, in order."""
        ...

    def tile(self, level: int, n: int) -> bytes:
        """Give the hashes of a tile, up to 256 of 32 bytes; of the last tile of a level all that it has by now."""
        ...

    def checkpoint(self, size: int) -> bytes | None:
        """Give the checkpoint note of exactly this size, with the cosignatures put since, None when none is kept.

        The log's own latest note is kept in the lock and reaches this table with the next batch, so that a batch waits
        for the disk twice and not three times; `last_checkpoint` always has it.
        """
        ...

    def last_checkpoint(self) -> bytes | None:
        """Give the note that is locked, with the cosignatures put since; None before the first."""
        ...

    def root(self, size: int) -> bytes:
        """Give the root of the tree at an earlier or the present size."""
        ...

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Give the audit path of the entry at `index` in the tree of `size` (RFC 9162 section 2.1.3.1)."""
        ...

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that the tree of `new` extends that of `old`, 0 < old <= new (RFC 9162 section 2.1.4.1)."""
        ...


class ClosedShard(LogReader, Protocol):
    """A shard that nothing is written to any more; nodes may still ask what became of a statement they made for it."""

    @property
    def pruned(self) -> bool:
        """True when entries were taken out whose time was over; asking for one of them raises Pruned."""
        ...

    def lookup(self, statement_id: bytes) -> int | None:
        """Give the index of the entry that was appended under this id, None when there is none."""
        ...

    def close(self) -> None:
        """Close the files. Idempotent."""
        ...


class Store(LogReader, Protocol):
    """The only copy of a shard that may be written, with the lock that says what was last signed.

    * **One writer.** A store belongs to one thread at a time. Of two stores on one shard, in whatever processes, only
      one gets a batch or a lock through; the other fails with LedgerInconsistent before anything of its is answered.
    * **Durable means written through.** What `append`, `swap_lock` and `put_checkpoint` have returned from survives the
      loss of power. When they raise Unavailable it may have been written or not, and the same call may be repeated:
      where `append` had got through, its repeat is LedgerInconsistent, and opening anew shows the batch as the tail.
    * **The order is part of the contract**: append, sign, swap the lock, only then answer. The next `append` is Misuse
      until the lock covers all entries, a tail found at the start included.
    * **Append only.** Nothing here changes or deletes an entry.
    """

    @property
    def opened(self) -> Opened:
        """How shard and lock compared at the start.

        Opening raises LedgerInconsistent, with advice on repair, when the lock is newer than the shard, tells of
        another tree, or is lost, and when the entries at the right edge do not hash to its tiles.
        """
        ...

    def append(self, leaves: Sequence[bytes], ids: Sequence[bytes | None]) -> Appended:
        """Commit entries, the tiles they change and their ids in one transaction, then read all of it back.

        `ids` has one idempotency id, or None, for each leaf. The root is computed from the bytes as handed in, again
        from the entries and again from the tiles read back; LedgerInconsistent is raised when they differ, and nothing
        was signed by then. An id that is there already, an entry over 60 KiB and an empty batch are Misuse, and nothing
        is written.
        """
        ...

    def swap_lock(self, old_note: bytes | None, new_note: bytes) -> None:
        """Replace the locked checkpoint note by a newer one, if it is still `old_note` (None: if there is none).

        `old_note` may carry cosignatures that the lock lacks. The new note must be of this origin and of the present
        size and root. Raises LedgerInconsistent when it is not, or when the lock holds another checkpoint than
        `old_note`, which another sequencer put there. To repeat a swap that went through is harmless.
        """
        ...

    def put_checkpoint(self, note: bytes) -> None:
        """Keep a locked checkpoint's note with the cosignatures it has by now, in place of the one of the same size.

        Raises Misuse for a size beyond the lock, LedgerInconsistent when origin or root are not this tree's.
        """
        ...

    def lookup(self, statement_id: bytes) -> int | None:
        """Give the index of the entry that was appended under this id, None when there is none."""
        ...

    def close(self) -> None:
        """Close the files. Idempotent; nothing that was promised is lost without it."""
        ...
