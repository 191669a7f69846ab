"""A key's numbers against the plainest model there is: a set of all that are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from consent_ledger.core.counters import WINDOW, Counter

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

STEPS = some.lists(some.tuples(some.booleans(), some.integers(1, 40), some.integers(0, 12)), max_size=25)


@given(STEPS)
def test_ranges_and_numbers_say_the_same(steps: list[tuple[bool, int, int]]) -> None:
    """Whatever is used and voided in whatever order, each number is what the set says, and so are the gaps."""
    counter, taken, highest = Counter(), set[int](), 0
    for is_void, first, length in steps:
        if is_void:
            counter.void(first, first + length)
            taken |= set(range(first, first + length + 1))
        elif counter.place(first) == "next":
            counter.use(first)
            taken.add(first)
            highest = max(highest, first)
    floor = next(n for n in range(1, 100) if n not in taken)
    assert (counter.floor, counter.highest) == (floor, highest)
    for n in range(1, 60):
        assert counter.place(n) == ("used" if n in taken else "next")
    assert counter.place(floor + WINDOW) == "too_far"
    missing = {n for n in range(floor, max(taken, default=0)) if n not in taken}
    assert {n for first, last in counter.gaps() for n in range(first, last + 1)} == missing
