"""Properties of tree, proofs and tiles on trees of any shape."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from consent_ledger.core import merkle, tiles
from schemas.errors import NotAuthentic
from tests.support import slow_tree

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

ENTRIES = [slow_tree.leaf(number.to_bytes(4)) for number in range(540)]
SIZES = st.integers(1, len(ENTRIES))


def _tile(level: int, n: int) -> bytes:
    """Give a tile of the largest tree, from the definition in tlog-tiles."""
    span = 256**level
    starts = range(n * 256 * span, min((n + 1) * 256 * span, len(ENTRIES) - span + 1), span)
    return b"".join(slow_tree.root(ENTRIES[start : start + span]) for start in starts)


TILES = {
    (tile.level, tile.n): _tile(tile.level, tile.n) for tile in tiles.tiles_of(len(ENTRIES)) if tile.level is not None
}


def _tree() -> tiles.TileTree:
    return tiles.TileTree(lambda level, n: TILES[level, n], capacity=3)


@settings(max_examples=40)
@given(SIZES, st.data())
def test_inclusion_proofs_from_tiles_lead_to_the_root(size: int, data: st.DataObject) -> None:
    """For every leaf of every tree, the proof read from tiles is the definition's, and verifies."""
    index = data.draw(st.integers(0, size - 1))
    proof = _tree().inclusion_proof(index, size)
    assert list(proof) == slow_tree.path(index, ENTRIES[:size])
    merkle.verify_inclusion(ENTRIES[index], index, size, proof, slow_tree.root(ENTRIES[:size]))


@settings(max_examples=40)
@given(SIZES, SIZES)
def test_consistency_proofs_from_tiles_hold(one: int, other: int) -> None:
    """Between any two sizes, the proof read from tiles is the definition's, and verifies."""
    old, new = sorted((one, other))
    proof = _tree().consistency_proof(old, new)
    assert list(proof) == slow_tree.proof(old, ENTRIES[:new])
    merkle.verify_consistency(old, new, proof, slow_tree.root(ENTRIES[:old]), slow_tree.root(ENTRIES[:new]))


@settings(max_examples=40)
@given(st.lists(st.integers(1, 300), max_size=3))
def test_growing_in_batches_gives_the_same_tiles(batches: list[int]) -> None:
    """However leaves are cut into batches, the tiles and the root are those of the whole tree."""
    edge, kept, size = merkle.Edge(), dict[tuple[int, int], bytes](), 0
    for count in batches:
        added = ENTRIES[size : size + count]
        edge.extend(added)
        kept.update(tiles.grow(size, _partial(kept, size), added))
        size += len(added)
    expected = {(tile.level, tile.n): tile.width for tile in tiles.tiles_of(size)}
    assert {place: len(hashes) // 32 for place, hashes in kept.items()} == expected
    assert all(TILES[place].startswith(hashes) for place, hashes in kept.items())
    assert edge.root() == tiles.TileTree(lambda level, n: kept[level, n]).root(size) == slow_tree.root(ENTRIES[:size])


@given(st.integers(1, 40), st.integers(0, 40), st.lists(st.binary(min_size=32, max_size=32), max_size=7))
def test_invented_proofs_prove_nothing(size: int, index: int, proof: list[bytes]) -> None:
    """A path of invented hashes never leads to the root, whatever its length."""
    assume(size > 1)
    with pytest.raises(NotAuthentic):
        merkle.verify_inclusion(ENTRIES[0], index, size, proof, slow_tree.root(ENTRIES[:size]))
    with pytest.raises(NotAuthentic):
        merkle.verify_consistency(1, size, proof, ENTRIES[1], slow_tree.root(ENTRIES[:size]))


def _partial(kept: dict[tuple[int, int], bytes], size: int) -> list[bytes]:
    """Give by level the partial tile of a tree, empty where there is none."""
    return [kept[level, size >> 8 * (level + 1)] if size >> 8 * level & 255 else b"" for level in range(8)]
