"""A sequencer at work on a disk in memory, as a test starts, asks and restarts it."""

import asyncio
from typing import Self

from broker.core.decide import decider
from broker.core.replay import replay_leaf
from consent_ledger.core.decision import NotLogged, OpenedBody, Submission
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.signed import verify_statement
from consent_ledger.core.state import LedgerState
from consent_ledger.recovery import recover
from consent_ledger.sequencer import Receipt, Sequencer
from schemas import statements as st
from schemas.errors import LedgerInconsistent
from schemas.ids import Hash
from tests.support import keys
from tests.support.ledger_world import Ledger
from tests.support.memory_store import MemoryDisk, MemoryStore
from tests.support.pens import PINS

PATIENCE_S = 10.0


class TornStore(MemoryStore):
    """A store that finds one of its old entries gone."""

    def entry(self, index: int) -> bytes:
        """Find nothing."""
        message = f"entry {index} is missing"
        raise LedgerInconsistent(message)


class RunningLog:
    """One process on a disk: recovered, and running until the `async with` ends. The pens are those of a `Ledger`."""

    def __init__(self, pens: Ledger, disk: MemoryDisk, store: MemoryStore | None = None) -> None:
        """Recover what the disk holds; raises as `recover` does."""
        self.pens = pens
        self.store = store or MemoryStore(pens.log, disk)
        self.decide = decider(pens.registries)
        signer = keys.signer(pens.log)
        state = recover(self.store, self.check, signer)
        self.sequencer = Sequencer(self.store, state, self.decide, signer, pens.clock)
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to own the log."""
        self.task = asyncio.get_running_loop().create_task(self.sequencer.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, whether it still runs or not."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.sequencer.close()

    def check(self, state: LedgerState, raw: bytes) -> tuple[str, str] | None:
        """Replay one leaf."""
        return replay_leaf(state, raw, self.decide, PINS)

    def submission(self, statement: st.Statement, opened: OpenedBody | None = None) -> Submission:
        """Sign a statement and prove it, as the broker does before it queues it."""
        return Submission(verify_statement(self.pens.sign(statement), self.sequencer.state.keys, PINS), opened)

    async def submit(self, statement: st.Statement, opened: OpenedBody | None = None) -> Receipt | NotLogged:
        """Sign, prove and submit a statement, and wait for the answer, though not for ever."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.sequencer.submit(self.submission(statement, opened))

    async def write(self, statement: st.Statement, opened: OpenedBody | None = None) -> Receipt:
        """Submit what must be logged, with whatever decision."""
        receipt = await self.submit(statement, opened)
        assert isinstance(receipt, Receipt), receipt
        return receipt

    async def answer(self, granted: Receipt, kind: str = "disclosed") -> Receipt:
        """Have the holder answer a grant."""
        return await self.write(*self.pens.outcome(granted.leaf, Hash(leaf_hash(granted.leaf.raw).hex()), kind))

    def kinds(self, start: int = 0) -> list[str]:
        """Give the types of the entries on the disk, from an index on."""
        return [read_leaf(raw).kind for raw in self.store.disk.entries[start:]]

    def replay(self) -> list[tuple[int, str, str]]:
        """Replay what is on the disk; give the findings."""
        return self.pens.replay(self.store.disk.entries)
