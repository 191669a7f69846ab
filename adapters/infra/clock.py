"""The one place where the time of day is read."""

import time

_NS_PER_MS = 1_000_000


class SystemClock:
    """The machine's clock, as `consent_ledger.ports.Clock`."""

    def now_ms(self) -> int:
        """Give the milliseconds since 1970-01-01T00:00Z."""
        return time.time_ns() // _NS_PER_MS
