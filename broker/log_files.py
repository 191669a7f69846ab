"""The log as the files of C2SP tlog-tiles, read beside the sequencer by a reader with a thread of its own.

Only what lies under a signed checkpoint is shown; hash tiles and bundles never change once they are.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.proof import format_proof
from consent_ledger.core.tiles import TILE_WIDTH, Tile, encode_bundle, width_at
from consent_ledger.ports import LogReader

T = TypeVar("T")

PAGE: Final = 512
"""How many entries are looked through at a time, so that no reader keeps the others waiting."""


class Found(NamedTuple):
    """The indices of entries that were looked for, and the index to go on from."""

    indices: list[int]
    next: int


class Receipted(NamedTuple):
    """An entry's bytes, and the tlog-proof that it stands in the log."""

    entry: bytes
    proof: bytes


class LogFiles:
    """Tiles of hashes and bundles of entries."""

    def __init__(self, reader: LogReader, signed_size: Callable[[], int]) -> None:
        """Take a reader that nobody else uses, and what says how much of the log may be shown."""
        self._reader = reader
        self._signed_size = signed_size
        self._thread = ThreadPoolExecutor(1, "log-reader")

    async def read(self, tile: Tile) -> bytes | None:
        """Give a tile or bundle of exactly this width, None when the signed log has none."""
        if width_at(tile.level, tile.n, self._signed_size()) < tile.width:
            return None
        return await self.ask(lambda reader: _read(reader, tile))

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

        def look(reader: LogReader) -> None:
            for index, raw in reader.entries(start, end) if start < end else ():
                see(index, raw)

        await self.ask(look)
        return max(start, end)

    async def ask(self, work: Callable[[LogReader], T]) -> T:
        """Have something short looked up by the reader, in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._reader)

    async def receipt(self, index: int, note: bytes) -> Receipted:
        """Give an entry with its proof under this checkpoint, which must be one of this log and beyond the index."""

        def read(reader: LogReader) -> Receipted:
            path = reader.inclusion_proof(index, unverified_checkpoint(note).size)
            return Receipted(reader.entry(index), format_proof(index, path, note))

        return await self.ask(read)

    def close(self) -> None:
        """Wait for what is being read, and free the thread; the reader stays open."""
        self._thread.shutdown()


def _read(reader: LogReader, tile: Tile) -> bytes:
    if tile.level is not None:
        return reader.tile(tile.level, tile.n)[: tile.width * HASH_BYTES]
    first = tile.n * TILE_WIDTH
    return encode_bundle([raw for _, raw in reader.entries(first, first + tile.width)])
