"""From papers to a PDF: shaped and ordered for every script, fonts within, files attached.

Making one takes tenths of a second: `in_thread` keeps it off the event loop.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import Final

import segno
from fpdf import FPDF, FontFace
from fpdf.enums import Align, TextDirection, XPos, YPos

from adapters.node.papers.blocks import RIGHT_TO_LEFT, Attached, Block, Code, Heading, Paper, Picture, Table, Text
from schemas.errors import Misuse

REGULAR: Final = 400
STRONG: Final = 600
MARGIN_MM: Final = 18.0
QR_MM: Final = 28.0
_BODY_PT: Final = 11
_SMALL_PT: Final = 8
_LINE: Final = 1.45
_FACES: Final = {
    **dict.fromkeys(("ar", "fa", "fa-AF", "ps"), "noto-sans-arabic"),
    **dict.fromkeys(("ti", "am"), "noto-sans-ethiopic"),
}
_UNPRINTED: Final = str.maketrans("", "", "\u2068\u2069\u200e\u200f")
"""Marks that order text on a screen; here each paragraph has its direction, and the fonts have no sign for them."""


async def in_thread(papers: Sequence[Paper], attached: Sequence[Attached], at_ms: int) -> bytes:
    """Make the PDF beside the event loop."""
    return await asyncio.to_thread(render, papers, attached, at_ms)


def render(papers: Sequence[Paper], attached: Sequence[Attached], at_ms: int) -> bytes:
    """Make a PDF of papers, each on pages of its own; the same papers at the same time give the same bytes."""
    pdf = _Sheet(format="A4")
    pdf.set_creation_date(datetime.fromtimestamp(at_ms / 1000, UTC))
    pdf.set_margin(MARGIN_MM)
    pdf.set_auto_page_break(auto=True, margin=MARGIN_MM)
    pdf.set_title(papers[0].title)
    pdf.set_lang(papers[0].language)
    for face in {_face(paper.language) for paper in papers}:
        _load(pdf, face)
    for paper in papers:
        _put(pdf, paper)
    for one in attached:
        pdf.embed_file(basename=one.name, bytes=one.content, compress=True)
    return bytes(pdf.output())


class _Sheet(FPDF):
    """Pages that are numbered at their foot."""

    face = "fira-sans"

    def footer(self) -> None:
        """Write the number of the page."""
        self.set_y(-12)
        self.set_font(self.face, size=_SMALL_PT)
        self.cell(0, 5, str(self.page_no()), align=Align.C)


def _face(language: str) -> str:
    return _FACES.get(language, "fira-sans")


def _load(pdf: FPDF, face: str) -> None:
    """Load a face in both weights; Misuse when what `make venv` makes is not there."""
    folder = files("adapters.node.papers") / "fonts"
    for weight, style in ((REGULAR, ""), (STRONG, "B")):
        font = folder / f"{face}-{weight}.ttf"
        if not font.is_file():
            message = "papers: the fonts were not made; run `make venv`"
            raise Misuse(message)
        pdf.add_font(face, "B" if style else "", str(font))


def _put(pdf: _Sheet, paper: Paper) -> None:
    """Put one paper on new pages."""
    pdf.face = _face(paper.language)
    right = paper.language in RIGHT_TO_LEFT
    pdf.set_font(pdf.face, size=_BODY_PT)
    _direct(pdf, right=right)
    pdf.add_page()
    _write(pdf, paper.title, right=right, size=17, style="B")
    for block in paper.blocks:
        _block(pdf, block, right=right)


def _direct(pdf: FPDF, *, right: bool) -> None:
    """Shape what follows as a paragraph that begins at the right, or at the left."""
    pdf.set_text_shaping(use_shaping_engine=True, direction=TextDirection.RTL if right else TextDirection.LTR)


def _block(pdf: _Sheet, block: Block, *, right: bool) -> None:
    write = partial(_write, pdf, right=right)
    match block:
        case Heading(text):
            write(text, size=12, style="B", before=1.5)
        case Text(text, strong, small):
            write(text, size=_SMALL_PT if small else _BODY_PT, style="B" if strong else "")
        case Code(text):
            _direct(pdf, right=False)
            write(text, size=_BODY_PT + 2, style="B")
            _direct(pdf, right=right)
        case Picture(address):
            _qr(pdf, address, right=right)
        case Table():
            _table(pdf, block, right=right)


def _write(pdf: _Sheet, text: str, *, right: bool, size: int, style: str = "", before: float = 0.0) -> None:
    pdf.set_font(pdf.face, style=style, size=size)
    pdf.set_y(pdf.get_y() + before)
    align = Align.R if right else Align.L
    height = size * _LINE * 0.3528
    pdf.multi_cell(0, height, _printed(text), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_y(pdf.get_y() + 1.2)


def _qr(pdf: _Sheet, address: str, *, right: bool) -> None:
    """Draw a QR code as squares, so that it is sharp on every printer."""
    rows = [bytes(row) for row in segno.make_qr(address, error="m").matrix_iter(border=0)]
    step = QR_MM / len(rows)
    if pdf.get_y() + QR_MM > pdf.h - MARGIN_MM:
        pdf.add_page()
    left = pdf.w - MARGIN_MM - QR_MM if right else MARGIN_MM
    top = pdf.get_y() + 2
    pdf.set_fill_color(0)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:
                pdf.rect(left + across * step, top + down * step, step, step, style="F")
    pdf.set_y(top + QR_MM + 3)


def _table(pdf: _Sheet, table: Table, *, right: bool) -> None:
    """Draw a table; a table of pairs has its names in strong letters."""
    if not table.rows:
        return
    pairs = not table.header
    pdf.set_font(pdf.face, size=_BODY_PT if pairs else 9)
    rows = [table.header, *table.rows] if table.header else list(table.rows)
    names = FontFace(emphasis="BOLD", fill_color=None)
    with pdf.table(
        first_row_as_headings=bool(table.header),
        headings_style=names,
        text_align=Align.R if right else Align.L,
        col_widths=((7, 3) if right else (3, 7)) if pairs else None,
        borders_layout="HORIZONTAL_LINES",
        padding=1,
        line_height=5,
    ) as drawn:
        for texts in rows:
            row = drawn.row()
            cells = list(enumerate(texts))
            for place, text in reversed(cells) if right else cells:
                row.cell(_printed(text), style=names if pairs and place == 0 else None)
    pdf.set_y(pdf.get_y() + 3)


def _printed(text: str) -> str:
    return text.translate(_UNPRINTED)
