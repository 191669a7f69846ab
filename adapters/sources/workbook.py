"""From the bytes of an XLSX workbook to the rows of one sheet, as far as a mapping names its columns.

Refused is what would be read wrongly: a heading that is missing or stands twice, merged cells among the data, whose
second cell looks empty. A formula without a stored result is marked, because it looks empty as well.
"""

import re
import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Final, NamedTuple
from zipfile import BadZipFile

from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.functions import iterparse

from adapters.sources.cells import UNCALCULATED
from adapters.sources.headings import Line, columns_at
from adapters.sources.text import clean
from schemas.errors import Malformed, Unavailable

MAX_UNPACKED: Final = 400 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 500

BROKEN: Final = (
    BadZipFile,
    InvalidFileException,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    struct.error,
    zlib.error,
)
"""What openpyxl raises for bytes that are no whole workbook."""
_FORMULA_OR_MERGED: Final = re.compile(rb"<(\w+:)?(f|mergeCell)[\s>/]")


class _Hidden(NamedTuple):
    """What openpyxl does not tell: formulas without a result (row, column), merged areas (left, top, right, bottom)."""

    uncalculated: frozenset[tuple[int, int]]
    merged: tuple[tuple[int, int, int, int], ...]


def read_lines(raw: bytes, place: str, sheet: str, header_row: int, columns: Sequence[str]) -> tuple[Line, ...]:
    """Read the lines below the headings, leaving out those that are blank in all named columns.

    `place` names the file in messages. Raises Unavailable for bytes that are no whole workbook (somebody may be saving
    it), Malformed for sheet, headings and merged cells.
    """
    try:
        rows, hidden = _unpack(raw, place, sheet)
    except BROKEN as error:
        message = f"{place}: no complete XLSX workbook ({type(error).__name__})"
        raise Unavailable(message) from None
    place = f"{place}, sheet {sheet}"
    at = columns_at(rows[header_row - 1] if len(rows) >= header_row else (), f"{place}, row {header_row}", columns)
    _refuse_merged(hidden.merged, header_row, dict(zip(at, columns, strict=True)), place)
    lines = (
        Line(number, tuple(_cell(row, number, column, hidden) for column in at))
        for number, row in enumerate(rows[header_row:], start=header_row + 1)
    )
    return tuple(line for line in lines if any(cell is not None and cell != "" for cell in line.cells))


def read_headings(raw: bytes, place: str, sheet: str | None) -> tuple[str, tuple[str, ...]]:
    """Give the name of a sheet, the first one that has headings unless it is named, and the headings of its first row.

    Raises Unavailable for bytes that are no whole workbook, Malformed when there is no such sheet.
    """
    try:
        reader = opened(raw, place)
        for page in reader.wb.worksheets:
            page.reset_dimensions()
            rows = page.iter_rows(max_row=1, max_col=MAX_COLUMNS, values_only=True)
            names = tuple(clean(cell) if isinstance(cell, str) else "" for cell in next(iter(rows), ()))
            if clean(page.title) == sheet or (sheet is None and sum(map(bool, names)) > 1):
                return clean(page.title), names
    except BROKEN as error:
        message = f"{place}: no complete XLSX workbook ({type(error).__name__})"
        raise Unavailable(message) from None
    message = f"{place}: no sheet {sheet or 'with headings in its first row'}"
    raise Malformed(message)


def opened(raw: bytes, place: str, *, data_only: bool = True, most: int = MAX_UNPACKED) -> ExcelReader:
    """Open a workbook for reading; without `data_only` formulas are given as such, not their stored results.

    Raises Malformed for one that unpacks to more than `most` bytes, one of `BROKEN` for bytes that are no workbook.
    """
    reader = ExcelReader(BytesIO(raw), read_only=True, data_only=data_only, keep_links=False)
    if sum(member.file_size for member in reader.archive.infolist()) > most:
        message = f"{place}: more than {most} bytes when unpacked"
        raise Malformed(message)
    reader.read()
    return reader


def _unpack(raw: bytes, place: str, sheet: str) -> tuple[list[tuple[object, ...]], _Hidden]:
    """Read all rows of the sheet, and what is hidden in it."""
    reader = opened(raw, place)
    members = {clean(found.name): rel.target for found, rel in reader.parser.find_sheets()}
    found = {clean(one.title): one for one in reader.wb.worksheets}.get(sheet)
    if found is None:
        message = f"{place}: no sheet named {sheet}"
        raise Malformed(message)
    found.reset_dimensions()
    rows: list[tuple[object, ...]] = list(found.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS, values_only=True))
    if len(rows) > MAX_ROWS:
        message = f"{place}, sheet {sheet}: more than {MAX_ROWS} rows"
        raise Malformed(message)
    return rows, _hidden(reader.archive.read(members[sheet]))


def _hidden(sheet: bytes) -> _Hidden:
    """Find formulas without a result and merged areas in the sheet's XML."""
    if _FORMULA_OR_MERGED.search(sheet) is None:
        return _Hidden(frozenset(), ())
    uncalculated: set[tuple[int, int]] = set()
    merged: list[tuple[int, int, int, int]] = []
    for _, element in iterparse(BytesIO(sheet), events=("end",)):
        name = element.tag.rpartition("}")[2]
        if name == "c":
            parts = {child.tag.rpartition("}")[2]: child.text for child in element}
            if "f" in parts and parts.get("v") is None:
                uncalculated.add(coordinate_to_tuple(element.attrib["r"]))
        elif name == "mergeCell":
            left, top, right, bottom = range_boundaries(element.attrib["ref"])
            merged.append((left or 1, top or 1, right or MAX_COLUMNS, bottom or MAX_ROWS))
        elif name == "row":
            element.clear()
    return _Hidden(frozenset(uncalculated), tuple(merged))


def _refuse_merged(
    merged: Sequence[tuple[int, int, int, int]], header_row: int, names: dict[int, str], place: str
) -> None:
    for left, top, right, bottom in merged:
        touched = [names[column] for column in range(left, right + 1) if column in names]
        if touched and bottom >= header_row:
            message = f"{place}, row {top}, column {touched[0]}: merged cells; each cell stands for itself"
            raise Malformed(message)


def _cell(row: Sequence[object], number: int, column: int, hidden: _Hidden) -> object:
    if (number, column) in hidden.uncalculated:
        return UNCALCULATED
    return row[column - 1] if column <= len(row) else None
