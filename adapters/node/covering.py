"""FLOW of watching the log: what was proven to this node must stand in what the witnesses cosign (LEDGER section 6).

The node follows the log leaf by leaf, by hashes alone, from the checkpoint it cosigned last to the one it is to
cosign. An entry it has a receipt of and that stands there no more proves a fork. Where the agency pins a witness
policy, a receipt must come under a checkpoint that the policy's quorum cosigned; while one of the last minute does
not, nothing is released: a log that shows this node a history of its own has no quorum for it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from adapters.node.background import Background
from adapters.node.core.follow import split_hashes
from adapters.node.core.view import View
from adapters.node.database import Op
from adapters.node.outbox import fault_of
from adapters.node.store import NodeStore
from adapters.node.store.known import LEAVES
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier
from consent_ledger.core.merkle import HASH_BYTES, Edge
from consent_ledger.core.policy import Policy
from consent_ledger.ports import Clock
from schemas import canonical
from schemas import messages as ms
from schemas.bus import Bus
from schemas.errors import Code, LedgerInconsistent, NotAuthentic, Unavailable
from schemas.ids import LogId
from schemas.topics import ask

CALL_TIMEOUT_S: Final = 10.0
COVERED_WITHIN_MS: Final = 60_000
"""How long a receipt may stand under the log's own signature alone."""
COSIGNED_AFTER_S: Final = (0, 1, 3, 9, 27)
"""When to look whether the quorum has cosigned an entry: witnesses are asked every second or every 1,000 entries."""
MARKED_EVERY_MS: Final = 1000
"""How exactly it is remembered since when a receipt waits: of those of one second the first stands for all."""
_ROOTS: Final = 1024
_MARKS: Final = 1024
"""More are not needed: the oldest that is remembered then has waited too long for sure."""


class _Mark(NamedTuple):
    """A size of the log that had been proven to this node at a time, and no quorum had cosigned yet."""

    size: int
    at_ms: int


@dataclass
class _Shard:
    """How far one shard was followed, and how many of its entries a quorum has cosigned.

    `row` has the last leaf hashes, from the beginning of the row that they are kept in.
    """

    edge: Edge
    row: bytes = b""
    roots: dict[int, bytes] = field(default_factory=dict)
    covered: int = 0


