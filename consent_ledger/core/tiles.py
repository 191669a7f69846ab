"""C2SP tiles (tlog-tiles v0.1.0): the tree as files of 256 hashes, the entries as bundles of 256.

Tile n of level l holds, from left to right, the roots of the complete subtrees of 256^l leaves that start at leaf
n * 256^(l+1). A partial tile, the last of its level, is narrower and is never hashed into the level above.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from consent_ledger.core import merkle
from consent_ledger.core.merkle import HASH_BYTES
from schemas.errors import LedgerInconsistent, Malformed, Misuse

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
MAX_LEVEL: Final = 63

_PAIR_BYTES: Final = 2 * HASH_BYTES
_NO_LAYERS: Final = (b"",) * (TILE_HEIGHT + 1)
_LENGTH_BYTES: Final = 2
_MAX_ENTRY: Final = 0xFFFF
_PATH: Final = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of a tile of hashes, or with `level` None of a bundle of entries; `width` counts what it holds."""

    level: int | None
    n: int
    width: int = TILE_WIDTH

    @property
    def end(self) -> int:
        """The index after the last leaf that the full tile spans (tlog-tiles, end index)."""
        return (self.n + 1) << TILE_HEIGHT * ((self.level or 0) + 1)


def tile_path(tile: Tile) -> str:
    """Give the path of a tile below the log's prefix, such as `tile/0/x001/x234/067` or `tile/1/000.p/17`."""
    elements = [f"{tile.n % 1000:03}"]
    rest = tile.n // 1000
    while rest:
        elements.append(f"x{rest % 1000:03}")
        rest //= 1000
    level = "entries" if tile.level is None else tile.level
    partial = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(reversed(elements))}{partial}"


def parse_tile_path(unverified: str) -> Tile:
    """Read a tile's path; raises Malformed for every spelling but the one `tile_path` writes."""
    match = _PATH.fullmatch(unverified)
    if match is not None:
        level = None if match[1] == "entries" else int(match[1])
        tile = Tile(level, int(re.sub("[x/]", "", match[2])), int(match[3] or TILE_WIDTH))
        if (tile.level or 0) <= MAX_LEVEL and tile_path(tile) == unverified:
            return tile
    message = "tile path: must be tile/<0..63 or entries>/<x000/.../000>, for a partial tile with .p/<1..255>"
    raise Malformed(message)


