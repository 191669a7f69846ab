"""Chance that can be repeated: the same seed gives the same town on every machine and Python version."""

import random
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws from a named stream; only `random()` of the generator is used, whose sequence Python guarantees."""

    def __init__(self, seed: int, stream: str) -> None:
        """Start the stream; two streams of one seed do not influence each other."""
        self._random = random.Random(f"{seed}/{stream}")  # noqa: S311 -- invented people need no secrets

    def below(self, end: int) -> int:
        """Draw a whole number from 0 up to, not including, `end`."""
        return int(self._random.random() * end)

    def between(self, first: int, last: int) -> int:
        """Draw a whole number from `first` to `last`, both included."""
        return first + self.below(last - first + 1)

    def chance(self, share: float) -> bool:
        """Say yes in this share of cases."""
        return self._random.random() < share

    def pick(self, things: Sequence[T]) -> T:
        """Draw one of the things."""
        return things[self.below(len(things))]

    def weighted(self, things: Sequence[tuple[T, int]]) -> T:
        """Draw one of the things, each as often as its weight says."""
        at = self.below(sum(weight for _, weight in things))
        for thing, weight in things:
            at -= weight
            if at < 0:
                return thing
        message = "weights: at least one must be above zero"
        raise ValueError(message)

    def shuffled(self, things: Iterable[T]) -> list[T]:
        """Give the things in a drawn order."""
        keyed = [(self._random.random(), place, thing) for place, thing in enumerate(things)]
        return [thing for _, _, thing in sorted(keyed, key=lambda one: one[:2])]

    def day(self, first: date, last: date) -> date:
        """Draw a day from `first` to `last`, both included."""
        return date.fromordinal(self.between(first.toordinal(), max(first, last).toordinal()))
