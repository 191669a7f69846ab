"""Worker threads of one source: blocking work is done here, bounded in time, never on the event loop."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

from schemas.errors import Unavailable

T = TypeVar("T")
V = TypeVar("V")


class _TooLate(Exception):
    """The time limit of a call has passed."""


class _Job(NamedTuple):
    work: Callable[[], object]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[object]"

    def carry_out(self) -> None:
        """Do the work, unless nobody waits any more, and tell the loop it was asked for in: a worker thread."""
        if self.done.done():
            return
        try:
            result = self.work()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the caller
            self._tell(_fail, error)
        else:
            self._tell(_give, result)

    def _tell(self, how: Callable[["asyncio.Future[object]", V], None], what: V) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self.loop.call_soon_threadsafe(how, self.done, what)


class Workers:
    """A few threads that belong to one source."""

    def __init__(self, name: str, count: int, timeout_s: float) -> None:
        """Keep the name for messages and how long one call may take; the threads start with the first call."""
        self._name = name
        self._count = count
        self._timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    async def run(self, work: Callable[[], T], stop: Callable[[], None]) -> T:
        """Do blocking work in a thread; `stop` is called when it takes too long or nobody waits any more.

        Raises Unavailable after the time limit and after `close`, else what the work raises.
        """
        if self._closed:
            message = f"{self._name}: the source is closed"
            raise Unavailable(message)
        self._start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        self._jobs.put(_Job(work, loop, done))
        limit = loop.call_later(self._timeout_s, _fail, done, _TooLate())
        try:
            return cast("T", await done)
        except _TooLate:
            stop()
            message = f"{self._name}: no answer within {self._timeout_s:g} s"
            raise Unavailable(message) from None
        except asyncio.CancelledError:
            stop()
            raise
        finally:
            limit.cancel()

    def close(self) -> None:
        """Take no more work; what runs may end, what waits for a thread is told that the source is closed."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                waiting = self._jobs.get_nowait()
                if waiting is not None:
                    _fail(waiting.done, Unavailable(f"{self._name}: the source is closed"))
        for _ in self._threads:
            self._jobs.put(None)

    def _start(self) -> None:
        while len(self._threads) < self._count:
            thread = threading.Thread(target=self._serve, name=f"source-{self._name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.carry_out()


def _give(done: "asyncio.Future[object]", result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[object]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
