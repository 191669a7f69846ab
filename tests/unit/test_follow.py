"""Following a log by its leaf hashes."""

import pytest

from adapters.node.core.follow import follow, split_hashes
from consent_ledger.core.merkle import HASH_BYTES, Edge, leaf_hash, root_of
from schemas.errors import Malformed

LEAVES = [leaf_hash(bytes([number])) for number in range(9)]


def test_hashes_are_cut_apart_and_a_rest_is_refused() -> None:
    """Thirty-two bytes each; one byte more or less is no list of hashes."""
    assert split_hashes(b"".join(LEAVES)) == LEAVES
    assert split_hashes(b"") == []
    for bad in (b"".join(LEAVES)[:-1], bytes(HASH_BYTES + 1)):
        with pytest.raises(Malformed, match="hashes"):
            split_hashes(bad)


def test_an_edge_that_followed_has_the_root_of_all_leaves() -> None:
    """In whatever parts the leaves come."""
    edge = Edge()
    assert follow(edge, LEAVES[:4], {}) is None
    assert follow(edge, LEAVES[4:], {2: LEAVES[2], 7: LEAVES[7], 50: bytes(32)}) is None
    assert (edge.size, edge.root()) == (9, root_of(LEAVES))


def test_the_first_entry_that_was_proven_otherwise_is_named() -> None:
    """By its index in the log, not in the part that came."""
    edge = Edge()
    follow(edge, LEAVES[:4], {})
    assert follow(edge, LEAVES[4:], {8: bytes(32), 6: bytes(32)}) == 6
