"""How the demo speaks on the terminal: chapters, lines, tables; readable without colour as well."""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

WIDTH: Final = 100


class Teller:
    """Writes the story down, with the seconds since its beginning."""

    def __init__(self) -> None:
        """Begin to count the time."""
        self._console = Console(width=WIDTH, highlight=False)
        self._began = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        self._console.print()
        self._console.rule(f"[bold]{self._chapter}. {title}", align="left")

    def __call__(self, text: str) -> None:
        """Say one thing."""
        seconds = time.monotonic() - self._began
        self._console.print(f"[dim]{seconds:5.1f} s[/]  {text}")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table."""
        table = Table(*head, box=None, pad_edge=False, header_style="bold dim", padding=(0, 3, 0, 0))
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def box(self, title: str, lines: Iterable[str]) -> None:
        """Show some lines in a frame."""
        self._console.print(Panel("\n".join(lines), title=title, title_align="left", width=WIDTH))
