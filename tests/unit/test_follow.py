"""Following a log by its leaf hashes."""

import pytest

from adapters.node.core import follow
from adapters.node.core.follow import Unseen, split_hashes
from consent_ledger.core.merkle import HASH_BYTES, leaf_hash
from schemas.errors import Malformed
from schemas.ids import LogId

LOG, OTHER = LogId("musterstadt.example/log/1"), LogId("musterstadt.example/log/2")
LEAVES = [leaf_hash(bytes([number])) for number in range(9)]


def test_hashes_are_cut_apart_and_a_rest_is_refused() -> None:
    """Thirty-two bytes each; one byte more or less is no list of hashes."""
    assert split_hashes(b"".join(LEAVES)) == LEAVES
    assert split_hashes(b"") == []
    for bad in (b"".join(LEAVES)[:-1], bytes(HASH_BYTES + 1)):
        with pytest.raises(Malformed, match="hashes"):
            split_hashes(bad)


def test_what_comes_by_as_it_was_proven_is_seen() -> None:
    """In whatever parts the leaves come, and whatever else was proven further ahead."""
    unseen = Unseen()
    for index in (2, 7, 50):
        unseen.proven(LOG, index, LEAVES[index % 9])
    assert unseen.follow(LOG, LEAVES[:4]) is None
    assert unseen.follow(LOG, LEAVES[4:]) is None
    assert unseen.follow(LOG, []) is None
    assert unseen.late == {}


def test_the_first_entry_that_was_proven_otherwise_is_named() -> None:
    """By its index in the log, not in the part that came; another log's entry at this index is another place."""
    unseen = Unseen()
    unseen.proven(OTHER, 5, bytes(32))
    unseen.follow(LOG, LEAVES[:4])
    for index in (8, 6):
        unseen.proven(LOG, index, bytes(32))
    assert unseen.follow(LOG, LEAVES[4:]) == 6
    assert unseen.follow(OTHER, LEAVES) == 5


def test_what_is_proven_behind_waits_to_be_looked_up() -> None:
    """The leaf went by: what is proven there later is late, and nothing else is."""
    unseen = Unseen()
    unseen.follow(LOG, LEAVES[:4])
    for log, index in ((LOG, 3), (LOG, 4), (OTHER, 3)):
        unseen.proven(log, index, LEAVES[index])
    assert unseen.late == {(LOG, 3): LEAVES[3]}


def test_a_log_that_is_taken_up_again_is_compared_from_where_it_was_followed() -> None:
    """What was proven before it is known how far the log was followed is late below that; anew, nothing is."""
    unseen = Unseen()
    for log, index in ((LOG, 3), (LOG, 6), (OTHER, 3)):
        unseen.proven(log, index, LEAVES[index])
    unseen.begin(LOG, 5)
    assert unseen.late == {(LOG, 3): LEAVES[3]}
    unseen.begin(LOG, 0)
    assert unseen.late == {}
    assert unseen.follow(LOG, [*LEAVES[:3], bytes(32), *LEAVES[4:]]) == 3
    assert unseen.follow(OTHER, [bytes(32)] * 9) == 3


def test_a_log_that_nobody_follows_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first."""
    monkeypatch.setattr(follow, "MOST_AHEAD", 2)
    unseen = Unseen()
    for index in range(3):
        unseen.proven(LOG, index, bytes(32))
    assert unseen.follow(LOG, LEAVES[:1]) is None
    assert unseen.follow(LOG, LEAVES[1:2]) == 1
