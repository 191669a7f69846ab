"""A first look at an agency's file or database, before there is a mapping, so that one can be proposed."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from adapters.sources.cells import Row
from adapters.sources.columns import Sight, look
from adapters.sources.sql_looking import look_at_database
from adapters.sources.text import clean
from adapters.sources.workbook import read_headings, read_lines
from schemas.errors import Malformed, Unavailable

_DELIMITERS: Final = (";", ",", "\t", "|")
_SHEETS: Final = frozenset({".xlsx", ".xlsm"})
_TABLES: Final = frozenset({".csv", ".txt", ".tsv"})


def look_at(location: str, folder: Path, table: str | None, secret: str | None) -> Sight:
    """Look at a file, seen from `folder`, or a server's address; `table` chooses one of several tables or sheets.

    Reads without writing and keeps nothing. Raises Unavailable or Malformed with what to mend.
    """
    if "://" in location:
        return look_at_database(location, folder, table, secret)
    suffix = Path(location).suffix.lower()
    if suffix in _TABLES:
        return _csv(location, _bytes(folder / location, location))
    if suffix in _SHEETS:
        return _sheet(location, _bytes(folder / location, location), table)
    return look_at_database(location, folder, table, None)


def _bytes(path: Path, location: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{location}: the file cannot be read ({type(error).__name__})"
        raise Unavailable(message) from None


def _csv(location: str, raw: bytes) -> Sight:
    encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8" if _is_utf8(raw) else "cp1252"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        message = f"{location}: is neither UTF-8 nor cp1252"
        raise Malformed(message) from None
    first = next((line for line in StringIO(text, newline="") if clean(line)), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        every = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [row for row in every if any(clean(cell) for cell in row)]
    except csv.Error:
        message = f"{location}: quotation marks or cells out of form"
        raise Malformed(message) from None
    if not rows:
        message = f"{location}: no row of headings"
        raise Malformed(message)
    head = (("kind", "csv"), ("location", location), ("encoding", encoding), ("delimiter", delimiter))
    names = [clean(name) for name in rows[0]]
    return _seen(head, names, [_fitted(row, len(names)) for row in rows[1:]])


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fitted(row: Sequence[str], width: int) -> Row:
    return tuple((*row, *("",) * width)[:width])


def _sheet(location: str, raw: bytes, table: str | None) -> Sight:
    sheet, headings = read_headings(raw, location, table)
    names = [name for name in headings if name and headings.count(name) == 1]
    lines = read_lines(raw, location, sheet, 1, names)
    head = (("kind", "sheet"), ("location", location), ("table", sheet))
    return _seen(head, names, [line.cells for line in lines])


def _seen(head: tuple[tuple[str, str], ...], names: Sequence[str], rows: Sequence[Row]) -> Sight:
    """Look at the columns that have a heading of their own."""
    own = [at for at, name in enumerate(names) if name and names.count(name) == 1]
    columns, count = look([names[at] for at in own], (tuple(row[at] for at in own) for row in rows))
    return Sight(head, columns, count)
