"""Before a log.key ends a shard, its witnesses cosign it as far as it went: the key that signed it is not needed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.core.authenticate import Gate
from broker.ended import EndedShard, ending
from broker.process import Broker, Setup
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.state import LedgerState
from consent_ledger.core.succession import end
from consent_ledger.earlier import Earlier, Kept
from consent_ledger.witness import parse_addition
from schemas import messages as ms
from schemas.errors import LedgerInconsistent
from schemas.ids import AgencyId, LogId
from schemas.note import cosign
from schemas.topics import ask, served
from tests.support import keys
from tests.support.broker_place import LIMIT_S, STEERING, Place
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG, PINS, account, signer

NEXT = LogId("musterstadt.example/log/2026-12")


class Ending:
    """A shard that nobody cosigned, and a broker that is to open the next one by log.key."""

    def __init__(self, place: Place) -> None:
        """End the shard of a place that has stopped."""
        self.place, self.old, self.new = place, MemoryStore(LOG, place.disk), MemoryStore(NEXT)
        self.size = self.old.size
        root, state = self.old.root(self.size), LedgerState(LOG)
        for raw in place.disk.entries:
            leaf = read_leaf(raw)
            state.apply(raw, leaf.entry, leaf.statement)
        end(state, root, NEXT, keys.signer(NEXT).key.vkey)
        place.pens.log, place.pens.handed_over = NEXT, state.begun_with
        note = place.steered(place.pens.sign(place.pens.log_key(LOG, self.size, root)))
        policy = parse_policy(f"witness one {signer('kurse', 'witness').key.vkey}\nquorum one\n")
        setup = Setup(Gate(PINS, STEERING), keys.signer(NEXT), place.bundles, (*place.genesis, note), policy)
        earlier = Earlier([Kept(state.shards[LOG], self.old)])
        self.broker = Broker(setup, self.new, state, place.net.broker(), place.pens.clock, earlier)
        self.broker.witnessing.every_s = self.broker.witnessing.retry_s = 0.0
        self.before = EndedShard.of(state, self.old)

    async def run(self) -> None:
        """Run the broker."""
        await self.broker.run(self.place.until_stopped(), self.place.ready.set, self.before)


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    """Give a place whose log admitted an agency with a witness key, and stopped."""
    place = Place(tmp_path)
    async with place.running():
        for step in (lambda: place.pens.admission("kurse"), lambda: place.pens.key("kurse", "witness")):
            body = ms.pack(ms.AskRecord(place.pens.sign(step())))
            ms.unpack(await place.steering.call(ask("record"), body, timeout_s=LIMIT_S), ms.Logged)
    place.ready.clear()
    return place


async def _witness(place: Place, answer: Callable[[bytes], ms.Cosigned]) -> None:
    node = place.net.agency(AgencyId("kurse"), account("kurse"))

    async def witness(_topic: str, unverified: bytes) -> bytes:
        """Answer a checkpoint's note."""
        return ms.pack(answer(parse_addition(ms.unpack(unverified, ms.Witness).request).note))

    await node.serve(served("witness"), witness)


async def test_the_quorum_cosigns_the_old_shard_before_the_next_one_opens(place: Place) -> None:
    """Nothing is logged while the witnesses do not; what they cosign is the very note that the old key signed."""
    found = Ending(place)
    willing, asked = asyncio.Event(), asyncio.Event()
    noted: list[bytes] = []

    def answer(note: bytes) -> ms.Cosigned:
        noted.append(note.partition(b"\n\n")[0] + b"\n")
        asked.set()
        text, at_s = noted[-1], 1_795_168_900
        return ms.Cosigned(cosign(text, signer("kurse", "witness"), at_s) if willing.is_set() else b"", b"")

    await _witness(place, answer)
    task = asyncio.create_task(found.run())
    await asyncio.wait_for(asked.wait(), LIMIT_S)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (found.new.size, place.ready.is_set(), {note.partition(b"\n")[0] for note in noted}) == (
        0,
        False,
        {LOG.encode()},
    )
    willing.set()
    await asyncio.wait_for(place.ready.wait(), LIMIT_S)
    assert place.disk.checkpoints[found.size].count(b"witness-1") == 1
    assert [read_leaf(raw).kind for raw in found.new.disk.entries] == ["log.key"]
    assert found.broker.sequencer.state.log == NEXT
    place.stop.set()
    await asyncio.wait_for(task, LIMIT_S)


async def test_a_witness_that_saw_more_stops_the_start(place: Place) -> None:
    """The ledger is an older copy, or a thief signed on: the shard is not ended before humans have looked."""
    found = Ending(place)
    larger = sign_checkpoint(Checkpoint(LOG, found.size + 1, bytes(32)), keys.log_signer())
    await _witness(place, lambda _: ms.Cosigned(b"", larger))
    with pytest.raises(LedgerInconsistent, match=f"holds a checkpoint of {found.size + 1} entries"):
        await asyncio.wait_for(found.run(), LIMIT_S)
    assert (found.new.size, place.ready.is_set()) == (0, False)


async def test_only_a_shard_that_is_still_to_be_ended_is_opened_for_it(place: Place) -> None:
    """Once log.key is logged the old shard is left alone, as one that was closed in order always is."""
    found = Ending(place)
    state = found.broker.sequencer.state
    with ending(state, lambda log: MemoryStore(log, place.disk)) as before:
        assert before is not None
        assert (before.size, before.note) == (found.size, found.before.note)
        assert await before.consistency(1, found.size) == found.old.consistency_proof(1, found.size)
    opened = place.pens.branch()
    opened.state, opened.seq, opened.prev = state, state.chain, state.chain_prev
    opened.write(opened.log_key(LOG, found.size, found.old.root(found.size)))
    with ending(opened.state, lambda log: pytest.fail(f"{log} was opened")) as before:
        assert before is None