def width_at(level: int | None, n: int, size: int) -> int:
    """Count what the tile at this place holds in a tree of `size` leaves: 0 (no such tile) to 256."""
    return min(TILE_WIDTH, max(0, (size >> TILE_HEIGHT * (level or 0)) - n * TILE_WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Give each tile of hashes of a tree, full and partial, by level and then from left to right."""
    level = 0
    while count := size >> TILE_HEIGHT * level:
        yield from _row(level, count)
        level += 1


def bundles_of(size: int) -> Iterator[Tile]:
    """Give each entry bundle of a tree from left to right."""
    return _row(None, size)


def may_refuse(tile: Tile, minimum_index: int) -> bool:
    """Tell whether a log pruned up to `minimum_index` may refuse a tile (tlog-tiles, Pruning): full and all below."""
    return tile.width == TILE_WIDTH and tile.end <= minimum_index


def grow(size: int, partial: Sequence[bytes], leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Give the hashes of every tile that changes, by (level, n), when `leaves` (hashes) join a tree of `size`.

    `partial` holds by level the hashes of the partial tile there, empty where there is none.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level, added = 0, list(leaves)
    while added:
        before = partial[level] if level < len(partial) else b""
        hashes = before + b"".join(added)
        first = size >> TILE_HEIGHT * (level + 1)
        tiles = [hashes[start : start + TILE_BYTES] for start in range(0, len(hashes), TILE_BYTES)]
        changed.update({(level, first + offset): tile for offset, tile in enumerate(tiles)})
        added = [layers(tile)[TILE_HEIGHT] for tile in tiles if len(tile) == TILE_BYTES]
        level += 1
    return changed


def layers(hashes: bytes, narrower: Sequence[bytes] = ()) -> tuple[bytes, ...]:
    """Give a tile's hashes and, one per height, all complete nodes above them; the last of a full tile is its root.

    `narrower` are those of the same tile when it was narrower; what stands above the same hashes is taken from there.
    """
    known = narrower if narrower and hashes.startswith(narrower[0]) else _NO_LAYERS
    found = [hashes]
    for nodes in known[1:]:
        below = found[-1]
        starts = range(2 * len(nodes), len(below) - len(below) % _PAIR_BYTES, _PAIR_BYTES)
        found.append(nodes + b"".join([merkle.pair_hash(below[start : start + _PAIR_BYTES]) for start in starts]))
    return tuple(found)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Join entries as (u16 big-endian length || entry)*; raises Misuse for an entry over 65,535 bytes."""
    if any(len(entry) > _MAX_ENTRY for entry in entries):
        message = f"entry bundle: an entry is longer than {_MAX_ENTRY} bytes"
        raise Misuse(message)
    return b"".join([len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries])


def decode_bundle(unverified: bytes) -> tuple[bytes, ...]:
    """Split a bundle into its entries; raises Malformed when a length does not fit or there are more than 256."""
    entries: list[bytes] = []
    at = 0
    while at < len(unverified):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(unverified[at:start])
        if start > len(unverified) or at > len(unverified) or len(entries) == TILE_WIDTH:
            message = f"entry bundle: entry {len(entries)} does not fit"
            raise Malformed(message)
        entries.append(unverified[start:at])
    return tuple(entries)


class TileTree:
    """Roots and proofs of a tree that is looked up tile by tile; it keeps the tiles used last in memory.

    `fetch(level, n)` gives a tile's hashes, at least those that the sizes asked for need; what it raises passes
    through. A tree may grow under it. Not for more than one thread.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], *, capacity: int = 256) -> None:
        """Take the source of tiles and how many to keep, 16 KiB each."""
        self._fetch = fetch
        self._capacity = capacity
        self._tiles: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._border: tuple[int, merkle.Border] = (0, ())

    def put(self, level: int, n: int, hashes: bytes) -> bytes:
        """Keep a tile that has just become known, or wider; give its root when it is full, else nothing."""
        narrower = self._tiles.pop((level, n), ())
        if len(self._tiles) >= self._capacity:
            del self._tiles[next(iter(self._tiles))]
        kept = self._tiles[level, n] = layers(hashes, narrower)
        return kept[TILE_HEIGHT]

    def node(self, height: int, index: int) -> bytes:
        """Give the hash of the complete subtree at (height, index).

        Raises LedgerInconsistent when the tile that must hold it is too narrow.
        """
        level, above = divmod(height, TILE_HEIGHT)
        n, start = divmod(index * HASH_BYTES, TILE_BYTES >> above)
        kept = self._tiles.pop((level, n), None)
        if kept is not None:
            self._tiles[level, n] = kept
            if start < len(kept[above]):
                return kept[above][start : start + HASH_BYTES]
        self.put(level, n, self._fetch(level, n))
        found = self._tiles[level, n][above][start : start + HASH_BYTES]
        if len(found) != HASH_BYTES:
            message = f"{tile_path(Tile(level, n))}: too narrow for the tree it belongs to"
            raise LedgerInconsistent(message)
        return found

    def root(self, size: int) -> bytes:
        """Give the root of the tree at this size."""
        return merkle.edge(size, self.node).root()

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Give the audit path of a leaf in the tree of `size`; raises Misuse when it has no such leaf."""
        return merkle.inclusion_proof(index, size, self.node, self._border_of(size))

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that the tree of `new` extends the one of `old`; raises Misuse unless 0 < old <= new."""
        return merkle.consistency_proof(old, new, self.node, self._border_of(new))

    def _border_of(self, size: int) -> merkle.Border:
        if self._border[0] != size:
            self._border = (size, merkle.border(size, self.node))
        return self._border[1]


def _row(level: int | None, count: int) -> Iterator[Tile]:
    full, rest = divmod(count, TILE_WIDTH)
    for n in range(full):
        yield Tile(level, n)
    if rest:
        yield Tile(level, full, rest)
