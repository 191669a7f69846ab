"""FLOW of what an auditor has this machine do: replay the whole log, or pack it to be taken away.

Each is another process of the lowest priority that reads the log's files and writes none of them. Nobody who has an
auditor's token keeps the broker from its work: it is one at a time, with a pause after each, and never for ever.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from consent_ledger.ports import Clock
from schemas import canonical
from schemas.errors import HandschlagError, Malformed, Unavailable

PAUSE_MS: Final = 60_000
"""After the end of one piece of work, before the next may begin."""
LONGEST_S: Final = 6 * 3600
TOO_LONG: Final = f"took longer than {LONGEST_S} seconds"
AHEAD: Final = 4
"""How many pieces of an export wait for whoever takes it away."""

_LINE: Final = re.compile(r"([0-9]{1,15}) ([0-9]{1,15})", re.ASCII)

_log = structlog.get_logger()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Finding(_Part):
    """One thing that is not as it must be: where, by which rule, what was expected and what stands there."""

    what: str
    index: int | None
    path: str | None
    rule: str
    expected: str
    found: str


class Counted(_Part):
    """How many entries were hashed, proven and decided again."""

    hashed: int
    proven: int
    decided: int


class Remark(_Part):
    """What must be said about the terms of an audit: a code, and the sentence of the command line."""

    code: str
    text: str


class Report(_Part):
    """What `handschlag ledger replay --json` writes of one shard, and of the earlier ones in `earlier`."""

    log: str
    size: int
    root: str
    verdict: str
    entries: Counted
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    notes: tuple[Remark, ...]
    earlier: tuple["Report", ...] = ()

    @property
    def shards(self) -> tuple["Report", ...]:
        """The reports of all shards, the oldest first."""
        return (*self.earlier, self)


class State(StrEnum):
    """How far a replay is."""

    RUNNING = "running"
    DONE = "done"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass
class Run:
    """One replay: when it began and ended (milliseconds since 1970), how many entries are done of how many.

    `report` and its bytes `raw` are there when it is done, `rule` says why it failed.
    """

    began_ms: int
    state: State = State.RUNNING
    ended_ms: int | None = None
    done: int = 0
    total: int = 0
    report: Report | None = None
    raw: bytes = b""
    rule: str = ""

    def line(self, said: str) -> None:
        """Hear a line of the process: two numbers, done and of how many; anything else says nothing."""
        numbers = _LINE.fullmatch(said)
        if numbers is not None:
            self.done, self.total = map(int, numbers.groups())


Pieces = asyncio.Queue[bytes | HandschlagError | None]
"""An export on its way: a piece, why there are no more, or None at its end."""


class LongWork:
    """The one place for long work; `replay` hears lines and gives the report's bytes, `pack` gives an export."""

    def __init__(
        self,
        replay: Callable[[Callable[[str], None]], Awaitable[bytes]],
        pack: Callable[[], AsyncGenerator[bytes]],
        clock: Clock,
    ) -> None:
        """Begin with nothing to do."""
        self._replay, self._pack, self._clock = replay, pack, clock
        self._task: asyncio.Task[None] | None = None
        self._ended_ms: int | None = None
        self.run: Run | None = None

    @property
    def busy(self) -> bool:
        """True while something is under way."""
        return self._task is not None

    @property
    def pause_s(self) -> int:
        """For how many seconds nothing may begin, because something has just ended."""
        over_ms = 0 if self._ended_ms is None else self._ended_ms + PAUSE_MS - self._clock.now_ms()
        return -(-max(over_ms, 0) // 1000)

    def begin_replay(self) -> bool:
        """Begin to replay the log; False when it is not the time for it."""
        if self.busy or self.pause_s:
            return False
        self.run = run = Run(self._clock.now_ms())
        self._begin(self._replayed(run)).add_done_callback(lambda _: self._told(run))
        return True

    def cancel(self) -> None:
        """Break off what is under way."""
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def export(self) -> AsyncGenerator[bytes] | None:
        """Give an export piece by piece, None when it is not the time for it; raises Unavailable when none comes."""
        if self.busy or self.pause_s:
            return None
        pieces = Pieces(AHEAD)
        task = self._begin(self._packed(pieces))
        task.add_done_callback(partial(_last, pieces))
        try:
            first = await pieces.get()
        except BaseException:
            task.cancel()
            raise
        if isinstance(first, HandschlagError):
            raise first
        taken = _taken(first, pieces, task)
        await anext(taken)
        return taken

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Break off what is under way when the block ends."""
        try:
            yield
        finally:
            self.cancel()
            await self.ended()

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Take the one place for a piece of work, and free it at its end, however that comes."""
        self._task = task = asyncio.create_task(work)
        task.add_done_callback(self._over)
        return task

    def _over(self, _: asyncio.Task[None]) -> None:
        self._task, self._ended_ms = None, self._clock.now_ms()

    async def _replayed(self, run: Run) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                run.raw = await self._replay(run.line)
            run.report, run.state = _read(run.raw), State.DONE
        except TimeoutError:
            run.state, run.rule = State.FAILED, TOO_LONG
        except HandschlagError as error:
            run.state, run.rule = State.FAILED, str(error)

    def _told(self, run: Run) -> None:
        """Note how a replay ended; one that says nothing of it was broken off."""
        run.ended_ms = self._ended_ms
        run.state = State.CANCELED if run.state is State.RUNNING else run.state
        verdict = run.state.value if run.report is None else run.report.verdict
        _log.info("replay ended", kind=verdict, count=run.done, rule=run.rule)

    async def _packed(self, pieces: Pieces) -> None:
        try:
            async with asyncio.timeout(LONGEST_S), aclosing(self._pack()) as pack:
                async for piece in pack:
                    await pieces.put(piece)
                await pieces.put(None)
        except TimeoutError as error:
            raise Unavailable(TOO_LONG) from error


def _last(pieces: Pieces, task: asyncio.Task[None]) -> None:
    """Have whoever takes the pieces hear at once of a bad end: a part of an export is worth nothing."""
    error = Unavailable("export: was broken off") if task.cancelled() else task.exception()
    if error is None:
        return
    broken = error if isinstance(error, HandschlagError) else Unavailable(f"export: a fault ({type(error).__name__})")
    _log.warning("export broken off", rule=str(broken))
    while not pieces.empty():
        pieces.get_nowait()
    pieces.put_nowait(broken)


async def _taken(first: bytes | None, pieces: Pieces, task: asyncio.Task[None]) -> AsyncGenerator[bytes]:
    """Give pieces until their end, after an empty one; who takes no more of them ends the work.

    The empty one is taken at once: a generator that never began would end without ending the work.
    """
    try:
        yield b""
        piece: bytes | HandschlagError | None = first
        while piece is not None:
            if isinstance(piece, HandschlagError):
                raise piece
            yield piece
            piece = await pieces.get()
    finally:
        task.cancel()


def _read(unverified: bytes) -> Report:
    """Read a report."""
    try:
        return Report.model_validate_json(unverified)
    except ValidationError as error:
        raise Malformed(canonical.describe("report", error)) from error
