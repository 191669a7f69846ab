"""The gapless numbers of each statement key: what is logged or dead, and what is still missing (LEDGER 4.2)."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Literal

WINDOW: Final = 1024
"""How far ahead of the first missing number a statement may come; further ones are refused before they count."""

Place = Literal["next", "used", "too_far"]
"""What a number is: free to be used, taken (by an entry, or dead by a void), or beyond the window."""


class Counter:
    """One key's numbers: all below `floor` are taken, and so are the ranges kept beyond the first gap.

    Whether a taken number is logged or dead is not kept here: the log itself tells, which holds an entry for it or not.
    A range costs the same however long it is, so that no void is too large to be taken.
    """

    __slots__ = ("_ranges", "floor", "highest")

    def __init__(self) -> None:
        """Start before number 1."""
        self.floor = 1
        self.highest = 0
        self._ranges: list[tuple[int, int]] = []

    def place(self, n: int) -> Place:
        """Say what a number is."""
        if n < self.floor:
            return "used"
        before = bisect_right(self._ranges, n, key=_first) - 1
        if before >= 0 and n <= self._ranges[before][1]:
            return "used"
        return "too_far" if n >= self.floor + WINDOW else "next"

    def use(self, n: int) -> None:
        """Take a number for an entry."""
        self.highest = max(self.highest, n)
        self._take(n, n)

    def void(self, first: int, last: int) -> None:
        """Declare dead what is missing of `first`..`last`; logged numbers stand."""
        self._take(first, last)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Give the ranges (first, last) below the highest number that are neither logged nor dead."""
        start = self.floor
        for first, last in self._ranges:
            yield start, first - 1
            start = last + 1

    def taken(self) -> Iterator[tuple[int, int]]:
        """Give the ranges (first, last) of all numbers that are logged or dead, in order; none touches another."""
        if self.floor > 1:
            yield 1, self.floor - 1
        yield from self._ranges

    def _take(self, first: int, last: int) -> None:
        """Add a range, joining those it overlaps or touches, then move the floor over what has no gap before it."""
        first = max(first, self.floor)
        if first > last:
            return
        start = bisect_right(self._ranges, first, key=_first)
        if start and self._ranges[start - 1][1] >= first - 1:
            start -= 1
        end = start
        while end < len(self._ranges) and self._ranges[end][0] <= last + 1:
            first, last = min(first, self._ranges[end][0]), max(last, self._ranges[end][1])
            end += 1
        self._ranges[start:end] = [(first, last)]
        if first == self.floor:
            del self._ranges[0]
            self.floor = last + 1


def _first(taken: tuple[int, int]) -> int:
    return taken[0]
