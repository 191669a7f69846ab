"""From what stands in a cell to a value with its provenance. Pure; what does not fit is `Unreadable`, never guessed."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from adapters.sources.mapping import Cell, FieldColumn
from adapters.sources.text import clean
from schemas.ids import FieldName
from schemas.record import Precision, Value

Row = Sequence[object]
"""The cells of a row in a known order, as the database driver or the spreadsheet reader hands them over."""

MAX_TEXT: Final = 400
SHEET_ERRORS: Final = frozenset({"#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#n/a"})
TRUE: Final = frozenset({"1", "ja", "j", "yes", "y", "true", "wahr", "x"})
FALSE: Final = frozenset({"0", "nein", "n", "no", "false", "falsch"})

_MAX_CELL: Final = 16 * MAX_TEXT  # what is longer is not even cleaned: cells of many megabytes cost no time
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
_EMPTY_DATE: Final = date(1900, 1, 1)


class Unreadable(ValueError):
    """A cell that breaks a rule of the mapping: the column and the rule, never the content."""

    def __init__(self, column: str, rule: str) -> None:
        """Keep column and rule, so that the source can add file, table and row."""
        super().__init__(f"column {column}: {rule}")
        self.column = column
        self.rule = rule


class Uncalculated:
    """Stands for a formula whose result the spreadsheet program has not stored."""


UNCALCULATED: Final = Uncalculated()


class Read(NamedTuple):
    """What a cell says; `precision` only for dates."""

    value: str | int | bool
    precision: Precision | None = None


class Reading(NamedTuple):
    """How one field is read out of a row: the places of its cell and of its provenance."""

    field: FieldName
    rule: FieldColumn
    at: int
    recorded_at: int | None
    disputed: int | None
    discussed: int | None


def readings(fields: Sequence[tuple[FieldName, FieldColumn]], columns: Sequence[str]) -> tuple[Reading, ...]:
    """Find each field's places among the columns of a row."""
    place = {column: at for at, column in enumerate(columns)}
    return tuple(
        Reading(
            name,
            rule,
            place[rule.column],
            None if rule.recorded_at is None else place[rule.recorded_at],
            None if rule.disputed is None else place[rule.disputed],
            None if rule.discussed is None else place[rule.discussed],
        )
        for name, rule in fields
    )


def read_row(
    wanted: Sequence[Reading], row: Row, number: int | None = None
) -> Iterator[tuple[FieldName, Value | None]]:
    """Read fields out of a row, None where a cell is blank; `number` is that of a detail among those of its person.

    Raises Unreadable for the first cell, or provenance of a cell, that breaks the mapping.
    """
    days: dict[int, str | None] = {}
    for reading in wanted:
        rule = reading.rule
        read = read_cell(rule, row[reading.at])
        if read is None:
            yield reading.field, None
            continue
        for at, column in ((reading.recorded_at, rule.recorded_at), (reading.discussed, rule.discussed)):
            if at is not None and at not in days:
                day = read_date(column or "", row[at], rule.recorded_formats)
                days[at] = None if day is None else str(day.value)
        yield (
            reading.field,
            Value(
                value=read.value,
                recorded_at=None if reading.recorded_at is None else days[reading.recorded_at],
                recorded_by=rule.recorded_by,
                verified=rule.verified,
                precision=read.precision,
                origin=rule.origin,
                disputed=reading.disputed is not None and read_flag(rule.disputed or "", row[reading.disputed]),
                discussed=None if reading.discussed is None else days[reading.discussed],
                row=number,
            ),
        )


def read_cell(rule: Cell, cell: object) -> Read | None:
    """Read a cell by its column's rule; None where it is blank.

    Raises Unreadable naming the rule the cell breaks.
    """
    match rule.type:
        case "date":
            return read_date(rule.column, cell, rule.formats, year_only=rule.first_of_january == "year")
        case "int":
            return _read_int(rule.column, cell)
        case "bool":
            flag = _read_bool(rule.column, cell)
            return None if flag is None else Read(flag)
        case "code":
            text = read_text(rule.column, cell)
            return None if text is None else _translate(rule, text)
        case "text":
            text = read_text(rule.column, cell)
            return None if text is None else Read(text)


