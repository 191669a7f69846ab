"""News that go to nodes at once and need no answer: a withdrawal, an acknowledgement.

They are a courtesy, never the guard: what a withdrawal forbids is refused in log order whether or not the holder heard
of it. A node out of reach learns of it with its next call.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from schemas import messages as ms
from schemas.bus import Bus
from schemas.errors import Code, HandschlagError
from schemas.ids import AgencyId
from schemas.topics import node_call

TELL_TIMEOUT_S: Final = 10.0


@dataclass
class Notices:
    """Tells nodes of entries, beside the calls that caused them."""

    bus: Bus
    report: Callable[[str, Code], None]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, agency: AgencyId, delivery: ms.Deliver) -> None:
        """Send an entry to a node without waiting for it."""
        task = asyncio.get_running_loop().create_task(self._tell(agency, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, agency: AgencyId, delivery: ms.Deliver) -> None:
        try:
            await self.bus.call(node_call(agency, "deliver"), ms.pack(delivery), timeout_s=TELL_TIMEOUT_S)
        except HandschlagError as error:
            self.report("notice", error.code)
