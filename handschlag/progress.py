"""How far a command has come: a bar on a terminal, or lines for a program that watches it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Told = Callable[[int], None]
Show = Callable[[str, int], AbstractContextManager[Told]]
"""Takes a title and how much there is to do, and gives what is told how much is done."""

_STEPS: Final = 100


@contextmanager
def bar(title: str, total: int) -> Iterator[Told]:
    """Show a bar, on a terminal only."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(title, total=total)
        yield lambda done: shown.update(task, completed=done)


class Lines:
    """Says on standard output how much is done of how much, of all that was begun together: a line for each percent."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._done: list[int] = []
        self._total = 0
        self._said = -1

    @contextmanager
    def __call__(self, _: str, total: int) -> Iterator[Told]:
        """Take up one more thing to do."""
        place = len(self._done)
        self._done.append(0)
        self._total += total

        def told(done: int) -> None:
            self._done[place] = done
            self._say(sum(self._done))

        yield told

    def _say(self, done: int) -> None:
        step = done * _STEPS // max(self._total, 1)
        if step != self._said:
            self._said = step
            click.echo(f"{done} {self._total}")
