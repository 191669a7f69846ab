"""Learns the weights the product ships (`weights.DEFAULT`) on the training names, and prints them.

    python -m tests.benchmarks.matching.learn_default

Two rules give the thresholds, both on training names: the machine answers from the least whole number of bits on at
which at most one in 2,000 of its answers was wrong; a human is shown rows from the least whole number of bits on at
which at most one in ten persons whom the holder does not know gives anything to look at.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from adapters.node.core.matching.names import Names
from adapters.node.core.matching.weights import DEFAULT, Weights
from handschlag.town.dice import Dice
from tests.benchmarks.matching.error_model import people, record
from tests.benchmarks.matching.figures import Answer, shares
from tests.benchmarks.matching.learning import Pair, learn
from tests.benchmarks.matching.names_train import TRAIN
from tests.benchmarks.matching.worlds import ask, world

_PERSONS: Final = 20_000
_CHANCE_PAIRS: Final = 60_000
_WORLDS: Final = (101, 102, 103)
_WORLD_PERSONS: Final = 40_000
_WORLD_ASKED: Final = 20_000
_PRECISION: Final = 1 - 1 / 2_000
_DISTURBED: Final = 1 / 10


def learned(seed: int = 100, persons: int = _PERSONS, chance: int = _CHANCE_PAIRS) -> Weights:
    """Learn all but the thresholds."""
    dice = Dice(seed, "pairs")
    found = people(seed, persons, TRAIN)
    asked = [record(person, seed, "requester") for person in found]
    held = [record(person, seed, "holder") for person in found]
    true = [Pair(mine, theirs) for mine, theirs in zip(asked, held, strict=True)]
    by_word: dict[str, list[int]] = {}
    for number, person in enumerate(held):
        for word in Names.of(person.given_names, person.family_name).all_words():
            by_word.setdefault(word, []).append(number)
    alike: list[Pair] = []
    for number, person in enumerate(asked):
        for word in sorted(Names.of(person.given_names, person.family_name).all_words())[:1]:
            other = dice.pick(by_word.get(word, [number]))
            alike += [Pair(person, held[other])] if other != number else []
    by_chance = [Pair(dice.pick(asked), dice.pick(held)) for _ in range(chance)]
    return learn(true, by_chance, alike, DEFAULT)


def thresholds(answers: Sequence[Answer]) -> tuple[float, float]:
    """Give the least scores for a machine's answer and for a human's list, by the rules above."""
    certain = next(float(bits) for bits in range(40) if shares(answers, bits).precision >= _PRECISION)
    absent = [one.score for one in answers if not one.present]
    band = next(float(bits) for bits in range(-20, 20) if sum(s >= bits for s in absent) <= _DISTURBED * len(absent))
    return certain, band


def main() -> None:
    """Print the weights."""
    weights = replace(learned(), certain_bits=0.0, band_bits=-20.0)
    answers = [one for seed in _WORLDS for one in ask(world(seed, _WORLD_PERSONS, _WORLD_ASKED, TRAIN), weights)]
    certain, band = thresholds(answers)
    sys.stdout.write(f"{replace(weights, certain_bits=certain, band_bits=band)}\n")
    for bits in range(-8, 16):
        listed = sum(one.listed and one.score >= bits for one in answers) / sum(one.present for one in answers)
        shown = sum(one.score >= bits and not one.present for one in answers) / sum(not one.present for one in answers)
        sys.stdout.write(f"{bits:4} {shares(answers, bits)} listed {listed:.4f} absent shown {shown:.4f}\n")


if __name__ == "__main__":
    main()
