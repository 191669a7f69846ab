"""Learns the weights from pairs of records whose persons are known; used by both benchmarks, on training data only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import log2
from typing import Final, NamedTuple

from adapters.node.core.matching.compare import Comparison, NameMatch, agreement, name_matches
from adapters.node.core.matching.dates import NOT_KNOWN, Birth, DateKind, is_full, read_date, year_of
from adapters.node.core.matching.frequencies import Frequencies
from adapters.node.core.matching.likeness import Alignment, Likeness
from adapters.node.core.matching.names import Names
from adapters.node.core.matching.weights import NameWeights, Weights
from schemas.record import PersonBlock

ROUNDS: Final = 2
"""Each round lays the names side by side as the weights of the round before prefer."""

_BIRTHS: Final = 1000
_STRANGERS: Final = 400
_COUNTED_ON: Final = 0.5
"""Added to every count, so that what was never seen is rare and not impossible."""

_COMPATIBLE_PARTS: Final = frozenset({DateKind.SAME_MONTH, DateKind.SAME_YEAR})
_PARTIAL: Final = _COMPATIBLE_PARTS | {DateKind.NEAR_YEAR}


class Pair(NamedTuple):
    """Two records, of one person or of two."""

    mine: PersonBlock
    theirs: PersonBlock


def learn(true: Sequence[Pair], chance: Sequence[Pair], alike: Sequence[Pair], start: Weights) -> Weights:
    """Learn all weights but the thresholds, which stay those of `start`.

    `true` are pairs of one person each, `chance` of two persons drawn at random, `alike` of two persons with a name in
    common: name and country of birth go together, so that a country in common proves little once the names agree.
    """
    learned = Frequencies()
    for pair in true:
        learned.add(_names(pair.theirs), year_of(read_date(pair.theirs.birth_date)))
    weights = start
    for _ in range(ROUNDS):
        weights = _round(true, chance, weights, learned)
    of_one, of_two, likely = ([_compare(pair, weights, learned) for pair in pairs] for pairs in (true, chance, alike))
    return replace(
        weights,
        dates=_dates(_kinds(map(_dates_of, true)), _kinds(_chance_dates(chance))),
        sex=_agreement([one.sex for one in of_one], [one.sex for one in of_two]),
        country=_agreement([one.country for one in of_one], [one.country for one in likely]),
    )


def _round(true: Sequence[Pair], chance: Sequence[Pair], weights: Weights, learned: Frequencies) -> Weights:
    """Learn the weights of names from comparisons made with the weights there are."""
    of_one, of_two = ([_compare(pair, weights, learned).names for pair in pairs] for pairs in (true, chance))
    return replace(
        weights,
        given=_field([one.given for one in of_one], [one.given for one in of_two]),
        family=_field([one.family for one in of_one], [one.family for one in of_two]),
        crossed=_log_share(sum(one.crossed for one in of_one), len(of_one)),
        alias=_log_share(sum(one.alias for one in of_one), len(of_one)),
    )


def _names(person: PersonBlock) -> Names:
    return Names.of(person.given_names, person.family_name, person.other_names)


def _compare(pair: Pair, weights: Weights, learned: Frequencies) -> Comparison:
    matches = name_matches(_names(pair.mine), _names(pair.theirs))
    best: NameMatch = max(matches, key=lambda match: weights.names(match, learned))
    sex = agreement(pair.mine.sex, pair.theirs.sex)
    country = agreement(pair.mine.birth_country, pair.theirs.birth_country)
    return Comparison(best, DateKind.UNKNOWN, sex, country)


def _field(of_one: Iterable[Alignment], of_two: Iterable[Alignment]) -> NameWeights:
    """Learn one name field from the alignments of true and of chance pairs."""
    one, two = _Levels(), _Levels()
    for levels, alignments in ((one, of_one), (two, of_two)):
        for found in alignments:
            levels.count(found)
    different, loose, close, close_long = (
        log2(one.share(level) / two.share(level)) for level in Likeness if level < Likeness.SAME_SOUND
    )
    same, exact = log2(one.share(Likeness.SAME_SOUND)), log2(one.share(Likeness.EXACT))
    spare = log2(one.of_agreeing(one.spare) / two.of_agreeing(two.spare))
    clash = log2(one.of_agreeing(one.clash) / two.of_agreeing(two.clash))
    return NameWeights((different, loose, close, close_long, same, exact), min(0.0, spare), min(0.0, clash))


class _Levels:
    """Counts how alignments come out."""

    def __init__(self) -> None:
        self.levels: Counter[Likeness] = Counter()
        self.agreeing = self.spare = self.clash = 0

    def count(self, found: Alignment) -> None:
        if not found.pairs:
            self.levels[Likeness.DIFFERENT] += found.clash
            return
        self.levels.update(pair.likeness for pair in found.pairs)
        self.agreeing += 1
        self.clash += found.clash
        self.spare += not found.clash and bool(found.left_mine or found.left_theirs)

    def share(self, level: Likeness) -> float:
        return (self.levels[level] + _COUNTED_ON) / (self.levels.total() + _COUNTED_ON * len(Likeness))

    def of_agreeing(self, count: int) -> float:
        return (count + _COUNTED_ON) / (self.agreeing + 2 * _COUNTED_ON)


def _log_share(count: int, total: int) -> float:
    return log2((count + _COUNTED_ON) / (total + 2 * _COUNTED_ON))


def _dates_of(pair: Pair) -> tuple[int, int]:
    return read_date(pair.mine.birth_date), read_date(pair.theirs.birth_date)


def _chance_dates(pairs: Sequence[Pair]) -> Iterator[tuple[int, int]]:
    """Give many more chance pairs of dates than there are pairs, since slips are rare among strangers."""
    mine, theirs = zip(*map(_dates_of, pairs), strict=True)
    step = max(1, len(theirs) // _STRANGERS)
    for place, date in enumerate(mine[:_BIRTHS]):
        yield from ((date, other) for other in theirs[place % step :: step])


def _kinds(dates: Iterable[tuple[int, int]]) -> tuple[Counter[DateKind], Counter[DateKind]]:
    """Count the kinds of agreement of dates both known to the day, and of those of which one is not."""
    full: Counter[DateKind] = Counter()
    partial: Counter[DateKind] = Counter()
    birth = Birth.of(NOT_KNOWN)
    for mine, theirs in dates:
        birth = birth if birth.date == mine else Birth.of(mine)
        kind = birth.kind(theirs)
        if kind is not DateKind.UNKNOWN:
            (full if is_full(mine) and is_full(theirs) else partial)[kind] += 1
    return full, partial


def _dates(
    one: tuple[Counter[DateKind], Counter[DateKind]], two: tuple[Counter[DateKind], Counter[DateKind]]
) -> tuple[float, ...]:
    """Learn the dates; compatible ones have only the share among true pairs, see `weights`."""
    bits: list[float] = []
    for kind in DateKind:
        of_one, of_two = (counts[kind in _PARTIAL] for counts in (one, two))
        seen = of_one[DateKind.SAME_MONTH] + of_one[DateKind.SAME_YEAR] if kind in _COMPATIBLE_PARTS else of_one[kind]
        share = (seen + _COUNTED_ON) / (of_one.total() + 5)
        chance = (of_two[kind] + _COUNTED_ON) / (of_two.total() + 5)
        alone = kind is DateKind.EQUAL or kind in _COMPATIBLE_PARTS
        bits.append(0.0 if kind is DateKind.UNKNOWN else log2(share) if alone else log2(share / chance))
    return tuple(bits)


def _agreement(of_one: Iterable[bool | None], of_two: Iterable[bool | None]) -> tuple[float, float]:
    """Learn the bits of two different and of two equal codes."""
    one, two = (Counter(known for known in seen if known is not None) for seen in (of_one, of_two))
    shares = [
        (one[equal] + _COUNTED_ON) / (one.total() + 1) / ((two[equal] + _COUNTED_ON) / (two.total() + 1))
        for equal in (False, True)
    ]
    return log2(shares[0]), log2(shares[1])
