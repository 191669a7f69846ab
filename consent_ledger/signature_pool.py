"""Signatures verified in other processes: folding a log is sequential, checking its signatures is not."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, Self

from consent_ledger.core.ahead import Bundle, checks_of, keys_of, signers_of
from consent_ledger.core.signed import Check
from consent_ledger.core.state import LedgerState
from schemas.errors import Unavailable
from schemas.note import VerifierKey

_AHEAD: Final = 8
"""How many bundles are under way for each worker."""


class SignaturePool:
    """Worker processes that verify signatures ahead of the fold; a `consent_ledger.core.ahead.Ahead`."""

    def __init__(self, workers: int) -> None:
        """Start so many workers, one or more, beside the process that folds."""
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"))
        self._depth = workers * _AHEAD

    def __enter__(self) -> Self:
        """Give the pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers; what they have not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, bundles: Iterator[Bundle], state: LedgerState) -> Iterator[tuple[Bundle, Sequence[Check]]]:
        """Give each bundle with its checks; raises Unavailable when a worker has died."""
        waiting: deque[tuple[Bundle, Future[list[VerifierKey | None]]]] = deque()
        try:
            for bundle in bundles:
                waiting.append((bundle, self._pool.submit(signers_of, bundle.notes, keys_of(state))))
                if len(waiting) > self._depth:
                    yield _done(*waiting.popleft())
            while waiting:
                yield _done(*waiting.popleft())
        except BrokenExecutor as error:
            message = "signatures: a worker process ended unexpectedly; audit again, or with one process"
            raise Unavailable(message) from error


def _done(bundle: Bundle, found: Future[list[VerifierKey | None]]) -> tuple[Bundle, Sequence[Check]]:
    return bundle, checks_of(found.result())