def read_text(column: str, cell: object) -> str | None:
    """Give the text of a cell in NFC, blanks collapsed; whole numbers count as text."""
    if cell is None:
        return None
    if isinstance(cell, UUID):
        return str(cell)
    if (isinstance(cell, float) and cell.is_integer()) or (isinstance(cell, Decimal) and _is_whole(cell)):
        cell = int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    if not isinstance(cell, str):
        raise Unreadable(column, _not_plain(cell, "text"))
    if len(cell) > _MAX_CELL:
        raise Unreadable(column, f"holds more than {MAX_TEXT} characters")
    text = clean(cell)
    if text.casefold() in SHEET_ERRORS:
        raise Unreadable(column, "holds an error of the spreadsheet program")
    if len(text) > MAX_TEXT:
        raise Unreadable(column, f"holds more than {MAX_TEXT} characters")
    return text or None


def read_flag(column: str, cell: object) -> bool:
    """Read a yes or no whose blank means no."""
    return _read_bool(column, cell) or False


def read_date(column: str, cell: object, formats: tuple[str, ...], *, year_only: bool = False) -> Read | None:
    """Read a date as `2001-04-30`, or `2001-04` and `2001` where the format holds no more.

    `year_only`: 1 January is what the agency writes when only the year is known. Spreadsheets and old databases write
    1 January 1900 for an empty date; that is refused.
    """
    if isinstance(cell, date):
        day, precision = date(cell.year, cell.month, cell.day), _DAY
    else:
        text = read_text(column, cell)
        if text is None:
            return None
        day, precision = _parse_date(column, text, formats)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR or (day <= _EMPTY_DATE and precision == _DAY):
        raise Unreadable(column, "holds a date before 1900-01-02 (1 January 1900 is an empty cell) or after 2199-12-31")
    if year_only and (day.month, day.day) == (1, 1):
        precision = _YEAR
    return Read(day.isoformat()[: _LENGTH[precision]], precision)


_DAY: Final[Precision] = "day"
_MONTH: Final[Precision] = "month"
_YEAR: Final[Precision] = "year"
_LENGTH: Final[dict[Precision, int]] = {"day": 10, "month": 7, "year": 4, "unknown": 0}


def _parse_date(column: str, text: str, formats: tuple[str, ...]) -> tuple[date, Precision]:
    for written in formats:
        match = _date_pattern(written).fullmatch(text)
        if match is not None:
            parts = match.groupdict()
            precision = _DAY if "d" in parts else _MONTH if "m" in parts else _YEAR
            try:
                return date(int(parts["Y"]), int(parts.get("m", "1")), int(parts.get("d", "1"))), precision
            except ValueError:
                continue
    raise Unreadable(column, f"is no date of the form {' or '.join(formats)}")


@lru_cache(maxsize=256)
def _date_pattern(written: str) -> re.Pattern[str]:
    digits = {"d": "(?P<d>[0-9]{1,2})", "m": "(?P<m>[0-9]{1,2})", "Y": "(?P<Y>[0-9]{4})"}
    head, *rest = written.split("%")
    return re.compile(re.escape(head) + "".join(digits[part[0]] + re.escape(part[1:]) for part in rest))


def _read_int(column: str, cell: object) -> Read | None:
    text = read_text(column, cell)
    if text is None:
        return None
    if re.fullmatch(r"-?[0-9]{1,12}", text) is None:
        raise Unreadable(column, "is no whole number")
    return Read(int(text))


def _read_bool(column: str, cell: object) -> bool | None:
    if isinstance(cell, bool):
        return cell
    text = read_text(column, cell)
    if text is None:
        return None
    word = text.casefold()
    if word not in TRUE and word not in FALSE:
        raise Unreadable(column, "is neither yes nor no")
    return word in TRUE


def _translate(rule: Cell, text: str) -> Read:
    code = rule.codes.get(text.casefold())
    if code is None:
        raise Unreadable(rule.column, "holds a word that the mapping's codes do not translate")
    return Read(code)


def _is_whole(number: Decimal) -> bool:
    return number.is_finite() and number == number.to_integral_value()


def _not_plain(cell: object, wanted: str) -> str:
    if cell is UNCALCULATED:
        return "holds a formula without a stored result; open and save the file in the spreadsheet program"
    return f"holds a {type(cell).__name__} where {wanted} is expected"
