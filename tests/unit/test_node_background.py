"""What a node does beside its calls: by the clock, again after failures, never after the log contradicted itself."""

import asyncio
from dataclasses import dataclass, field

import pytest

from adapters.node.background import LONGEST_BACKOFF_MS, RETRY_AFTER_MS, Background, Sweep, backoff_ms, each
from schemas.errors import Code, LedgerInconsistent, Unavailable
from tests.support.node_world import START_MS, RunningClock
from tests.support.virtual_time import pass_time, virtual

BROKEN = LedgerInconsistent("log: two roots are signed for size 7")


@dataclass
class Desk:
    """A background whose reports are kept, and work that notes when it was done."""

    reports: list[tuple[str, Code]] = field(default_factory=list)
    done_ms: list[int] = field(default_factory=list)
    due: list[int | Exception | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with nothing done."""
        self.clock = RunningClock()
        self.background = Background(lambda where, code: self.reports.append((where, code)))
        self.sweep = Sweep(self.background, self.clock, "work", self.work)

    async def work(self, now_ms: int) -> int | None:
        """Note the time; give when to come again, or fail, as the test has put it."""
        self.done_ms.append(now_ms - START_MS)
        due = self.due.pop(0) if self.due else None
        if isinstance(due, Exception):
            raise due
        return due


def test_waiting_grows_to_a_bound() -> None:
    """Each failed try doubles the wait, up to an hour."""
    assert [backoff_ms(tries, 1000) for tries in (0, 1, 2)] == [1000, 2000, 4000]
    assert backoff_ms(10_000, 1000) == LONGEST_BACKOFF_MS


@virtual
async def test_work_is_done_when_it_is_due() -> None:
    """At the first time asked for, and then at the time it gave itself."""
    desk = Desk(due=[START_MS + 20_000, None])
    desk.sweep.at(START_MS + 9_000)
    desk.sweep.at(START_MS + 5_000)
    desk.sweep.at(START_MS + 7_000)
    await pass_time(60)
    assert desk.done_ms == [5_000, 20_000]
    desk.sweep.now()
    await pass_time(1)
    assert desk.done_ms == [5_000, 20_000, 60_000]


@virtual
async def test_a_deadline_far_away_follows_the_clock() -> None:
    """A timer of weeks is set anew each hour, so a clock that was set meanwhile decides, not the loop's."""
    desk = Desk()
    day_ms = 86_400_000
    desk.sweep.at(START_MS + 90 * day_ms)
    desk.clock.ms -= day_ms
    await pass_time(90 * 86_400)
    assert desk.done_ms == []
    await pass_time(86_400 + 1)
    assert desk.done_ms == [90 * day_ms]


@virtual
async def test_failed_work_is_done_again_after_a_pause() -> None:
    """A failure is reported by its code and tried again; what cannot be done now is not tried without a pause."""
    desk = Desk(due=[Unavailable("not now"), START_MS, None])
    desk.sweep.now()
    await pass_time(120)
    assert desk.done_ms == [0, RETRY_AFTER_MS, RETRY_AFTER_MS + 1000]
    assert desk.reports == [("work", Code.UNAVAILABLE)]


@virtual
async def test_a_defect_is_told_by_its_type() -> None:
    """An exception that nobody expected neither ends the node nor stays silent."""
    desk = Desk(due=[ZeroDivisionError("secret"), None])
    desk.sweep.now()
    await pass_time(1)
    assert desk.reports == [("work: ZeroDivisionError", Code.UNAVAILABLE)]


@virtual
async def test_work_wanted_while_it_runs_is_done_once_more() -> None:
    """A wish that comes in the middle is not lost, and work never runs twice at once."""
    desk, running = Desk(), asyncio.Event()
    count = 0

    async def slow(_now_ms: int) -> None:
        nonlocal count
        count += 1
        running.set()
        await pass_time(10)

    sweep = Sweep(desk.background, desk.clock, "slow", slow)
    sweep.now()
    await running.wait()
    sweep.now()
    await pass_time(5)
    assert count == 1
    await pass_time(20)
    assert count == 2


@virtual
async def test_nothing_is_begun_after_the_end() -> None:
    """A closed sweep does nothing, whatever was set; a closed background starts nothing."""
    desk = Desk()
    desk.sweep.at(START_MS + 1000)
    desk.sweep.close()
    desk.sweep.now()
    await desk.background.close()
    desk.background.spawn("work", _never())
    await pass_time(10)
    assert desk.done_ms == []


async def _never() -> None:
    pytest.fail("this must not be begun")


@virtual
async def test_closing_waits_for_what_runs() -> None:
    """What was begun is finished before the background is closed."""
    desk, done = Desk(), asyncio.Event()

    async def work() -> None:
        await pass_time(3)
        done.set()

    desk.background.spawn("work", work())
    await desk.background.close()
    assert done.is_set()


@virtual
async def test_a_contradiction_of_the_log_stops_everything() -> None:
    """Wherever it is found, it is told once, ends the waiting of `main`, and nothing is begun any more."""
    desk = Desk(due=[BROKEN])
    desk.background.check()
    assert not desk.background.stopped
    waiting = asyncio.ensure_future(desk.background.broken())
    desk.sweep.now()
    assert await waiting is BROKEN
    with pytest.raises(LedgerInconsistent):
        desk.background.check()
    with pytest.raises(LedgerInconsistent):
        await desk.background.guarded(_raising(BROKEN))
    desk.background.spawn("work", _never())
    await pass_time(RETRY_AFTER_MS)
    assert desk.done_ms == [0]
    assert desk.reports == [("ledger", BROKEN.code)]
    assert desk.background.stopped


async def _raising(error: Exception) -> int:
    raise error


@virtual
async def test_what_may_fail_is_tried() -> None:
    """A failure is reported and gives None; a contradiction of the log is none of those."""
    desk = Desk()
    assert await desk.background.tried("call", _raising(Unavailable("no"))) is None
    assert desk.reports == [("call", Code.UNAVAILABLE)]
    with pytest.raises(LedgerInconsistent):
        await desk.background.tried("call", _raising(BROKEN))


@virtual
async def test_each_does_all_and_then_tells() -> None:
    """One item's failure does not keep the others from being done."""
    done = []

    async def work(item: int) -> int:
        done.append(item)
        if item == 2:
            message = "no"
            raise Unavailable(message)
        return item

    assert await each(work, [1, 3], at_once=1) == [1, 3]
    with pytest.raises(Unavailable):
        await each(work, [1, 2, 3])
    assert done == [1, 3, 1, 2, 3]
