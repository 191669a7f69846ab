"""Which row is the person, where a source cannot list everybody: how common a name is cannot be learned there.

Certain is then only what agrees in every letter of both names and in the full birth date, and stands alone.
"""

from collections.abc import Sequence
from typing import Final

from adapters.node.core.matching.decide import Doubt, Found, Match
from adapters.sources.port import Candidate
from adapters.sources.text import normal_name
from schemas.record import PersonBlock

_FULL_DATE: Final = len("2001-04-30")
_FIRST_OF_YEAR: Final = "-01-01"


def match_exactly(person: PersonBlock, rows: Sequence[Candidate]) -> Match:
    """Compare a person with the rows a source found; two equal rows are ambiguous, a half match is probable."""
    exact = [row for row in rows if _same(person, row.person)]
    if len(exact) == 1 and len(rows) == 1:
        return Match("certain", (Found(exact[0], 0.0, frozenset()),))
    shown = exact or rows
    if not shown:
        return Match("none", ())
    doubts = frozenset({Doubt.RIVAL if len(rows) > 1 else Doubt.SCORE})
    found = tuple(Found(row, 0.0, doubts) for row in shown)
    return Match("probable" if len(rows) == 1 else "ambiguous", found)


def _same(one: PersonBlock, other: PersonBlock) -> bool:
    """Full birth date and both names equal after normalising, and no conflict in sex; 1 January is no full date."""
    day = one.birth_date
    dated = day is not None and len(day) == _FULL_DATE and day == other.birth_date and not day.endswith(_FIRST_OF_YEAR)
    return dated and _names(one) == _names(other) and (one.sex is None or other.sex is None or one.sex == other.sex)


def _names(person: PersonBlock) -> tuple[str, str]:
    return normal_name(person.family_name), normal_name(person.given_names)
