"""Certain, probable, ambiguous or none: whether a machine may take the best row for the person.

A machine may only where nothing speaks against it. Each thing that does is a named doubt, which the person at the
release list reads. The traps of the field are doubts here: twins, father and son of one name, one name on 1 January,
brothers and sisters whose data were swapped.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from adapters.node.core.matching.compare import Comparison, NameMatch
from adapters.node.core.matching.dates import DateKind
from adapters.node.core.matching.frequencies import Frequencies
from adapters.node.core.matching.likeness import Likeness, Pair, is_slip
from adapters.node.core.matching.weights import Weights
from adapters.sources.port import Candidate

MAX_FOUND: Final = 10
"""Rows a human is asked to choose from."""

_IN_USE: Final = 3
"""So many other bearers make a spelling a name of its own, and not a slip of the pen."""

_SURE_DATES: Final = frozenset({DateKind.EQUAL, DateKind.SWAPPED, DateKind.TYPO})
"""A full birth date, the same or one slip away."""

Outcome = Literal["certain", "probable", "ambiguous", "none"]


class Doubt(StrEnum):
    """Why a machine may not take a row for the person."""

    SCORE = "score"
    """Too little agrees for how common it is."""
    RIVAL = "rival"
    """Another row fits about as well."""
    TWIN = "twin"
    """Another row has the same family name and birth date."""
    SEX = "sex"
    """The sexes differ."""
    YEAR = "year"
    """The years of birth differ."""
    DAY = "day"
    """The day of birth is not known on both sides; 1 January is no day."""
    DATE = "date"
    """The birth dates differ by more than one slip."""
    GIVEN_NAMES = "given_names"
    """The given names may be another person's, such as a brother's or sister's."""
    FAMILY_NAME = "family_name"
    """The family name is missing, or may be another one."""


class Scored(NamedTuple):
    """A compared row: what agrees, the two years of birth (0 where not known), the score in bits."""

    row: int
    comparison: Comparison
    years: tuple[int, int]
    score_bits: float


class Found(NamedTuple):
    """A row that may be the person, its score in bits and what speaks against it."""

    candidate: Candidate
    score_bits: float
    doubts: frozenset[Doubt]


class Match(NamedTuple):
    """How well the person was found: the one certain row, or those a human must choose from, the best first."""

    outcome: Outcome
    candidates: tuple[Found, ...]


def is_shown(one: Scored, weights: Weights) -> bool:
    """Tell whether a row is worth a human's look: it scores enough, and not for its birth date alone."""
    names = one.comparison.names
    return one.score_bits >= weights.band_bits and bool(names.given.pairs or names.family.pairs)


def doubts_of(one: Scored, learned: Frequencies, weights: Weights) -> frozenset[Doubt]:
    """Give what speaks against a row by itself, whatever other rows there are."""
    found = one.comparison
    known = all(one.years)
    raised = {
        Doubt.SCORE: one.score_bits < weights.certain_bits,
        Doubt.SEX: found.sex is False,
        Doubt.YEAR: known and one.years[0] != one.years[1],
        Doubt.DAY: found.date in {DateKind.UNKNOWN, DateKind.SAME_MONTH, DateKind.SAME_YEAR, DateKind.NEAR_YEAR},
        Doubt.DATE: found.date in {DateKind.CALENDAR, DateKind.DIFFERENT},
        Doubt.GIVEN_NAMES: not _given_names_agree(found.names, learned),
        Doubt.FAMILY_NAME: found.names.family.weakest < Likeness.CLOSE or found.names.family.clash,
    }
    return frozenset(doubt for doubt, holds in raised.items() if holds)


def _given_names_agree(names: NameMatch, learned: Frequencies) -> bool:
    """Tell whether the given names are the same but for romanisation and slips of the pen.

    One side may have a name more, but not before the others: who is called Boris Kirill may be Kirill's brother.
    """
    if names.given.clash or names.first_left or not names.given.pairs:
        return False
    return all(pair.likeness >= Likeness.SAME_SOUND or _mistyped(pair, learned) for pair in names.given.pairs)


def _mistyped(pair: Pair, learned: Frequencies) -> bool:
    """Tell whether one word is the other with a slip of the pen: one is in use, the other is nobody's name.

    Amin and Amina, Lina and Lana are one letter apart and two names; where neither is known to be in use, nothing can
    be said.
    """
    rare, common = sorted((learned.bearers(pair.mine), learned.bearers(pair.theirs)))
    return is_slip(pair) and rare <= 1 and common > _IN_USE


def rivalry(best: Scored, others: Sequence[Scored], weights: Weights) -> frozenset[Doubt]:
    """Give what other rows raise against the best one."""
    raised = set()
    for other in others:
        if other.score_bits > best.score_bits - weights.margin_bits:
            raised.add(Doubt.RIVAL)
        names = other.comparison.names
        if (
            other.comparison.date == DateKind.EQUAL
            and names.family.weakest >= Likeness.CLOSE
            and not names.family.clash
        ):
            raised.add(Doubt.TWIN)
    return frozenset(raised)


def outcome_of(doubts: frozenset[Doubt]) -> Outcome:
    """Give the outcome for a best row with these doubts."""
    if not doubts:
        return "certain"
    return "probable" if doubts.isdisjoint({Doubt.RIVAL, Doubt.TWIN}) else "ambiguous"
