"""The gapless numbers of a key."""

import pytest

from consent_ledger.core.counters import WINDOW, Counter

FAR = 2**53 - 2
"""The largest last number a void can name."""


def _used(*numbers: int) -> Counter:
    counter = Counter()
    for number in numbers:
        counter.use(number)
    return counter


def test_a_key_begins_with_number_one() -> None:
    """Before anything is logged, number 1 is free, nothing is taken and nothing is missing."""
    counter = Counter()
    assert (counter.floor, counter.highest) == (1, 0)
    assert counter.place(1) == "next"
    assert list(counter.gaps()) == []


def test_a_logged_number_is_used_for_ever() -> None:
    """A number that was taken is never free again, however far the key has come since."""
    counter = _used(1, 2, 3)
    assert [counter.place(n) for n in (1, 2, 3, 4)] == ["used", "used", "used", "next"]
    assert (counter.floor, counter.highest) == (4, 3)


def test_numbers_may_come_out_of_order() -> None:
    """A later number is taken before an earlier one, which stays free and is named as missing until it comes."""
    counter = _used(1, 5, 3)
    assert [counter.place(n) for n in (2, 3, 4, 5)] == ["next", "used", "next", "used"]
    assert list(counter.gaps()) == [(2, 2), (4, 4)]
    counter.use(4)
    counter.use(2)
    assert counter.floor == 6
    assert list(counter.gaps()) == []


def test_the_window_ends_1024_after_the_first_missing_number() -> None:
    """The last number of the window is free, the one after it is too far; the window moves with the floor."""
    counter = _used(2)
    assert [counter.place(n) for n in (WINDOW, WINDOW + 1)] == ["next", "too_far"]
    counter.use(1)
    assert counter.place(WINDOW + 2) == "next"


def test_a_void_takes_what_is_missing_and_lets_logged_numbers_stand() -> None:
    """After a void nothing of its range is free; the floor moves over logged and dead numbers alike."""
    counter = _used(1, 4, 9)
    counter.void(2, 6)
    assert [counter.place(n) for n in range(1, 10)] == ["used"] * 6 + ["next"] * 2 + ["used"]
    assert (counter.floor, counter.highest) == (7, 9)
    assert list(counter.gaps()) == [(7, 8)]


@pytest.mark.parametrize("number", [3, 20])
def test_a_void_of_nothing_new_changes_nothing(number: int) -> None:
    """Numbers that are taken already can be voided without effect."""
    counter = _used(1, 2, 3, 20)
    counter.void(number, number)
    assert (counter.floor, list(counter.gaps())) == (4, [(4, 19)])


def test_a_huge_void_is_as_cheap_as_a_small_one() -> None:
    """Every number below 2^53 can be voided at once; nothing is counted one by one, and nothing is missing then."""
    counter = _used(1)
    counter.void(1, FAR)
    counter.use(FAR + 1)
    assert counter.floor == FAR + 2
    assert list(counter.gaps()) == []
    assert counter.place(FAR) == "used"


def test_a_void_far_ahead_leaves_the_gap_before_it() -> None:
    """A void beyond the window fills its own range only; the gap is told as one range, however long."""
    counter = _used(1)
    counter.void(10**12, FAR)
    assert counter.place(2) == "next"
    assert counter.place(10**12 + 5) == "used"
    counter.use(FAR + 1)
    assert list(counter.gaps()) == [(2, 10**12 - 1)]


def test_many_voids_in_between_cost_no_more() -> None:
    """Ten thousand separate voids are taken, each still told apart from the free number beside it."""
    counter = Counter()
    for n in range(2, 20_002, 2):
        counter.void(n, n)
    assert [counter.place(n) for n in (1, 2, 3, 4)] == ["next", "used", "next", "used"]
    for n in range(1, 20_002, 2):
        counter.use(n)
    assert counter.floor == 20_002


@pytest.mark.parametrize(
    "ranges",
    [
        [(5, 6), (8, 9), (7, 7)],
        [(8, 9), (5, 6), (6, 8)],
        [(5, 9)],
        [(5, 7), (6, 9)],
        [(6, 8), (5, 9)],
        [(7, 7), (9, 9), (5, 5), (6, 8)],
    ],
)
def test_ranges_join_in_whatever_order_they_come(ranges: list[tuple[int, int]]) -> None:
    """Ranges that touch, overlap or hold one another end up as the same one range."""
    counter = Counter()
    for first, last in ranges:
        counter.void(first, last)
    counter.use(11)
    assert list(counter.gaps()) == [(1, 4), (10, 10)]
    counter.void(1, 4)
    assert counter.floor == 10
