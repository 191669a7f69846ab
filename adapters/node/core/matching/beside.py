"""What a human sees between the person asked for and a row of the own source: where the two differ."""

from typing import Final, Literal

from adapters.node.core.matching.dates import NOT_KNOWN, read_date
from adapters.sources.text import normal_name
from schemas.record import PersonBlock

Part = Literal["family_name", "given_names", "birth_date", "birth_country", "sex"]
PARTS: Final[tuple[Part, ...]] = ("family_name", "given_names", "birth_date", "birth_country", "sex")


def differing(asked: PersonBlock, row: PersonBlock) -> tuple[Part, ...]:
    """Give the parts that are known on both sides and not the same; a date on 1 January is a year alone."""
    return tuple(part for part in PARTS if _differs(part, asked, row))


def _differs(part: Part, asked: PersonBlock, row: PersonBlock) -> bool:
    if part == "birth_date":
        days = (read_date(asked.birth_date), read_date(row.birth_date))
        return NOT_KNOWN not in days and days[0] != days[1]
    one, other = getattr(asked, part), getattr(row, part)
    return one is not None and other is not None and normal_name(one) != normal_name(other)
