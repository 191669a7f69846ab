"""What a node does beside its calls, and the emergency stop that all of it shares.

A contradiction of the log (LedgerInconsistent), wherever it is found, stops the node for good: `check` raises it from
then on, and `broken` tells `main`, which ends the process. Nothing is released after it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from consent_ledger.ports import Clock
from schemas.errors import Code, HandschlagError, LedgerInconsistent

ItemT = TypeVar("ItemT")
T = TypeVar("T")

LONGEST_TIMER_S: Final = 3600.0
"""The clock is looked at again after this: a timer counts another time than the clock, which may be set."""
SHORTEST_TIMER_S: Final = 1.0
"""Between two rounds of work that is still due: what cannot be done now is not tried without a pause."""
RETRY_AFTER_MS: Final = 30_000
LONGEST_BACKOFF_MS: Final = 3_600_000


def backoff_ms(tries: int, first_ms: int) -> int:
    """Give how long to wait after so many failed tries: doubled each time, at most an hour."""
    return min(first_ms << min(tries, 24), LONGEST_BACKOFF_MS)


async def each(work: Callable[[ItemT], Awaitable[T]], items: Iterable[ItemT], at_once: int = 16) -> list[T]:
    """Do the same for each item, a few at once; what one of them raises is raised after all are done."""
    slots = asyncio.Semaphore(at_once)

    async def one(item: ItemT) -> T:
        async with slots:
            return await work(item)

    done = await asyncio.gather(*map(one, items), return_exceptions=True)
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in done if not isinstance(outcome, BaseException)]


@dataclass
class Background:
    """The tasks of one node; `report` is told where something went wrong and its code, never of persons."""

    report: Callable[[str, Code], None]
    _errors: list[LedgerInconsistent] = field(default_factory=list)
    _found: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _closed: bool = False

    @property
    def stopped(self) -> bool:
        """True once a contradiction of the log was found."""
        return bool(self._errors)

    def check(self) -> None:
        """Raise the contradiction that stopped the node, if one did."""
        if self._errors:
            raise self._errors[0]

    def stop(self, error: LedgerInconsistent) -> None:
        """Stop the node for good; the same contradiction is told once."""
        if error in self._errors:
            return
        self._errors.append(error)
        self._found.set()
        self.report("ledger", error.code)

    async def broken(self) -> LedgerInconsistent:
        """Wait until a contradiction of the log was found, and give it."""
        await self._found.wait()
        return self._errors[0]

    async def guarded(self, work: Awaitable[T]) -> T:
        """Do something for a caller; a contradiction of the log found on the way stops the node and is passed on."""
        try:
            return await work
        except LedgerInconsistent as error:
            self.stop(error)
            raise

    async def tried(self, what: str, work: Awaitable[T]) -> T | None:
        """Do something whose failure is no failure of the caller's: it is reported, and None is given."""
        try:
            return await work
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.report(what, error.code)
            return None

    def spawn(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Do something beside the calls; what goes wrong is reported by its code."""
        if self._closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(self._run(what, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())

    async def close(self) -> None:
        """Start nothing new and wait for what runs."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, what: str, work: Coroutine[None, None, None]) -> None:
        try:
            self.check()
            await self.guarded(work)
        except LedgerInconsistent:
            return
        except HandschlagError as error:
            self.report(what, error.code)
        except Exception as error:  # noqa: BLE001 - a defect in one task must neither be silent nor end the node
            self.report(f"{what}: {type(error).__name__}", Code.UNAVAILABLE)


class Sweep:
    """Work that comes due at times a table knows: done when the first is due, and then when the next one is.

    `work` gets the present time in ms, does what is due by then, and gives when the next is, None for never. It never
    runs twice at once.
    """

    def __init__(
        self, background: Background, clock: Clock, what: str, work: Callable[[int], Awaitable[int | None]]
    ) -> None:
        """Prepare; nothing runs before `now` or `at`."""
        self._background = background
        self._clock = clock
        self._what = what
        self._work = work
        self._timer: asyncio.TimerHandle | None = None
        self._due: int | None = None
        self._running = False
        self._closed = False

    def now(self) -> None:
        """Do what is due, at once."""
        self.at(self._clock.now_ms())

    def at(self, due_ms: int) -> None:
        """See to it that the work is done at this time or before."""
        if not self._closed and self._wish(due_ms) and not self._running:
            self._set(0.0)

    def close(self) -> None:
        """Do nothing any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _wish(self, due_ms: int) -> bool:
        """Bring the work forward to this time; tell whether it was to be done later, or not at all."""
        if self._due is not None and self._due <= due_ms:
            return False
        self._due = due_ms
        return True

    def _set(self, least_s: float) -> None:
        """Set the timer for what is due next, but never for longer than the clock is trusted to agree with it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._due is not None and not self._closed:
            wait_s = (self._due - self._clock.now_ms()) / 1000
            bounded_s = min(max(wait_s, least_s), LONGEST_TIMER_S)
            self._timer = asyncio.get_running_loop().call_later(bounded_s, self._start)

    def _start(self) -> None:
        self._timer = None
        if self._due is not None and self._due > self._clock.now_ms():
            self._set(0.0)
            return
        self._running = True
        self._background.spawn(self._what, self._run())

    async def _run(self) -> None:
        self._due = None
        again: int | None = self._clock.now_ms() + RETRY_AFTER_MS  # unless it goes well
        try:
            again = await self._work(self._clock.now_ms())
        finally:
            self._running = False
            if again is not None:
                self._wish(again)
            self._set(SHORTEST_TIMER_S)
