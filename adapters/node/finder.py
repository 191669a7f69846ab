"""FLOW of finding a person among the holder's own: an index in memory that follows the source.

All rows are read once when the node starts and again whenever the source says that it has changed, in parts, beside
the calls. A question then looks at the rows as they are now: those the source itself finds for the names and the birth
date are put into the index first, and the row that was found is read again. What is not up to date is therefore at
most a rival under another spelling that came in since the last look.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from adapters.node.background import Background, Sweep
from adapters.node.core.matching import Match, PersonIndex
from adapters.node.core.matching.unlisted import match_exactly
from adapters.sources.port import Candidate, LocalRef, Source
from consent_ledger.ports import Clock
from schemas.errors import Unavailable
from schemas.record import PersonBlock

LOOK_EVERY_MS: Final = 60_000
"""How often a source is asked whether it has changed."""
READ_EVERY_MS: Final = 15 * 60_000
"""How often a source is read again that cannot say."""
MAX_LOOKS: Final = 3

T = TypeVar("T")


@dataclass
class Finder:
    """The holder's own persons; `progress` hears, while they are read, how many were."""

    source: Source
    background: Background
    clock: Clock
    progress: Callable[[int], None]
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "person-index"))
    _index: PersonIndex = field(default_factory=PersonIndex)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _listed: bool = True
    _state: str | None = None

    def __post_init__(self) -> None:
        """Prepare to look at the source by the clock."""
        self._looks = Sweep(self.background, self.clock, "persons", self._look)

    def start(self) -> None:
        """Begin to read; questions wait for it."""
        self._looks.now()

    def close(self) -> None:
        """Look no more."""
        self._looks.close()
        self._thread.shutdown(wait=False)

    async def find(self, person: PersonBlock) -> Match:
        """Find a person; raises Unavailable when the source is down, Malformed when a row cannot be read."""
        rows = await self.source.candidates(person)
        await self._ready.wait()
        if not self._listed:
            return match_exactly(person, rows)
        found = await self._ask(person, rows)
        for _ in range(MAX_LOOKS):
            if not found.candidates:
                return found
            best = found.candidates[0].candidate
            now = await self._now(best.ref)
            if now == best:
                return found
            found = await self._ask(person, () if now is None else (now,), gone=best.ref if now is None else None)
        message = f"{len(found.candidates)} rows change while they are looked at"
        raise Unavailable(message)

    async def _now(self, ref: LocalRef) -> Candidate | None:
        """Read a row as it is; None when it is gone, and then, or should the source be down, all are read again."""
        try:
            return await self.source.lookup(ref)
        except Unavailable:
            self._state = None
            return None

    async def _ask(self, person: PersonBlock, rows: tuple[Candidate, ...], gone: LocalRef | None = None) -> Match:
        def work() -> Match:
            """Take in what is new, take out what is gone, then ask."""
            for row in rows:
                self._index.add(row)
            if gone is not None:
                self._index.remove(gone)
            return self._index.query(person)

        return await self._aside(work)

    async def _look(self, now_ms: int) -> int | None:
        """Read everybody again if the source has changed, or cannot say; give when to look next."""
        state = await self.source.state()
        if state is None or state != self._state:
            await self._read()
            self._state = state
        self._ready.set()
        if not self._listed:
            return None
        return now_ms + (READ_EVERY_MS if state is None else LOOK_EVERY_MS)

    async def _read(self) -> None:
        refs: set[LocalRef] = set()
        after: object | None = None
        while True:
            listing = await self.source.persons(after)
            if listing is None:
                self._listed = False
                return
            await self._aside(partial(self._take, listing.candidates))
            refs.update(row.ref for row in listing.candidates)
            self.progress(len(refs))
            after = listing.after
            if after is None:
                await self._aside(partial(self._index.keep, refs))
                return

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do what takes a while in the index's own thread: it is of one thread, and the loop waits for nobody."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _take(self, rows: tuple[Candidate, ...]) -> None:
        for row in rows:
            self._index.add(row)
