"""Step 9: which of the holder's own rows is the person asked for. Exact on names and birth date for now.

Only `certain` may ever be answered by a machine; everything else is a person's decision at the holder, and outwardly
"later" like any other reason.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from adapters.sources.port import Candidate
from adapters.sources.text import normal_name
from schemas.record import PersonBlock

_FULL_DATE: Final = len("2001-04-30")


class Match(NamedTuple):
    """How well the person was found: `candidates` holds the one certain row, or those a human must choose from."""

    outcome: Literal["certain", "probable", "ambiguous", "none"]
    candidates: tuple[Candidate, ...]


NOBODY: Final = Match("none", ())


def match(person: PersonBlock, rows: Sequence[Candidate]) -> Match:
    """Compare a person with the holder's rows; two equal rows are ambiguous, a half match is probable."""
    exact = tuple(row for row in rows if _same(person, row.person))
    if len(exact) == 1:
        return Match("certain", exact)
    if exact:
        return Match("ambiguous", exact)
    if rows:
        return Match("probable" if len(rows) == 1 else "ambiguous", tuple(rows))
    return NOBODY


def _same(one: PersonBlock, other: PersonBlock) -> bool:
    """Full birth date and both names equal after normalising, and no conflict in sex."""
    dated = one.birth_date is not None and len(one.birth_date) == _FULL_DATE and one.birth_date == other.birth_date
    named = _names(one) == _names(other)
    return dated and named and (one.sex is None or other.sex is None or one.sex == other.sex)


def _names(person: PersonBlock) -> tuple[str, str]:
    return normal_name(person.family_name), normal_name(person.given_names)
