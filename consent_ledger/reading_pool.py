"""Entries read by other processes: folding a log is sequential, checking form and signatures is not."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, Self

from consent_ledger.core.ahead import Bundle, Read, keys_of, read, read_vouched, unproven, vouch
from consent_ledger.core.state import LedgerState
from schemas.errors import Unavailable
from schemas.note import VerifierKey

_AHEAD: Final = 8
"""How many bundles are under way for each worker."""


class ReadingPool:
    """Worker processes that read a log ahead of the fold; a `consent_ledger.core.ahead.Ahead`.

    `started` is done when a worker is there; until then bundles are read in this process.
    """

    def __init__(self, workers: int) -> None:
        """Start so many workers, one or more, beside the process that folds."""
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"))
        self._depth = workers * _AHEAD
        self.started: Future[None] = self._pool.submit(_nothing)

    def __enter__(self) -> Self:
        """Give the pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers; what they have not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, bundles: Iterator[Bundle], state: LedgerState) -> Iterator[tuple[Bundle, Sequence[Read]]]:
        """Give each bundle with its entries read; raises Unavailable when a worker has died."""
        waiting: deque[tuple[Bundle, Future[list[VerifierKey | None]]]] = deque()
        try:
            for bundle in bundles:
                if not self.started.done():
                    yield bundle, read(bundle, keys_of(state))
                    continue
                waiting.append((bundle, self._pool.submit(vouch, unproven(bundle), keys_of(state))))
                if len(waiting) > self._depth:
                    yield _done(*waiting.popleft())
            while waiting:
                yield _done(*waiting.popleft())
        except BrokenExecutor as error:
            message = "entries: a worker process ended unexpectedly; audit again, or with one process"
            raise Unavailable(message) from error


def _nothing() -> None:
    """Be the first thing a worker does."""


def _done(bundle: Bundle, found: Future[list[VerifierKey | None]]) -> tuple[Bundle, Sequence[Read]]:
    return bundle, read_vouched(bundle, found.result())
