"""Closed shards are pruned beside the broker's work once the log has an entry for it; at the start, what was left."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from broker.going_on import going_on
from consent_ledger.core.state import LedgerState
from consent_ledger.pruning import prune, to_prune
from consent_ledger.sequencer import Receipt
from schemas.errors import Code, HandschlagError
from schemas.ids import LogId
from schemas.statements import ShardPruned


class Pruner:
    """Takes out what the log says may go; `done` is told of each shard and how many entries it lost.

    What fails is told to `report` and tried again with the next start: nothing but space and a duty wait for it.
    """

    def __init__(
        self, folder: Path, state: LedgerState, done: Callable[[LogId, int], None], report: Callable[[str, Code], None]
    ) -> None:
        """Begin with what an earlier start has left."""
        self._folder, self._state, self._done, self._report = folder, state, done, report
        self._due = asyncio.Event()
        self._due.set()

    def committed(self, receipts: Sequence[Receipt]) -> None:
        """Hear of a batch from the sequencer: the entries in it are durable, and may have an effect."""
        if any(isinstance(receipt.leaf.statement, ShardPruned) for receipt in receipts):
            self._due.set()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Prune until the block ends; what is under way then is finished by its thread, or by the next start."""
        return going_on(self._run())

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            for shard, in_force in list(to_prune(self._state)):
                try:
                    gone = await asyncio.to_thread(prune, self._folder, shard, in_force)
                except HandschlagError as error:
                    self._report("prune", error.code)
                else:
                    self._done(shard.log, gone)
