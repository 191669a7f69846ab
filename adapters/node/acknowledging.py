"""Step 16 at the asking agency: holders are told what arrived, many exchanges in one statement."""

from dataclasses import dataclass, field
from typing import Final

from adapters.node.background import Background, Sweep
from adapters.node.identity import Identity
from adapters.node.outbox import Outbox
from adapters.node.store import NodeStore
from schemas import messages as ms
from schemas import statements as st
from schemas.ids import AgencyId, ExchangeId

MAX_ACKNOWLEDGED: Final = 256
ACKNOWLEDGE_AFTER_MS: Final = 1000


@dataclass
class Acknowledging:
    """Collects for a moment what arrived, then tells each holder."""

    identity: Identity
    outbox: Outbox
    store: NodeStore
    background: Background
    _waiting: dict[AgencyId, set[ExchangeId]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare to acknowledge by the clock."""
        self._sweep = Sweep(self.background, self.identity.clock, "acknowledge", self._tell)

    async def start(self) -> None:
        """Take up what an earlier run did not acknowledge."""
        for holder, exchange in await self.store.asked.unacknowledged():
            self.soon(holder, exchange)

    def soon(self, holder: AgencyId, exchange: ExchangeId) -> None:
        """Tell a holder, within a second, that its record arrived; at once when many wait."""
        waiting = self._waiting.setdefault(holder, set())
        waiting.add(exchange)
        wait_ms = 0 if len(waiting) >= MAX_ACKNOWLEDGED else ACKNOWLEDGE_AFTER_MS
        self._sweep.at(self.identity.clock.now_ms() + wait_ms)

    async def close(self) -> None:
        """Tell what waits still."""
        self._sweep.close()
        if self._waiting:
            self.background.spawn("acknowledge", self._tell_all())

    async def _tell(self, _now_ms: int) -> None:
        await self._tell_all()

    async def _tell_all(self) -> None:
        """Tell each holder what arrived. What cannot be told is told with the holder's next delivery, or start."""
        waiting, self._waiting = self._waiting, {}
        for holder, exchanges in waiting.items():
            names = sorted(exchanges)
            for first in range(0, len(names), MAX_ACKNOWLEDGED):
                await self._tell_some(holder, tuple(names[first : first + MAX_ACKNOWLEDGED]))

    async def _tell_some(self, holder: AgencyId, names: tuple[ExchangeId, ...]) -> None:
        await self.outbox.send(
            lambda head: st.Acknowledged(**head.fields(), holder=holder, exchanges=names),
            ms.AskRecord,
            self.outbox.settle,
            lambda _: self.store.asked.acknowledged(names),
        )
