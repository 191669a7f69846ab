"""A broker put together from its parts, whatever store and bus it is given: started, run and ended in one order.

1. Serve what only reads, so that nodes can start and answer as witnesses.
2. Ask the witnesses whether one holds a larger log than this one (LEDGER, section 5). Where a log.key is about to end
   the shard before, they are first asked about that one, and cosign it to its end.
3. Begin an empty log with the steering group's notes.
4. Serve everything, until told to stop, until the ledger or a witness says that it must not go on, or until the shard
   is closed and the witnesses have cosigned all of it: then the log goes on in the next shard, with another broker.
5. End: take nothing new, finish what was begun, close bus and ledger. After a fault nothing more is decided.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from broker.bundles import Bundles
from broker.core.authenticate import Gate
from broker.core.decide import decider
from broker.core.replay import replay_leaf
from broker.ended import EndedShard
from broker.exchange import Exchanges
from broker.metrics import Metrics
from broker.notices import Notices
from broker.service import READING, WRITING, Service
from broker.witnesses import OutsideWitness
from broker.witnessing import Witnessing
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.decision import NotLogged, Submission
from consent_ledger.core.merkle import EMPTY_ROOT
from consent_ledger.core.policy import Policy
from consent_ledger.core.signed import SignedStatement
from consent_ledger.core.snapshot import Folded
from consent_ledger.core.state import LedgerState
from consent_ledger.earlier import Earlier
from consent_ledger.ports import Clock, Store
from consent_ledger.recovery import recover
from consent_ledger.sequencer import Receipt, Sequencer
from schemas import statements as st
from schemas.bus import Bus
from schemas.errors import Misuse
from schemas.note import Signer


@dataclass(frozen=True)
class Setup:
    """What is known before ledger and bus are touched; `genesis` are steering statements, in the chain's order."""

    gate: Gate
    signer: Signer
    bundles: Bundles
    genesis: Sequence[SignedStatement]
    policy: Policy | None = None
    outside: Sequence[OutsideWitness] = ()


def recover_state(setup: Setup, store: Store, start: Folded | None = None) -> LedgerState:
    """Bring the ledger to where it may go on, from a snapshot if one fits; raises as `recovery.recover`."""
    decide = decider(setup.bundles.ready)

    def check(state: LedgerState, raw: bytes) -> tuple[str, str] | None:
        """Decide an entry again that nobody was answered."""
        return replay_leaf(state, raw, decide, setup.gate.pins)

    return recover(store, check, setup.signer, start)


class Broker:
    """One broker process but for its keys' files, its settings and its HTTP pages."""

    def __init__(
        self, setup: Setup, store: Store, state: LedgerState, bus: Bus, clock: Clock, earlier: Earlier | None = None
    ) -> None:
        """Wire a recovered ledger, with its closed shards, to a bus; nothing is served yet."""
        self.setup, self.bus, self.metrics = setup, bus, Metrics()
        decide = decider(setup.bundles.ready)
        self.sequencer: Final = Sequencer(store, state, decide, setup.signer, clock, earlier or Earlier())
        self.notices: Final = Notices(bus, self.metrics.report)
        exchanges = Exchanges(self.sequencer, bus, setup.gate, self.notices.tell, setup.bundles.hold)
        empty = sign_checkpoint(Checkpoint(state.log, 0, EMPTY_ROOT), setup.signer)
        self.witnessing: Final = Witnessing(
            self.sequencer, bus, clock, empty, self.metrics.report, setup.policy, setup.outside
        )
        self.service: Final = Service(exchanges, setup.bundles.raw, lambda: self.witnessing.published)
        self._ended = asyncio.Event()
        self.sequencer.committed += [self.metrics.committed, self.witnessing.committed, self._committed]
        self._committed(())
        self.serves = False
        self._sequencing: asyncio.Task[None] | None = None

    @property
    def sequences(self) -> bool:
        """True while the log can grow."""
        return self._sequencing is not None and not self._sequencing.done()

    async def run(self, stop: Awaitable[None], ready: Callable[[], None], before: EndedShard | None = None) -> None:
        """Do the steps above; `stop` ends it in order when it returns, and with its exception when it raises one.

        `ready` is called when everything is served; `before` is the shard that a log.key is about to end. It also ends
        in order when the shard is closed and the witnesses have cosigned it to its end. Raises what broke the ledger,
        or LedgerInconsistent when a witness proves that this log is an older copy or a fork.
        """
        self._sequencing = asyncio.create_task(self.sequencer.run())
        serving, ended = asyncio.create_task(self._serve(ready, before)), asyncio.create_task(self._until_ended())
        tasks = [self._sequencing, serving, ended, asyncio.ensure_future(stop)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self.notices.close()
            await self.bus.close()
        finally:
            self.serves = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.bus.close()
            for witness in self.setup.outside:
                await witness.close()
            await self.sequencer.close()

    async def _serve(self, ready: Callable[[], None], before: EndedShard | None) -> None:
        await self.service.start(READING)
        if before is not None:
            await self.witnessing.of(before).settle()
        await self.witnessing.confirm()
        await self._begin()
        await self.service.start(WRITING)
        self.serves = True
        ready()
        await self.witnessing.run()

    def _committed(self, _: Sequence[Receipt]) -> None:
        if self.sequencer.state.closed is not None:
            self._ended.set()

    async def _until_ended(self) -> None:
        """Wait until the shard is closed and cosigned: no later one can bring a receipt of it under a quorum."""
        await self._ended.wait()
        await self.witnessing.covered()

    async def _begin(self) -> None:
        """Put the notes of the beginning into the log that are not there yet; Misuse when one does not fit it."""
        for signed in self.setup.genesis:
            statement = signed.statement
            if isinstance(statement, st.Steered) and statement.seq > self.sequencer.state.chain:
                decided = await self.sequencer.submit(Submission(signed))
                if isinstance(decided, NotLogged):
                    message = f"genesis, note {statement.seq}: not taken ({decided.code}): {decided.detail}"
                    raise Misuse(message)
