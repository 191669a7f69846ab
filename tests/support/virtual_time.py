"""An event loop whose time is only a number: it stands still while anything can be done, then jumps to the next timer.

A test of a deadline three days away takes milliseconds and ends the same in every run. Blocking work that would go to a
thread is done at once, in the loop's own thread, because the loop could not know how long to stand still for it.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Unpacked = object


class _Selector(selectors.SelectSelector):
    """Never waits: what the loop would have waited goes onto its clock."""

    def __init__(self) -> None:
        """Begin at time 0."""
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready; if nothing is, move the clock on to where the loop wanted to wake up."""
        ready = super().select(0)
        if not ready and timeout is None:
            message = "virtual time: nothing is ready and no timer is set, so nothing can ever happen again"
            raise RuntimeError(message)
        if not ready and timeout is not None:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop of virtual time; `time` starts at 0."""

    def __init__(self) -> None:
        """Make a loop on a selector that never waits."""
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self._virtual.now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Do the work at once."""
        del executor
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever the work raises goes to whoever awaits it
            done.set_exception(error)
        return done


async def pass_time(seconds: float) -> None:
    """Let this much time pass; in virtual time that takes none."""
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(seconds, passed.set_result, None)
    await passed


def virtual(test: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
    """Run an asynchronous test in virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        """Run the test on a loop of its own."""
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(test(*args, **kwargs))

    return run
