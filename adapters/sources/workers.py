"""Worker threads of one source: blocking work is done here, bounded in time, never on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from schemas.errors import Unavailable

T = TypeVar("T")


class Workers:
    """A few threads that belong to one source."""

    def __init__(self, name: str, count: int, timeout_s: float) -> None:
        """Keep the name for messages, the number of threads, and how long one call may take."""
        self._name = name
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=f"source-{name}")

    async def run(self, work: Callable[[], T], stop: Callable[[], None]) -> T:
        """Do blocking work in a thread; `stop` is called when it takes too long or nobody waits any more.

        Raises Unavailable after the time limit and after `close`, else what the work raises.
        """
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as error:
            message = f"{self._name}: the source is closed"
            raise Unavailable(message) from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return await running
        except TimeoutError as error:
            stop()
            message = f"{self._name}: no answer within {self._timeout_s:g} s"
            raise Unavailable(message) from error
        except asyncio.CancelledError:
            stop()
            raise

    def close(self) -> None:
        """Take no more work; what runs may end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
