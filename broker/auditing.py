"""FLOW of an auditor at the broker: look through the log from its newest entry backwards, and follow one exchange.

Nothing here proves anything to an auditor: each entry comes with its proof, and a replay on a machine of their own
repeats every decision. All that is shown lies under the checkpoint that is shown to the world. No call reads the whole
log: it looks through a bounded part, and says where it stopped.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from broker.core.log_lines import Line, Timeline, Wanted, grant_of, line_of
from broker.log_files import PAGE, LogFiles
from consent_ledger.core.checkpoint import Checkpoint, unverified_checkpoint
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.earlier import AllEntries, Receipted
from schemas import statements as st
from schemas.entries import decode_entry
from schemas.errors import Pruned

ROWS: Final = 50
"""How many lines a page shows at most."""
LOOKED_THROUGH: Final = 4 * PAGE
"""How many entries are looked through for a page at most, when few are wanted."""
FOLLOWED: Final = 40 * PAGE
"""How far an exchange is followed at a time: most entries between are passed over by a glance at their bytes."""


class Found(NamedTuple):
    """Wanted lines, newest first, out of the entries from `reached` up to `start` (excluded).

    None that are wanted can lie before `bottom`.
    """

    lines: list[Line]
    start: int
    reached: int
    bottom: int

    @property
    def further(self) -> bool:
        """Tell whether there is more to look through."""
        return self.reached > self.bottom


class Opened(NamedTuple):
    """One entry, and the exchange it belongs to; `followed` is the index up to which its entries were looked for.

    `timeline` is None for an entry of no exchange, or of several at once, and where its request was pruned.
    """

    leaf: Leaf
    line: Line
    timeline: Timeline | None
    followed: int


@dataclass(frozen=True)
class Auditing:
    """The log as an auditor may see it: all of it, under the checkpoint that is shown to the world."""

    files: LogFiles
    checkpoint: Callable[[], bytes | None]

    def shown(self) -> Checkpoint | None:
        """Give the checkpoint under which all lies that is shown; None while the log has none."""
        note = self.checkpoint()
        return None if note is None else unverified_checkpoint(note)

    @property
    def size(self) -> int:
        """How many entries are shown."""
        shown = self.shown()
        return 0 if shown is None else self.files.first + shown.size

    async def find(self, wanted: Wanted, before: int | None = None) -> Found:
        """Look for entries from an index backwards; without one, from the newest or from the end of the days wanted."""
        bottom, top = await self.files.ask(_Bounds(wanted, self.size))
        start = reached = top if before is None else max(bottom, min(before, top))
        lines: list[Line] = []
        lowest = max(bottom, start - LOOKED_THROUGH)
        while reached > lowest and len(lines) < ROWS:
            seen = await self.files.ask(_Backwards(wanted, max(lowest, reached - PAGE), reached, ROWS - len(lines)))
            lines += seen.lines
            reached = seen.reached
        return Found(lines, start, reached, bottom)

    async def open(self, index: int, after: int | None = None) -> Opened | None:
        """Open an entry and follow its exchange, from behind `after` where that was followed before; None beyond it.

        Raises Pruned for an entry whose time was over.
        """
        size = self.size
        if not 0 <= index < size:
            return None
        leaf, line, timeline = await self.files.ask(lambda reader: _begin(reader, index))
        if timeline is None:
            return Opened(leaf, line, None, index)
        followed = max(timeline.asked.index, after or 0) + 1
        stop = min(size, followed + FOLLOWED)
        while followed < stop and not timeline.over:
            follow = _Forwards(timeline, followed, min(stop, followed + PAGE))
            followed = await self.files.ask(follow)
        return Opened(leaf, line, timeline, followed)

    async def receipt(self, index: int) -> Receipted | None:
        """Give an entry with the proof that it stands in the log; None for one that is not shown."""
        note = self.checkpoint()
        if note is None or not 0 <= index < self.size:
            return None
        return await self.files.receipt(index, note)


@dataclass(frozen=True)
class _Bounds:
    """Finds between which indices of `size` entries lie those of the times that are wanted."""

    wanted: Wanted
    size: int

    def __call__(self, reader: AllEntries) -> tuple[int, int]:
        """Do it, in the reader's thread: the log's time never runs backwards, so halving finds it."""
        until_ms = self.wanted.until_ms
        return self._first_from(reader, self.wanted.from_ms), (
            self.size if until_ms is None else self._first_from(reader, until_ms)
        )

    def _first_from(self, reader: AllEntries, at_ms: int) -> int:
        oldest = reader.earlier.oldest
        if at_ms <= 0:
            return oldest
        found = range(oldest, self.size)
        return oldest + bisect_left(found, at_ms, key=lambda index: decode_entry(reader.entry(index))[1].time)


class _Seen(NamedTuple):
    """The wanted lines of a page, and the index down to which it was looked through."""

    lines: list[Line]
    reached: int


@dataclass(frozen=True)
class _Backwards:
    """Looks through the entries from `start` to `stop`, the last first, until `most` wanted ones are found."""

    wanted: Wanted
    start: int
    stop: int
    most: int

    def __call__(self, reader: AllEntries) -> _Seen:
        """Do it, in the reader's thread."""
        lines: list[Line] = []
        for index, raw in reversed(list(reader.entries(self.start, self.stop))):
            if self.wanted.may_be(raw):
                line = line_of(index, read_leaf(raw), reader.entry)
                lines += [line] if self.wanted.takes(line) else []
            if len(lines) == self.most:
                return _Seen(lines, index)
        return _Seen(lines, self.start)


@dataclass(frozen=True)
class _Forwards:
    """Shows a timeline the entries from `start` to `stop`, until nothing more can come."""

    timeline: Timeline
    start: int
    stop: int

    def __call__(self, reader: AllEntries) -> int:
        """Do it, in the reader's thread; give the index to go on from."""
        for index, raw in reader.entries(self.start, self.stop):
            self.timeline.see(index, raw, reader.entry)
            if self.timeline.over:
                return index + 1
        return self.stop


def _begin(reader: AllEntries, index: int) -> tuple[Leaf, Line, Timeline | None]:
    """Read an entry and the request it decides on or answers, if it does and the request was not pruned."""
    leaf = read_leaf(reader.entry(index))
    line = line_of(index, leaf, reader.entry)
    grant = grant_of(leaf)
    try:
        asked = leaf if grant is None else read_leaf(reader.entry(grant))
    except Pruned:
        return leaf, line, None
    if not isinstance(asked.statement, st.Request):
        return leaf, line, None
    basis = asked.statement.basis
    first = line if grant is None else line_of(grant, asked, reader.entry)
    return leaf, line, Timeline(first, basis.consent or basis.given)
