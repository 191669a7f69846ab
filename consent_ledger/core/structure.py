"""The tree of a whole log computed again from its entries, beside what its tiles say: who is right is told by the root.

Tiles are taken from left to right, so that only one hash for 256 entries is kept. Each tile of level 0 comes twice: as
computed from the entries, and as stored. Where the two differ, the one that leads to the root the log signed is right,
and the other is named; when neither does, both stand as they are and the root is wrong, too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from consent_ledger.core.checkpoint import Checkpoint
from consent_ledger.core.findings import Finding, Verdict, verdict_of
from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.tiles import (
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileTree,
    layers,
    tile_path,
    width_at,
)
from schemas.errors import HandschlagError

_NAMED: Final = 16
"""How many differing hashes of one tile are named."""

FetchTile = Callable[[int, int], bytes]
"""Gives what is stored for a tile (level, n); raises what `verdict_of` understands."""


def hash_entries(entries: Sequence[bytes]) -> bytes:
    """Give the leaf hashes of entries, one after the other."""
    return b"".join([sha256(b"\x00" + entry).digest() for entry in entries])


@dataclass
class _Row:
    """Level 0 of one version of the tree: the roots of its full tiles, and the hashes of the tile after them."""

    roots: bytearray = field(default_factory=bytearray)
    partial: bytes = b""

    def take(self, hashes: bytes) -> None:
        """Take the next tile."""
        if len(hashes) == TILE_BYTES:
            self.roots += layers(hashes)[TILE_HEIGHT]
        else:
            self.partial = hashes

    def root(self, size: int) -> bytes:
        """Give the root of the tree of this size."""
        rows = self.upper()

        def fetch(level: int, n: int) -> bytes:
            row = rows[level - 1] if level else self.partial
            return row[n * TILE_BYTES : (n + 1) * TILE_BYTES] if level else row

        return TileTree(fetch).root(size)

    def upper(self) -> list[bytes]:
        """Give the hashes of level 1, of level 2 and so on."""
        rows = [bytes(self.roots)]
        while len(rows[-1]) >= TILE_BYTES:
            full = (rows[-1][start : start + TILE_BYTES] for start in range(0, len(rows[-1]), TILE_BYTES))
            rows.append(b"".join([layers(tile)[TILE_HEIGHT] for tile in full if len(tile) == TILE_BYTES]))
        return rows


@dataclass
class _Differing:
    """A tile of level 0 that is stored with other hashes than its entries have; each as far as it is known."""

    n: int
    computed: bytes
    stored: bytes


class TreeCheck:
    """Takes a log tile by tile, then compares with the checkpoint."""

    def __init__(self, size: int, report: Callable[[Finding], None], saved_size: int = 0) -> None:
        """Take the size of the tree; `saved_size` is an earlier size whose root will be asked for, 0 for none."""
        self._size = size
        self._report = report
        self._saved_size = saved_size
        self._computed, self._stored = _Row(), _Row()
        self._saved = _Row()
        self._differing: list[_Differing] = []
        self._known = True

    def take(self, n: int, computed: bytes, stored: bytes) -> None:
        """Take tile n of level 0 as computed from the entries and as stored; what could not be read is shorter."""
        width = width_at(0, n, self._size) * HASH_BYTES
        if computed == stored and len(stored) == width:
            self._computed.take(stored)
            self._stored.take(stored)
            self._take_saved(n, stored)
            return
        self._differing.append(_Differing(n, computed, stored))
        # What one of the two lacks is taken from the other, so that one lost file does not hide what else is wrong.
        computed, stored = computed + stored[len(computed) : width], stored[:width] + computed[len(stored) :]
        self._known = self._known and len(computed) == len(stored) == width
        self._computed.take(computed)
        self._stored.take(stored)
        self._take_saved(n, computed)

    def _take_saved(self, n: int, hashes: bytes) -> None:
        width = width_at(0, n, self._saved_size) * HASH_BYTES
        if width:
            self._saved.take(hashes[:width])

    def stop(self) -> None:
        """Say that no more tiles come, though the log has more."""
        self._known = False

    def saved_root(self) -> bytes:
        """Give the root of the entries at `saved_size`; empty when too much is missing."""
        return self._saved.root(self._saved_size) if self._known else b""

    def finish(self, signed: Checkpoint, fetch: FetchTile) -> None:
        """Compare with the root the log signed, and every stored tile above level 0 with what it must hold."""
        if not self._known:
            self._report_differing(blame_stored=True, blame_entries=True)
            return
        computed, stored = self._computed.root(self._size), self._stored.root(self._size)
        right = self._stored if signed.root == stored != computed else self._computed
        if signed.root not in (computed, stored):
            self._report(_finding("root", signed.root.hex(), computed.hex(), path="checkpoint"))
        self._report_differing(blame_stored=signed.root != stored, blame_entries=signed.root != computed)
        for level, row in enumerate(right.upper(), 1):
            for n in range((len(row) + TILE_BYTES - 1) // TILE_BYTES):
                self._compare_tile(level, n, row[n * TILE_BYTES : (n + 1) * TILE_BYTES], fetch)

    def _report_differing(self, *, blame_stored: bool, blame_entries: bool) -> None:
        for one in self._differing:
            width = width_at(0, one.n, self._size)
            self._report_short(Tile(0, one.n, width), one.stored)
            if blame_stored:
                self._report_tile(Tile(0, one.n, width), one.computed, one.stored)
            if blame_entries:
                self._report_entries(one, width)

    def _report_entries(self, one: _Differing, width: int) -> None:
        path = tile_path(Tile(None, one.n, width))
        for place in [*_places(one.computed, one.stored)][:_NAMED]:
            expected, found = _hash(one.stored, place).hex(), _hash(one.computed, place).hex()
            self._report(_finding("entry", expected, found, path=path, index=one.n * TILE_WIDTH + place))

    def _compare_tile(self, level: int, n: int, expected: bytes, fetch: FetchTile) -> None:
        tile = Tile(level, n, len(expected) // HASH_BYTES)
        try:
            found = fetch(level, n)
        except HandschlagError as error:
            self._report(Finding(verdict_of(error), "tile", "a tile", str(error), path=tile_path(tile)))
        else:
            self._report_short(tile, found)
            self._report_tile(tile, expected, found)

    def _report_short(self, tile: Tile, found: bytes) -> None:
        """Name a stored tile that is cut short; one that is missing was named when it was read."""
        width = tile.width * HASH_BYTES
        if 0 < len(found) < width:
            finding = Finding(
                Verdict.INCOMPLETE, "tile", f"{width} bytes", f"{len(found)} bytes", None, tile_path(tile)
            )
            self._report(finding)

    def _report_tile(self, tile: Tile, expected: bytes, found: bytes) -> None:
        """Name the hashes of a stored tile that are wrong."""
        path = tile_path(tile)
        for place in [*_places(expected, found)][:_NAMED]:
            index = tile.n * TILE_WIDTH + place if tile.level == 0 else None
            self._report(
                _finding("tile", _hash(expected, place).hex(), _hash(found, place).hex(), path=path, index=index)
            )


def _places(one: bytes, other: bytes) -> Iterator[int]:
    """Give the places of hashes that both have and that differ."""
    for place in range(min(len(one), len(other)) // HASH_BYTES):
        if _hash(one, place) != _hash(other, place):
            yield place


def _hash(hashes: bytes, place: int) -> bytes:
    return hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES]


def _finding(rule: str, expected: str, found: str, *, path: str, index: int | None = None) -> Finding:
    return Finding(Verdict.TAMPERED, rule, expected, found, index, path)
