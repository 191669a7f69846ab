"""The log as the files of C2SP tlog-tiles, read beside the sequencer by a reader with a thread of its own.

Tiles are those of the open shard; entries are found in all shards, by the index that counts over all of them.
Only what lies under a signed checkpoint is shown; hash tiles and bundles never change once they are.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.tiles import TILE_WIDTH, Tile, encode_bundle, parse_tile_path, width_at
from consent_ledger.earlier import AllEntries, Earlier, Receipted
from consent_ledger.ports import LogReader
from consent_ledger.tiles import CHECKPOINT
from schemas.errors import Malformed
from schemas.ids import LogId

T = TypeVar("T")

PAGE: Final = 512
"""How many entries are looked through at a time, so that no reader keeps the others waiting."""


class Found(NamedTuple):
    """The indices of entries that were looked for, and the index to go on from."""

    indices: list[int]
    next: int


class LogFiles:
    """Tiles of hashes and bundles of entries."""

    def __init__(
        self,
        reader: LogReader,
        signed_size: Callable[[], int],
        earlier: Earlier | None = None,
        states: Callable[[str], bytes | None] = lambda _: None,
    ) -> None:
        """Take readers that nobody else uses, of the open shard and the closed ones.

        `signed_size` says how many entries of the open shard may be shown; `states` gives a state bundle by its file.
        """
        self._reader = reader
        self._states = states
        self._all = AllEntries(earlier or Earlier(), reader)
        self._signed_size = signed_size
        self._thread = ThreadPoolExecutor(1, "log-reader")

    @property
    def first(self) -> int:
        """The index of the open shard's entry 0, over all shards."""
        return self._all.first

    @property
    def oldest(self) -> int:
        """The index from which on no entry was pruned."""
        return self._all.earlier.oldest

    async def read(self, tile: Tile) -> bytes | None:
        """Give a tile or bundle of exactly this width, None when the signed log has none."""
        if width_at(tile.level, tile.n, self._signed_size()) < tile.width:
            return None
        return await self._in_thread(lambda: _read(self._reader, tile))

    @property
    def closed(self) -> list[LogId]:
        """The origins of the closed shards, the oldest first."""
        return list(self._all.earlier.logs)

    async def read_closed(self, log: LogId, path: str) -> bytes | None:
        """Give the checkpoint of a closed shard, or a tile or bundle of exactly its width; None where it has none."""
        if path == CHECKPOINT:
            return await self._in_thread(lambda: self._all.earlier.note(log))
        try:
            tile = parse_tile_path(path)
        except Malformed:
            return None
        reader = self._all.earlier.reader(log)
        if width_at(tile.level, tile.n, self._all.earlier.size(log)) < tile.width:
            return None
        return await self._in_thread(lambda: _read(reader, tile))

    def state(self, name: str) -> bytes | None:
        """Give what a shard starts from, by the name of its file; None when there is none of this name."""
        return self._states(name)

    async def find(self, start: int, stop: int, wanted: Callable[[bytes], bool]) -> Found:
        """Look through a page of entries from `start`, and give those of them before `stop` that are wanted."""
        indices: list[int] = []

        def see(index: int, raw: bytes) -> None:
            if wanted(raw):
                indices.append(index)

        return Found(indices, await self.walk(start, stop, see))

    async def walk(self, start: int, stop: int, see: Callable[[int, bytes], None]) -> int:
        """Show `see` a page of entries from `start` in order, none from `stop` on; give the index to go on from.

        `see` is called in the thread of the reader.
        """
        end = min(start + PAGE, stop)

        def look(all_entries: AllEntries) -> None:
            for index, raw in all_entries.entries(start, end) if start < end else ():
                see(index, raw)

        await self.ask(look)
        return max(start, end)

    async def ask(self, work: Callable[[AllEntries], T]) -> T:
        """Have something short looked up among the entries of all shards, in the reader's thread."""
        return await self._in_thread(lambda: work(self._all))

    async def receipt(self, index: int, note: bytes) -> Receipted:
        """Give an entry with its proof: under this checkpoint of the open shard, or under its own shard's last one."""
        return await self._in_thread(lambda: self._all.receipt(index, note))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Wait for what is being read, and free the thread; the reader stays open."""
        self._thread.shutdown()


def _read(reader: LogReader, tile: Tile) -> bytes:
    if tile.level is not None:
        return reader.tile(tile.level, tile.n)[: tile.width * HASH_BYTES]
    first = tile.n * TILE_WIDTH
    return encode_bundle([raw for _, raw in reader.entries(first, first + tile.width)])
