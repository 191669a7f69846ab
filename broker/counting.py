"""FLOW of counting: what the log held before is read once, page by page, when somebody first asks; then commits count.

No page reads the log for it: a start from a snapshot reads no old entries, so they are read beside it, and only here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.core.tally import Tally, counted
from broker.log_files import LogFiles
from consent_ledger.core.leaf import Leaf
from consent_ledger.sequencer import Receipt

PATIENCE_S: Final = 1.0
"""How long whoever asks waits for the counting to come up with the log."""


@dataclass
class Counting:
    """Keeps a tally up with the log from the first time it is asked for; `size` is the log's."""

    files: LogFiles
    size: Callable[[], int]
    _tally: Tally = field(default_factory=Tally)
    _task: asyncio.Task[None] | None = None

    def committed(self, receipts: Sequence[Receipt]) -> None:
        """Hear of a batch from the sequencer; what stands behind uncounted entries is counted after them."""
        for receipt in receipts:
            self._tally.see(receipt.index, receipt.leaf)

    async def tally(self) -> Tally:
        """Give what is counted by now, after a moment's patience; its `size` says how far that is.

        Raises what kept the log from being read; who asks after that lets it be tried again.
        """
        if self._tally.size < self.size() and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._catch_up())
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=PATIENCE_S)
        if self._task is not None and self._task.done():
            await self._task
        return self._tally

    async def _catch_up(self) -> None:
        self._tally.size = max(self._tally.size, self.files.oldest)
        while self._tally.size < self.size():
            page: list[tuple[int, Leaf | None]] = []
            await self.files.walk(self._tally.size, self.size(), _Reading(page))
            for index, leaf in page:
                self._tally.see(index, leaf)


@dataclass(frozen=True)
class _Reading:
    """Reads the entries of a page that count, in the reader's thread; they are counted in the loop's."""

    page: list[tuple[int, Leaf | None]]

    def __call__(self, index: int, raw: bytes) -> None:
        """Take one entry."""
        self.page.append((index, counted(raw)))
