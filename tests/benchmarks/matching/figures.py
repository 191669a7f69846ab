"""What both benchmarks count, and how a threshold is chosen on training data."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from adapters.node.core.matching import Doubt, Match
from adapters.sources.port import LocalRef
from handschlag.town.dice import Dice

_RESAMPLES: Final = 400
_TAIL: Final = 8


class Figure(NamedTuple):
    """One measured number beside what it must reach; with a `ratio` of 1 or more it does."""

    name: str
    value: float
    unit: str
    floor: float
    ratio: float


def at_least(name: str, value: float, floor: float) -> Figure:
    """Give a share that must not be below its floor."""
    return Figure(name, round(value, 5), "share", round(floor, 5), round(value / max(floor, 1e-9), 4))


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """Give a cost that must not be above its limit."""
    return Figure(name, round(value, 3), unit, limit, round(limit / value, 4))


class Answer(NamedTuple):
    """The best row for one question: its score, whether it is the person, whether anything but the score forbids it.

    `present`: the holder knows the person. `shown`: rows a human would see; `listed`: the right one is among them.
    """

    person: int
    present: bool
    score: float
    right: bool
    free: bool
    shown: int
    listed: bool


def answer(person: int, match: Match, *, present: bool, overruled: frozenset[Doubt] = frozenset()) -> Answer:
    """Take what is counted from a match; doubts in `overruled` forbid nothing."""
    refs = [found.candidate.ref for found in match.candidates]
    own = LocalRef(str(person))
    best = match.candidates[0] if match.candidates else None
    return Answer(
        person=person,
        present=present,
        score=best.score_bits if best else float("-inf"),
        right=present and refs[:1] == [own],
        free=best is not None and best.doubts <= overruled | {Doubt.SCORE},
        shown=len(refs),
        listed=present and own in refs,
    )


class Shares(NamedTuple):
    """What a machine that answers above a threshold gets right: recall, precision and the number of wrong answers."""

    recall: float
    precision: float
    wrong: int


def shares(answers: Iterable[Answer], threshold: float) -> Shares:
    """Count the answers a machine would give at a threshold."""
    return _shares(_counts(one, threshold) for one in answers)


def _counts(one: Answer, threshold: float) -> tuple[int, int, int]:
    """Give persons known, right answers and wrong answers, each 0 or 1."""
    given = one.free and one.score >= threshold
    return one.present, given and one.right, given and not one.right


def _shares(counts: Iterable[tuple[int, int, int]]) -> Shares:
    present, right, wrong = (sum(column) for column in zip((0, 0, 0), *counts, strict=True))
    return Shares(right / max(1, present), right / max(1, right + wrong), wrong)


def least_threshold(answers: Sequence[Answer], precision: float) -> float:
    """Give the least threshold, in tenths of a bit, at which the answers are expected to be precise enough.

    Above the eighth best wrong answer, or the last where there are fewer, there are too few to count: there half as
    many are expected with each bit, which is what a score in bits promises at most.
    """
    given = sorted((one.score for one in answers if one.free), reverse=True)
    wrong = sorted((one.score for one in answers if one.free and not one.right), reverse=True)
    tail = wrong[:_TAIL]
    for tenth in range(-200, 400):
        threshold = tenth / 10
        beyond = bool(tail) and threshold > tail[-1]
        expected = len(tail) * 2.0 ** (tail[-1] - threshold) if beyond else float(sum(s >= threshold for s in wrong))
        if expected <= (1 - precision) * sum(score >= threshold for score in given):
            return threshold
    return float("inf")


class Interval(NamedTuple):
    """The two ends of a 95 % interval."""

    low: float
    high: float


def intervals(counted: Iterable[tuple[Answer, float]]) -> tuple[Interval, Interval]:
    """Give the intervals of recall and precision for answers, each with its threshold.

    Persons are drawn anew with all their answers (bootstrap), since one person is asked for in many splits.
    """
    by_person: dict[int, list[int]] = {}
    for one, threshold in counted:
        totals = by_person.setdefault(one.person, [0, 0, 0])
        for place, count in enumerate(_counts(one, threshold)):
            totals[place] += count
    people = [(present, right, wrong) for present, right, wrong in by_person.values()]
    dice = Dice(1, "bootstrap")
    drawn = [_shares(people[dice.below(len(people))] for _ in people) for _ in range(_RESAMPLES)]
    return _middle(one.recall for one in drawn), _middle(one.precision for one in drawn)


def _middle(drawn: Iterable[float]) -> Interval:
    ordered = sorted(drawn)
    return Interval(ordered[len(ordered) // 40], ordered[-len(ordered) // 40 - 1])
