"""Tiles and bundles: paths, widths, growth, pruning (tlog-tiles v0.1.0)."""

import pytest

from consent_ledger.core import merkle, tiles
from consent_ledger.core.tiles import Tile, TileTree
from schemas.errors import LedgerInconsistent, Malformed, Misuse
from tests.support import slow_tree

LEAVES = [merkle.leaf_hash(number.to_bytes(2)) for number in range(520)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999, 1), "tile/0/999.p/1"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(63, 1_234_067, 255), "tile/63/x001/x234/067.p/255"),
        (Tile(None, 5), "tile/entries/005"),
        (Tile(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_a_path_is_written_and_read_the_same_way(tile: Tile, path: str) -> None:
    """Paths have no height element, three digits per part, an x before all but the last, and .p for partial tiles."""
    assert tiles.tile_path(tile) == path
    assert tiles.parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/8/0/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000/",
        "tile/data/000",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/../000",
        "checkpoint",
    ],
)
def test_every_other_spelling_of_a_path_is_malformed(path: str) -> None:
    """A tile has one path, so a cache holds it once and no path leads out of the folder."""
    with pytest.raises(Malformed, match="tile path"):
        tiles.parse_tile_path(path)


def test_the_specification_example_has_these_tiles() -> None:
    """A tree of 70,000 is 273 full tiles and one of 112, one full and one of 17, and one of 1."""
    found = list(tiles.tiles_of(70_000))
    assert [tile for tile in found if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [sum(tile.width == 256 for tile in found if tile.level == level) for level in range(3)] == [273, 1, 0]
    assert list(tiles.bundles_of(70_000))[-1] == Tile(None, 273, 112)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (255, [Tile(0, 0, 255)]),
        (256, [Tile(0, 0), Tile(1, 0, 1)]),
        (257, [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]),
    ],
)
def test_small_trees_have_these_tiles(size: int, expected: list[Tile]) -> None:
    """A full tile stands at once in the level above, and an empty tile does not exist."""
    assert list(tiles.tiles_of(size)) == expected


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 65_537])
def test_widths_agree_with_the_list_of_tiles(size: int) -> None:
    """The width at a place is that of the tile in the tree, and 0 beside the tree."""
    assert all(tiles.width_at(tile.level, tile.n, size) == tile.width for tile in tiles.tiles_of(size))
    assert tiles.width_at(0, (size + 255) // 256, size) == 0
    assert tiles.width_at(3, 0, size) == 0
    assert tiles.width_at(None, 0, size) == min(size, 256)


@pytest.mark.parametrize(
    ("tile", "minimum", "refused"),
    [
        (Tile(0, 0), 255, False),
        (Tile(0, 0), 256, True),
        (Tile(1, 0), 65_535, False),
        (Tile(1, 0), 65_536, True),
        (Tile(None, 1), 512, True),
        (Tile(None, 1, 3), 512, False),
        (Tile(0, 0), 0, False),
    ],
)
def test_only_full_tiles_below_the_minimum_index_may_be_refused(tile: Tile, minimum: int, *, refused: bool) -> None:
    """A pruned log may refuse a full tile or bundle whose end index is not above the minimum, and nothing else."""
    assert tiles.may_refuse(tile, minimum) is refused


def test_layers_are_the_nodes_of_a_tile() -> None:
    """Each layer holds the complete nodes of its height; only a full tile has a root."""
    full = tiles.layers(b"".join(LEAVES[:256]))
    assert full[8] == slow_tree.root(LEAVES[:256])
    assert full[3][32:64] == slow_tree.root(LEAVES[8:16])
    partial = tiles.layers(b"".join(LEAVES[:5]))
    assert [len(layer) // 32 for layer in partial] == [5, 2, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("width", [0, 1, 2, 5, 6, 128, 255, 256])
def test_layers_go_on_from_those_of_the_narrower_tile(width: int) -> None:
    """Whatever was known of a tile when it was narrower, its layers are the same as computed anew."""
    whole = b"".join(LEAVES[:256])[: 32 * width]
    for known in {0, 1, width // 2, max(width - 1, 0), width}:
        assert tiles.layers(whole, tiles.layers(whole[: 32 * known])) == tiles.layers(whole)


def test_nothing_is_taken_from_layers_of_other_hashes() -> None:
    """A tile that was changed below what is known of it is computed anew."""
    other = tiles.layers(b"".join([LEAVES[1], *LEAVES[1:6]]))
    wider = b"".join(LEAVES[:8])
    assert tiles.layers(wider, other) == tiles.layers(wider)


def test_growing_over_a_border_changes_these_tiles() -> None:
    """Leaves that fill a tile change it, begin the next one, and put the full one's root into the level above."""
    changed = tiles.grow(250, [b"".join(LEAVES[:250])], LEAVES[250:260])
    assert changed == {
        (0, 0): b"".join(LEAVES[:256]),
        (0, 1): b"".join(LEAVES[256:260]),
        (1, 0): slow_tree.root(LEAVES[:256]),
    }
    assert tiles.grow(256, [b"", changed[1, 0]], LEAVES[256:512])[1, 0] == changed[1, 0] + slow_tree.root(
        LEAVES[256:512]
    )


def test_bundles_hold_entries_of_any_length() -> None:
    """Entries of 0 and of 65,535 bytes come back; one byte more cannot be put in."""
    entries = (b"", b"one", b"x" * 65_535)
    assert tiles.encode_bundle(entries)[:7] == b"\x00\x00\x00\x03one"
    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries
    with pytest.raises(Misuse, match="65535"):
        tiles.encode_bundle([b"x" * 65_536])


@pytest.mark.parametrize(
    "bundle", [b"\x00", b"\x00\x01", b"\x00\x02ab\x00\x03ab", b"\x00\x00" * 257], ids=["half", "short", "cut", "many"]
)
def test_a_bundle_out_of_form_is_malformed(bundle: bytes) -> None:
    """A length that does not fit and a 257th entry are refused."""
    with pytest.raises(Malformed, match="does not fit"):
        tiles.decode_bundle(bundle)


def test_a_tree_reads_each_tile_once() -> None:
    """Tiles that are kept are not fetched again, a tile that has grown is, and the one unused longest is dropped."""
    fetched: list[tuple[int, int]] = []
    stored = {(0, 0): b"".join(LEAVES[:256]), (1, 0): slow_tree.root(LEAVES[:256])}

    def fetch(level: int, n: int) -> bytes:
        fetched.append((level, n))
        return stored[level, n]

    tree = TileTree(fetch, capacity=2)
    assert tree.root(256) == slow_tree.root(LEAVES[:256])
    assert tree.inclusion_proof(3, 256) == tree.inclusion_proof(3, 256)
    assert fetched == [(1, 0), (0, 0)]
    stored[0, 1] = b"".join(LEAVES[256:300])
    assert tree.root(300) == slow_tree.root(LEAVES[:300])
    stored[0, 1] = b"".join(LEAVES[256:310])
    assert tree.root(310) == slow_tree.root(LEAVES[:310])
    assert tree.inclusion_proof(309, 310) == tuple(slow_tree.path(309, LEAVES[:310]))
    assert fetched == [(1, 0), (0, 0), (0, 1), (0, 1)]


def test_a_tile_that_is_too_narrow_is_an_inconsistent_ledger() -> None:
    """A source that has not what the tree needs is not papered over."""
    tree = TileTree(lambda _level, _n: LEAVES[0])
    with pytest.raises(LedgerInconsistent, match="tile/0/000: too narrow"):
        tree.root(2)


def test_put_tells_the_root_of_a_full_tile() -> None:
    """A full tile put into a tree gives its root, a partial one nothing."""
    tree = TileTree(lambda _level, _n: b"")
    assert tree.put(0, 0, b"".join(LEAVES[:256])) == slow_tree.root(LEAVES[:256])
    assert tree.put(0, 1, LEAVES[256]) == b""
