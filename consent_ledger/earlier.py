"""The closed shards of a log beside the open one: their entries, receipts and hashes, by the index over all shards."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.proof import format_proof
from consent_ledger.core.shard import Shard
from consent_ledger.core.state import LedgerState
from consent_ledger.core.tiles import TILE_WIDTH
from consent_ledger.ports import ClosedShard, LogReader
from consent_ledger.store import ShardReader
from schemas.errors import LedgerInconsistent, Misuse, Pruned
from schemas.ids import LogId


class Receipted(NamedTuple):
    """An entry's bytes, and the tlog-proof that it stands in the log."""

    entry: bytes
    proof: bytes


@dataclass(frozen=True)
class Kept:
    """A closed shard, and what reads it."""

    shard: Shard
    reader: ClosedShard

    @property
    def stop(self) -> int:
        """The index behind its last entry, over all shards.

        Where a `log.key` ended it, its file may hold more: what was durable, and never signed or answered.
        """
        closed = self.shard.closed
        return self.shard.first + self.reader.size if closed is None else closed.end

    @property
    def size(self) -> int:
        """How many entries it has."""
        return self.stop - self.shard.first


class Earlier:
    """The closed shards of a log, the oldest first; for one thread at a time."""

    def __init__(self, kept: Sequence[Kept] = ()) -> None:
        """Take them, as they follow one on another from index 0 on; Misuse when they leave something out."""
        self._kept = tuple(kept)
        self.stop = 0
        for one in self._kept:
            if one.shard.first != self.stop:
                message = f"{one.shard.log}: begins at entry {one.shard.first}; the shards before it end at {self.stop}"
                raise Misuse(message)
            self.stop = one.stop
        self._by_log = {one.shard.log: one for one in self._kept}

    @classmethod
    def of(cls, folder: Path, state: LedgerState) -> "Earlier":
        """Open the shards that a state knows to be closed before its own; raises as `ShardReader` does."""
        closed = sorted((one for one in state.shards.values() if one.log != state.log), key=lambda one: one.first)
        with ExitStack() as files:
            kept = [Kept(one, files.enter_context(ShardReader(folder, one.log))) for one in closed]
            files.pop_all()
        return cls(kept)

    def __contains__(self, log: str) -> bool:
        """Tell whether a log is one of these shards."""
        return log in self._by_log

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of the entries from `start` up to `stop` that these shards still have."""
        for one in self._kept:
            first, last = max(start, one.shard.first), min(stop, one.stop)
            if first < last:
                found = one.reader.kept(first - one.shard.first, last - one.shard.first)
                yield from ((index + one.shard.first, raw) for index, raw in found)

    def receipt(self, index: int) -> Receipted:
        """Give an entry with its proof under its shard's last checkpoint; Misuse for an index beyond these shards."""
        one = next((one for one in self._kept if one.shard.first <= index < one.stop), None)
        if one is None:
            message = f"entry {index}: stands in none of the closed shards"
            raise Misuse(message)
        note = self.note(one.shard.log)
        local, size = index - one.shard.first, unverified_checkpoint(note).size
        path = one.reader.inclusion_proof(local, size)
        return Receipted(one.reader.entry(local), format_proof(local, path, note))

    @property
    def oldest(self) -> int:
        """The index from which on no entry was taken out."""
        return max((one.stop for one in self._kept if one.reader.pruned), default=0)

    @property
    def logs(self) -> tuple[LogId, ...]:
        """The origins of these shards."""
        return tuple(self._by_log)

    def reader(self, log: LogId) -> ClosedShard:
        """Give what reads one of these shards."""
        return self._by_log[log].reader

    def note(self, log: LogId) -> bytes:
        """Give a shard's last checkpoint, with its cosignatures."""
        note = self._by_log[log].reader.last_checkpoint()
        if note is None:
            message = f"{log}: is closed, and has no checkpoint"
            raise LedgerInconsistent(message)
        return note

    def lookup(self, log: LogId, statement_id: bytes) -> int | None:
        """Give the index of the entry under this id in one of these shards, None when there is none."""
        one = self._by_log[log]
        found = one.reader.lookup(statement_id)
        return None if found is None or found >= one.size else one.shard.first + found

    def hashes(self, log: LogId, first: int, most: int) -> bytes:
        """Give leaf hashes of a shard, from its own entry `first` on, at most so many."""
        one = self._by_log[log]
        return hashes_of(one.reader, first, min(one.size, first + most))

    def size(self, log: LogId) -> int:
        """Give how many entries one of these shards has."""
        return self._by_log[log].size

    def close(self) -> None:
        """Close the files. Idempotent."""
        for one in self._kept:
            one.reader.close()


@dataclass(frozen=True)
class AllEntries:
    """The entries of all shards, by the index over all of them."""

    earlier: Earlier
    newest: LogReader

    @property
    def first(self) -> int:
        """The index of the open shard's entry 0."""
        return self.earlier.stop

    def entry(self, index: int) -> bytes:
        """Give the bytes of one entry; Pruned for one that was taken out."""
        found = next(self.entries(index, index + 1), None)
        if found is None:
            message = f"entry {index}: was pruned; its hash is still there"
            raise Pruned(message)
        return found[1]

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of the entries from `start` up to `stop` that were not pruned; Misuse beyond the log."""
        yield from self.earlier.entries(start, stop)
        if stop > self.first:
            found = self.newest.entries(max(start - self.first, 0), stop - self.first)
            yield from ((index + self.first, raw) for index, raw in found)

    def receipt(self, index: int, note: bytes) -> Receipted:
        """Give an entry with its proof: under this checkpoint of the open shard, or its own shard's last one."""
        if index < self.first:
            return self.earlier.receipt(index)
        local = index - self.first
        path = self.newest.inclusion_proof(local, unverified_checkpoint(note).size)
        return Receipted(self.newest.entry(local), format_proof(local, path, note))


def hashes_of(reader: LogReader, first: int, last: int) -> bytes:
    """Cut the leaf hashes from `first` up to `last` out of the tiles of level 0."""
    if first >= last:
        return b""
    tiles = range(first // TILE_WIDTH, (last - 1) // TILE_WIDTH + 1)
    found = b"".join(reader.tile(0, n) for n in tiles)
    start = (first - tiles.start * TILE_WIDTH) * HASH_BYTES
    return found[start : start + (last - first) * HASH_BYTES]