@dataclass
class Covering:
    """How far this node has followed the log, and how far a quorum of witnesses has.

    `cosigned_at_ms` is when this node itself or the quorum of its policy last cosigned the log, as far as it saw.
    """

    bus: Bus
    view: View
    store: NodeStore
    clock: Clock
    background: Background
    policy: Policy | None = None
    cosigned_at_ms: int | None = None
    _shards: dict[LogId, _Shard] = field(default_factory=dict)
    _waiting: deque[_Mark] = field(default_factory=lambda: deque(maxlen=_MARKS))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def follow(self, checkpoint: Checkpoint) -> Sequence[Op]:
        """Follow a shard up to a checkpoint it signed; give what keeps that, to be written with whatever rests on it.

        Raises NotAuthentic when the leaves the broker gives are not those of the checkpoint, or it lies beyond the
        shard's end, LedgerInconsistent when they are, and one of them is another than was proven to this node: the log
        was forked.
        """
        self.view.check_within(checkpoint)
        log = LogId(checkpoint.origin)
        async with self._lock:
            shard = await self._loaded(log)
            await self._look_up()
            if checkpoint.size <= shard.edge.size:
                _check_earlier(shard, checkpoint)
                return ()
            leaves = await self._leaves(log, shard.edge.size, checkpoint.size)
            grown = shard.edge.copy()
            grown.extend(leaves)
            if grown.root() != checkpoint.root:
                message = f"hashes: the leaves that came do not give the root of the checkpoint of {checkpoint.size}"
                raise NotAuthentic(message)
            row, begin = shard.row + b"".join(leaves), shard.edge.size - shard.edge.size % LEAVES
            await self.store.write(*self.store.known.keep_leaves(log, begin, row))
            other = self.view.unseen.follow(log, leaves)
            if other is not None:
                raise _forked(self.view.first(log) + other)
            shard.edge, shard.row = grown, row[len(row) - grown.size % LEAVES * HASH_BYTES :]
            _remember(shard, checkpoint)
            return (self.store.known.keep_edge(log, grown),)

    async def _leaves(self, log: LogId, first: int, end: int) -> list[bytes]:
        """Ask for the leaf hashes of a shard from one up to another; nobody knows yet whether they are the log's."""
        found = list[bytes]()
        while first + len(found) < end:
            came = split_hashes((await self._ask(log, first + len(found))).hashes)
            if not came:
                message = f"hashes: the broker gives none from {first + len(found)} on"
                raise NotAuthentic(message)
            found += came
        return found[: end - first]

    async def _look_up(self) -> None:
        """Compare what was proven behind what was followed with the leaf that went by there.

        Raises LedgerInconsistent where it is another one, Unavailable where it was not kept: then the log is followed
        from its beginning again.
        """
        late, read, row = self.view.unseen.late, None, b""
        for (log, index), leaf in sorted(late.items()):
            if read != (log, index // LEAVES):
                read, row = (log, index // LEAVES), await self.store.known.leaves(log, index)
            stood = row[index % LEAVES * HASH_BYTES :][:HASH_BYTES]
            if not stood:
                self._begin(log, _Shard(Edge()))
                message = f"log: what was followed of {log} is not at hand, and is followed again"
                raise Unavailable(message)
            if stood != leaf:
                raise _forked(self.view.first(log) + index)
            if late.get((log, index)) == leaf:
                del late[log, index]

    async def end(self, last: Checkpoint) -> None:
        """Follow a shard to the checkpoint at which log.key ends it, and keep that.

        Raises as `follow`, and LedgerInconsistent when the shard was followed further: entries would be dropped.
        """
        followed = await self.follow(last)
        size = self._shards[LogId(last.origin)].edge.size
        if size > last.size:
            message = f"log: {size} entries of {last.origin} were cosigned here, and log.key ends it with {last.size}"
            raise LedgerInconsistent(message)
        await self.store.write(*followed)

    async def check(self) -> None:
        """Refuse to go on, with Unavailable, while a receipt is not under the quorum's cosignatures in time.

        Nothing is asked of anybody while all is well; when time is up, the newest cosigned checkpoint is fetched first.
        What was proven of the past is compared with the log as it was followed, with a policy and without.
        """
        for log in self.view.logs:
            await self._loaded(log)
        if self.view.unseen.late:
            async with self._lock:
                await self._look_up()
        if self.policy is None or self.policy.quorum is None:
            return
        now, size = self.clock.now_ms(), self.view.proven_size
        last = self._waiting[-1] if self._waiting else _Mark(0, now - MARKED_EVERY_MS)
        if size > last.size and now - last.at_ms >= MARKED_EVERY_MS:
            self._waiting.append(_Mark(size, now))
        if not self._overdue(now):
            return
        await self.background.tried("cosigned checkpoint", self._look(*self._uncovered(size)))
        if self._overdue(now):
            self.background.report("alarm: receipts without witnesses", Code.UNAVAILABLE)
            message = "log: a receipt of this agency is under no checkpoint that enough witnesses cosigned"
            raise Unavailable(message)

    async def witnessed(self) -> bool:
        """Tell whether `check` lets anything be released."""
        try:
            await self.check()
        except Unavailable:
            return False
        return True

    def cosigned(self, at_s: int) -> None:
        """Note that this node or the quorum has cosigned the log."""
        self.cosigned_at_ms = max(self.cosigned_at_ms or 0, at_s * 1000)

    async def wait_for(self, index: int) -> None:
        """Wait until the quorum has cosigned the log up to an entry, where the agency pins one.

        Raises Unavailable when it has not within 40 seconds.
        """
        if self.policy is None or self.policy.quorum is None:
            return
        log = next((one for one in self.view.logs if self.view.first(one) <= index), self.view.log)
        for pause_s in COSIGNED_AFTER_S:
            if self._covers(log, index):
                return
            await asyncio.sleep(pause_s)
            await self.background.tried("cosigned checkpoint", self._look(log))
        if not self._covers(log, index):
            message = "log: the grant is under no checkpoint that enough witnesses cosigned"
            raise Unavailable(message)

    def _covers(self, log: LogId, index: int) -> bool:
        shard = self._shards.get(log)
        return shard is not None and index < self.view.first(log) + shard.covered

    def _overdue(self, now_ms: int) -> bool:
        """Tell whether a receipt has waited too long; those that are covered by now wait no longer."""
        while self._waiting and not self._uncovered(self._waiting[0].size):
            self._waiting.popleft()
        return bool(self._waiting) and now_ms - self._waiting[0].at_ms > COVERED_WITHIN_MS

    def _uncovered(self, end: int) -> list[LogId]:
        """Give the shards in which a log of this size has something that no quorum has cosigned yet."""
        found = list[LogId]()
        for log in self.view.logs:
            first = self.view.first(log)
            if end > first and not self._covers(log, end - 1):
                found.append(log)
            end = min(end, first)
        return found

    async def _look(self, *logs: LogId) -> None:
        """Take the newest checkpoint of each shard that the broker shows, if a quorum cosigned it."""
        for log in logs:
            shard, log_key = await self._loaded(log), self.view.log_key(log)
            note = (await self._ask(log, shard.edge.size)).note
            if self.policy is None or log_key is None or not note:
                continue
            verified = CheckpointVerifier(log_key, self.policy.witnesses.values()).verify(note)
            if not self.policy.satisfied(verified.cosigned_at_s):
                continue
            if verified.checkpoint.size > shard.covered:
                await self.store.write(*await self.follow(verified.checkpoint))
                shard.covered = verified.checkpoint.size
            self.cosigned(max(verified.cosigned_at_s.values(), default=0))

    async def _ask(self, log: LogId, first: int) -> ms.Hashes:
        query = ms.AskHashes(canonical.encode_model(ms.HashesQuery(first=first, log=log)))
        reply = await self.bus.call(ask("hashes"), ms.pack(query), timeout_s=CALL_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Hashes, ms.Failed)
        if isinstance(answer, ms.Hashes):
            return answer
        raise fault_of(answer)

    async def _loaded(self, log: LogId) -> _Shard:
        if log not in self._shards:
            edge = await self.store.known.edge(log)
            row = (await self.store.known.leaves(log, edge.size))[: edge.size % LEAVES * HASH_BYTES]
            if log not in self._shards:  # nor loaded by another task meanwhile, which may have followed it already
                self._begin(log, _Shard(edge, row) if len(row) == edge.size % LEAVES * HASH_BYTES else _Shard(Edge()))
        return self._shards[log]

    def _begin(self, log: LogId, shard: _Shard) -> None:
        self._shards[log] = shard
        self.view.unseen.begin(log, shard.edge.size)


def _forked(index: int) -> LedgerInconsistent:
    return LedgerInconsistent(f"log: another entry stands at index {index} than was proven to this node")


def _check_earlier(shard: _Shard, checkpoint: Checkpoint) -> None:
    """Compare with what was followed; one of a size in between was not kept, and is no less consistent."""
    edge = shard.edge
    known = edge.root() if checkpoint.size == edge.size else shard.roots.get(checkpoint.size, checkpoint.root)
    if known != checkpoint.root:
        message = f"log: two roots are signed for size {checkpoint.size}"
        raise LedgerInconsistent(message)


def _remember(shard: _Shard, checkpoint: Checkpoint) -> None:
    if len(shard.roots) >= _ROOTS:
        del shard.roots[next(iter(shard.roots))]
    shard.roots[checkpoint.size] = checkpoint.root
