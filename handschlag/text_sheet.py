"""The translators' table as a spreadsheet: written for people who translate, read back as texts and nothing else.

What a program would reckon out is no text: a cell with a formula, a number or a date is refused by its place.
"""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils.cell import get_column_letter

from adapters.sources.workbook import BROKEN, opened
from schemas.errors import Malformed

WIDTHS: Final = (30, 60, 60, 70)
"""Of the columns, in letters: key, German, English, the language."""
MAX_ROWS: Final = 5000
MAX_COLUMNS: Final = 20
MAX_UNPACKED: Final = 20 * 1024 * 1024


def write_sheet(rows: Iterable[Sequence[str]], *, right_to_left: bool) -> bytes:
    """Write a table as an XLSX workbook with one sheet: headings that stay in view, long texts in several lines.

    Each cell is a text, whatever it begins with. `right_to_left` is the direction of the last column's language.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("texts")
    sheet.freeze_panes = "B2"
    for column, width in enumerate(WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for number, row in enumerate(rows):
        cells = []
        for column, text in enumerate(row, start=1):
            cell = WriteOnlyCell(sheet)
            cell.value = text
            cell.data_type = "s"
            right = right_to_left and column == len(row)
            cell.alignment = Alignment(wrap_text=True, vertical="top", readingOrder=2 if right else 1)
            cell.font = Font(bold=number == 0)
            cells.append(cell)
        sheet.append(cells)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def read_sheet(raw: bytes, file: str) -> list[list[str]]:
    """Read the rows of a workbook's first sheet, without empty rows and columns at their ends.

    Raises Malformed for bytes that are no workbook, one too large, and with one line for each cell that is no text.
    """
    try:
        sheet = opened(raw, file, data_only=False, most=MAX_UNPACKED).wb.worksheets[0]
        sheet.reset_dimensions()
        cells = [list(row) for row in sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS)]
    except (*BROKEN, IndexError) as error:
        message = f"{file}: no complete XLSX workbook ({type(error).__name__})"
        raise Malformed(message) from None
    if len(cells) > MAX_ROWS:
        message = f"{file}: more than {MAX_ROWS} rows"
        raise Malformed(message)
    found: list[str] = []
    rows = [
        [_text(cell, f"{file}:{number}: column {column}", found) for column, cell in enumerate(row, start=1)]
        for number, row in enumerate(cells, start=1)
    ]
    if found:
        raise Malformed("\n".join(found))
    rows = [_cut(row) for row in rows]
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _text(cell: object, place: str, found: list[str]) -> str:
    value, kind = getattr(cell, "value", None), getattr(cell, "data_type", "n")
    if value is None:
        return ""
    if kind == "f":
        found.append(f"{place}: holds a formula; write the text itself")
    elif not isinstance(value, str):
        found.append(f"{place}: holds a number, a date or a truth; write a text")
    return str(value)


def _cut(row: list[str]) -> list[str]:
    """Leave out empty cells beyond the table's own columns."""
    while len(row) > len(WIDTHS) and not row[-1]:
        row.pop()
    return row
