"""What can be told of a column by looking at its cells, without keeping what could be personal for longer. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from adapters.sources.cells import FALSE, TRUE, Row, Unreadable, read_date, read_text

FORMATS: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y%m%d", "00.00.%Y", "%m/%Y", "%m.%Y", "%Y")
MAX_WORDS: Final = 60


class Column(NamedTuple):
    """Facts of one column: how many cells are filled and blank, and as what all the filled ones can be read.

    `formats` are those of its dates, empty where not all cells are dates; `words` counts the distinct texts, None where
    there are more than any code list needs.
    """

    name: str
    filled: int
    blank: int
    unique: bool
    whole: bool
    truth: bool
    formats: tuple[str, ...]
    words: Counter[str] | None


class Sight(NamedTuple):
    """What was seen of one table: how its mapping begins, its columns, and how many rows were looked at.

    `keys` are the columns of the table's own primary key, `others` the names of the other tables.
    """

    head: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    rows: int
    keys: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()


def look(names: Sequence[str], rows: Iterable[Row]) -> tuple[tuple[Column, ...], int]:
    """Look at all cells of a table, and count the rows."""
    cells: list[list[object]] = [[] for _ in names]
    count = 0
    for row in rows:
        count += 1
        for column, cell in zip(cells, row, strict=True):
            column.append(cell)
    return tuple(_column(name, column) for name, column in zip(names, cells, strict=True)), count


def _column(name: str, cells: Sequence[object]) -> Column:
    texts = [text for text in (_text(cell) for cell in cells) if text]
    words = Counter(texts)
    formats = dict.fromkeys(_format(cell) for cell in cells if _text(cell))
    return Column(
        name=name,
        filled=len(texts),
        blank=len(cells) - len(texts),
        unique=len(texts) == len(cells) == len(words) > 0,
        whole=bool(words) and all(text.lstrip("-").isdigit() for text in words),
        truth=bool(words) and all(text.casefold() in TRUE | FALSE for text in words),
        formats=() if None in formats else tuple(one for one in FORMATS if one in formats),
        words=words if len(words) <= MAX_WORDS else None,
    )


def _text(cell: object) -> str:
    """Give a cell as text, empty where it is blank."""
    if isinstance(cell, bool | date):
        return str(cell)
    try:
        return read_text("", cell) or ""
    except Unreadable:
        return str(cell)


def _format(cell: object) -> str | None:
    """Give the first format in which a cell is a date; a date of the database's own counts as ISO."""
    for written in FORMATS:
        try:
            read_date("", cell, (written,))
        except Unreadable:
            continue
        return written
    return None
