"""The gapless numbers of each statement key: what was logged, what is dead, what is still missing (LEDGER 4.2)."""

from typing import Final, Literal

WINDOW: Final = 1024
"""How far ahead of the first missing number a statement may come; further ones are refused before they count."""

Place = Literal["next", "used", "voided", "too_far"]


class Counter:
    """One key's numbers: all below `floor` are logged or dead, `ahead` holds logged numbers beyond the first gap."""

    __slots__ = ("_ahead", "_voided", "floor", "highest")

    def __init__(self) -> None:
        """Start before number 1."""
        self.floor = 1
        self.highest = 0
        self._ahead: set[int] = set()
        self._voided: list[tuple[int, int]] = []

    def place(self, n: int) -> Place:
        """Say what a number is: usable (`next`), already logged (`used`), dead (`voided`) or beyond the window."""
        if any(first <= n <= last for first, last in self._voided) and n not in self._ahead:
            return "voided"
        if n < self.floor or n in self._ahead:
            return "used"
        return "too_far" if n >= self.floor + WINDOW else "next"

    def use(self, n: int) -> None:
        """Take a number that `place` called `next` (or that a void jumped over the window)."""
        self.highest = max(self.highest, n)
        self._ahead.add(n)
        self._settle()

    def void(self, first: int, last: int) -> None:
        """Declare dead what is missing of `first`..`last`; logged numbers stand."""
        logged = sorted(n for n in self._ahead if first <= n <= last)
        start = max(first, self.floor)
        for n in [*logged, last + 1]:
            if start < n:
                self._voided.append((start, n - 1))
            start = max(start, n + 1)
        self._settle()

    def missing(self) -> tuple[int, ...]:
        """Give the numbers below the highest that are neither logged nor dead."""
        return tuple(n for n in range(self.floor, self.highest) if self.place(n) == "next")

    def _settle(self) -> None:
        """Move the floor over what is logged or dead without a gap."""
        moved = True
        while moved:
            moved = False
            while self.floor in self._ahead:
                self._ahead.discard(self.floor)
                self.floor += 1
                moved = True
            for first, last in self._voided:
                if first <= self.floor <= last:
                    self.floor = last + 1
                    moved = True
