"""Holders and questions made by the frozen error model."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from adapters.node.core.matching import PersonIndex
from adapters.node.core.matching.weights import DEFAULT, Weights
from adapters.sources.port import Candidate, LocalRef
from handschlag.town.dice import Dice
from schemas.record import PersonBlock
from tests.benchmarks.matching.error_model import Person, people, record
from tests.benchmarks.matching.figures import Answer, answer
from tests.benchmarks.matching.pools import Pool


class World(NamedTuple):
    """Persons, the numbers of those whom the holder knows, and the numbers of those asked for."""

    seed: int
    persons: list[Person]
    known: frozenset[int]
    asked: list[int]

    def rows(self) -> Iterator[Candidate]:
        """Give what the holder has written down."""
        for number in sorted(self.known):
            person = record(self.persons[number], self.seed, "holder")
            yield Candidate(LocalRef(str(number)), str(number), person, transfer_block=False, guardian=False)

    def question(self, number: int) -> PersonBlock:
        """Give what the requester has written down of a person."""
        return record(self.persons[number], self.seed, "requester")


def world(seed: int, persons: int, asked: int, names: Mapping[str, Pool]) -> World:
    """Make persons of whom a holder knows half, and draw those who are asked for from all of them."""
    dice = Dice(seed, "world")
    known = frozenset(dice.shuffled(range(persons))[: persons // 2])
    return World(seed, people(seed, persons, names), known, dice.shuffled(range(persons))[:asked])


def ask(there: World, weights: Weights = DEFAULT) -> list[Answer]:
    """Ask the holder of a world for everybody it is asked for."""
    index = PersonIndex(weights)
    for row in there.rows():
        index.add(row)
    return [
        answer(number, index.query(there.question(number)), present=number in there.known) for number in there.asked
    ]
