"""The row of headings of a spreadsheet or CSV file, and the lines below it. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.sources.text import clean
from schemas.errors import Malformed


class Line(NamedTuple):
    """A row: its number as the spreadsheet program or editor shows it, and the cells in the order asked for."""

    number: int
    cells: tuple[object, ...]


def columns_at(headings: Sequence[object], place: str, columns: Sequence[str]) -> tuple[int, ...]:
    """Find the number (from 1) of each named column.

    Raises Malformed for each heading that is missing or stands twice, beginning with `place`.
    """
    at: dict[str, list[int]] = {}
    for number, heading in enumerate(headings, start=1):
        if isinstance(heading, str):
            at.setdefault(clean(heading), []).append(number)
    wrong = [f"{place}: no column is named {column}" for column in columns if column not in at]
    wrong += [f"{place}: {len(at[name])} columns are named {name}" for name in columns if len(at.get(name, ())) > 1]
    if wrong:
        raise Malformed("\n".join(wrong))
    return tuple(at[column][0] for column in columns)
