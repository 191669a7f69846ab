"""What the data protection officer looks at in the agency's own use: sudden volume, and people who look themselves up.

Nothing here accuses anybody: it says where to look, by pseudonyms, and a name is shown only for a written reason.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Final, NamedTuple

MANY: Final = 20
"""Fewer steps than these in one day are never unusual."""
TIMES: Final = 3
"""How many times the usual day of all colleagues a day must be to be unusual."""


class Step(NamedTuple):
    """Something a member of staff did with a client's data: the day, who, and whether the client has their own name."""

    day: str
    staff: str
    namesake: bool


class Use(NamedTuple):
    """What one member of staff did on one day."""

    day: str
    staff: str
    steps: int
    namesakes: int
    unusual: bool


def uses(steps: Iterable[Step]) -> list[Use]:
    """Sum steps up by day and person, newest day first, the busiest first within a day.

    A day is unusual with at least `MANY` steps that are more than `TIMES` the median of all days of all colleagues.
    """
    counted, same = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for step in steps:
        counted[step.day, step.staff] += 1
        same[step.day, step.staff] += step.namesake
    usual = median(counted.values()) if counted else 0
    found = [
        Use(day, staff, many, same[day, staff], unusual=many >= MANY and many > TIMES * usual)
        for (day, staff), many in counted.items()
    ]
    return sorted(found, key=lambda use: (use.day, use.steps, use.staff), reverse=True)


def is_namesake(own_name: str, family_name: str, given_names: str) -> bool:
    """Tell whether a client has the family name and one of the given names of a member of staff.

    Both names are needed: a family name alone is shared by too many people of one town.
    """
    own, family, given = _words(own_name), _words(family_name), _words(given_names)
    return bool(family) and family <= own and not given.isdisjoint(own)


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFD", name.casefold())
    return frozenset(re.findall(r"\w+", "".join(sign for sign in plain if not unicodedata.combining(sign))))
