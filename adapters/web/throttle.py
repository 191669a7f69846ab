"""A bound on how often somebody may try: so many tries from one address in so long, then a pause.

What is guarded are codes of 80 random bits; the bound is there so that guessing costs us nothing, not so that it fails.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from consent_ledger.ports import Clock

TRIES: Final = 10
PER_MS: Final = 60_000
MAX_ADDRESSES: Final = 10_000
"""Of more, the one that tried first is forgotten."""


def address_of(request: Request) -> str:
    """Give the address somebody tries from; empty where the server knows none."""
    return "" if request.client is None else request.client.host


@dataclass
class Throttle:
    """Counts failed tries by address, in memory."""

    clock: Clock
    tries: int = TRIES
    per_ms: int = PER_MS
    _failed: dict[str, deque[int]] = field(default_factory=dict)

    def may_try(self, address: str) -> bool:
        """Tell whether this address may try now."""
        failed = self._failed.get(address)
        while failed and failed[0] <= self.clock.now_ms() - self.per_ms:
            failed.popleft()
        return failed is None or len(failed) < self.tries

    def failed(self, address: str) -> None:
        """Note a try that failed."""
        if address not in self._failed and len(self._failed) >= MAX_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        self._failed.setdefault(address, deque(maxlen=self.tries)).append(self.clock.now_ms())
