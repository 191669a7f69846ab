"""A CSV file of an agency as a source: encoding and delimiter are declared in the mapping, never guessed.

A file that is being written has, at its end, half a line: no line break, an open quotation mark, too few cells. Such a
file is not read. Where an export writes in pieces that may end with a line, the mapping names its closing line with
`end`, and a file without it is not whole.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from adapters.sources.headings import Line, columns_at
from adapters.sources.mapping import SourceMapping
from adapters.sources.table_file import TableFile
from adapters.sources.text import clean
from schemas.errors import Malformed, Unavailable

MAX_CELL: Final = 131_072
MAX_ROWS: Final = 500_000

_MARK: Final = b"\xef\xbb\xbf"
_UTF8_LETTER: Final = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")


def csv_source(mapping: SourceMapping, path: Path, *, timeout_s: float) -> TableFile:
    """Prepare for the CSV file at `path`, or the newest whose name fits it."""
    return TableFile(mapping, path, lambda raw, columns: read_csv(raw, mapping, columns), timeout_s=timeout_s)


def read_csv(raw: bytes, mapping: SourceMapping, columns: Sequence[str]) -> tuple[Line, ...]:
    """Read the lines below the headings, leaving out those without any text.

    Raises Unavailable for a file that is not whole, Malformed for a line in another encoding, a row of another length
    than the headings, a heading that is missing or stands twice.
    """
    place = mapping.location
    text = _decoded(raw, mapping)
    rows = list(_rows(text, mapping))
    if len(rows) < mapping.header_row:
        message = f"{place}: the row of headings is not there"
        raise Unavailable(message)
    number, headings = rows[mapping.header_row - 1]
    at = columns_at(headings, f"{place}, line {number}", columns)
    lines = []
    for number, cells in rows[mapping.header_row :]:
        _demand_width(cells, len(headings), f"{place}, line {number}")
        lines.append(Line(number, tuple(cells[column - 1] for column in at)))
    return tuple(lines)


def _decoded(raw: bytes, mapping: SourceMapping) -> str:
    """Decode the whole file; a file of mixed encodings is refused with the first line that shows it."""
    place, encoding = mapping.location, mapping.encoding
    if raw.startswith(_MARK) and encoding != "utf-8-sig":
        message = f"{place}: begins with the mark of UTF-8; the encoding in {mapping.file} is utf-8-sig"
        raise Malformed(message)
    if raw and not raw.endswith((b"\n", b"\r")):
        message = f"{place}: the last line has no end; the file is being written"
        raise Unavailable(message)
    if encoding == "cp1252":
        other = _UTF8_LETTER.search(raw)
        if other is not None:
            message = f"{place}, line {_line_at(raw, other.start())}: is UTF-8, not cp1252 as {mapping.file} says"
            raise Malformed(message)
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"{place}, line {_line_at(raw, error.start)}: is not {encoding} as {mapping.file} says"
        raise Malformed(message) from None


def _line_at(raw: bytes, at: int) -> int:
    return len(re.findall(rb"\r\n|\r|\n", raw[:at])) + 1


def _rows(text: str, mapping: SourceMapping) -> Iterator[tuple[int, list[str]]]:
    """Give each row with the number of the line it begins in; rows without any text are passed over."""
    lines = StringIO(text, newline="").readlines()
    if mapping.end is not None:
        while lines and not clean(lines[-1]):
            lines.pop()
        if not lines or clean(lines.pop()) != clean(mapping.end):
            message = f"{mapping.location}: the closing line is missing; the file is being written"
            raise Unavailable(message)
    reader = csv.reader(lines, delimiter=mapping.delimiter, strict=True)
    begins = 1
    try:
        for count, cells in enumerate(reader):
            if count > MAX_ROWS:
                message = f"{mapping.location}: more than {MAX_ROWS} rows"
                raise Malformed(message)
            if any(clean(cell) for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        if "end of data" in str(error):
            message = f"{mapping.location}, line {begins}: a quotation mark is never closed; the file is being written"
            raise Unavailable(message) from None
        large = "limit" in str(error)
        rule = f"a cell has more than {MAX_CELL} characters" if large else "a quotation mark stands in a wrong place"
        message = f"{mapping.location}, line {begins}: {rule}"
        raise Malformed(message) from None


def _demand_width(cells: Sequence[str], width: int, place: str) -> None:
    """Refuse a row whose cells cannot be told to their headings; blanks beyond the last heading do no harm."""
    if len(cells) < width or any(clean(cell) for cell in cells[width:]):
        message = f"{place}: {len(cells)} cells where the headings are {width}; is the delimiter right?"
        raise Malformed(message)
