"""A paper as a value: what it says, apart from whether it becomes a PDF or plain text. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

RIGHT_TO_LEFT = frozenset({"ar", "fa", "fa-AF", "ps"})
"""Languages whose papers begin at the right."""


class Heading(NamedTuple):
    """A heading within a paper."""

    text: str


class Text(NamedTuple):
    """A paragraph; `strong` is what must not be overlooked, `small` what is there for those who check."""

    text: str
    strong: bool = False
    small: bool = False


class Code(NamedTuple):
    """Letters and digits that are typed or compared as they stand: from left to right in every language."""

    text: str


class Table(NamedTuple):
    """Rows under a header; a paper of pairs has no header."""

    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] = ()


class Picture(NamedTuple):
    """A QR code that holds an address."""

    address: str


Block = Heading | Text | Code | Table | Picture


class Paper(NamedTuple):
    """One paper in one language."""

    language: str
    title: str
    blocks: tuple[Block, ...]


class Attached(NamedTuple):
    """A file that travels within the PDF."""

    name: str
    content: bytes


def markdown(papers: Sequence[Paper]) -> str:
    """Write papers as Markdown, one after the other."""
    return "\n\n".join("\n\n".join([f"# {paper.title}", *map(_plain, paper.blocks)]) for paper in papers) + "\n"


def _plain(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {text}"
        case Text(text, strong):
            return f"**{text}**" if strong else text
        case Picture(text) | Code(text):
            return text
        case Table(rows, header):
            width = len(header) or max((len(row) for row in rows), default=1)
            lines = [header or ("",) * width, ("---",) * width, *rows]
            return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
