"""A place where a broker can be started in one process, on a disk and a net in memory, and what its pages count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.bundles import Bundles
from broker.core.authenticate import Gate
from broker.process import Broker, Setup, recover_state
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.policy import Policy
from consent_ledger.core.signed import SignedStatement, verify_statement
from tests.support import keys
from tests.support.ledger_world import Ledger
from tests.support.memory_bus import MemoryNet
from tests.support.memory_store import MemoryDisk, MemoryStore
from tests.support.pens import LOG, PINS, account
from tests.support.small_law import LAW

LIMIT_S: Final = 5.0
STEERING: Final = account("steering")


@dataclass
class Counters:
    """A connection that has counted nothing."""

    handled: int = 0
    failed: int = 0
    refused: int = 0
    dropped: int = 0


class Place:
    """Where a broker can be started again and again: one disk, one net, the pens of a federation."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing logged."""
        self.pens, self.disk, self.net = Ledger(), MemoryDisk(), MemoryNet()
        self.bundles = Bundles(folder, {}, {LAW.hash: LAW})
        self.genesis = [self.steered(self.pens.sign(step())) for step in (self.pens.opening, self.pens.registry)]
        self.ready, self.stop = asyncio.Event(), asyncio.Event()
        self.steering = self.net.steering(STEERING)

    def steered(self, note: bytes) -> SignedStatement:
        """Prove a statement of the steering group."""
        return verify_statement(note, {}, PINS)

    def broker(self, policy: Policy | None = None) -> Broker:
        """Put a broker together on what the disk holds."""
        setup = Setup(Gate(PINS, STEERING), keys.signer(LOG), self.bundles, tuple(self.genesis), policy)
        store = MemoryStore(LOG, self.disk)
        return Broker(setup, store, recover_state(setup, store), self.net.broker(), self.pens.clock)

    async def until_stopped(self) -> None:
        """Wait as for a signal."""
        await self.stop.wait()

    @asynccontextmanager
    async def running(self, policy: Policy | None = None) -> AsyncIterator[Broker]:
        """Run a broker until the block ends, then stop it in order."""
        broker = self.broker(policy)
        self.ready.clear()
        task = asyncio.create_task(broker.run(self.until_stopped(), self.ready.set))
        await asyncio.wait({task, asyncio.create_task(self.ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        yield broker
        self.stop.set()
        await asyncio.wait_for(task, LIMIT_S)
        self.stop.clear()

    def kinds(self) -> list[str]:
        """Give the types of what is logged."""
        return [read_leaf(raw).kind for raw in self.disk.entries]
