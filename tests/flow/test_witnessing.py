"""Witnessing beside the hot path: who is asked, what is kept, whom a lying witness harms, what stops a start."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.infra.key_files import MlDsa44Signer
from broker.witnessing import EVERY_ENTRIES, Witnessing
from consent_ledger.core.checkpoint import (
    Checkpoint,
    CheckpointVerifier,
    SignedCheckpoint,
    format_checkpoint,
    sign_checkpoint,
    unverified_checkpoint,
)
from consent_ledger.core.merkle import EMPTY_ROOT
from consent_ledger.core.policy import Policy, parse_policy
from consent_ledger.sequencer import Receipt
from consent_ledger.witness import Conflict, consider, parse_addition
from schemas import messages as ms
from schemas.errors import Code, LedgerInconsistent
from schemas.ids import AgencyId
from schemas.note import Signer, VerifierKey, cosign, sign_note
from schemas.topics import served
from tests.support import keys
from tests.support.ledger_world import Ledger, founded, stored
from tests.support.memory_bus import MemoryBus, MemoryNet
from tests.support.memory_store import MemoryDisk
from tests.support.node_world import World
from tests.support.pens import KINDS, LOG, START, ManualClock, account, changed, signer
from tests.support.running_log import RunningLog

LOG_SIGNER = keys.signer(LOG)
EMPTY = sign_checkpoint(Checkpoint(LOG, 0, EMPTY_ROOT), LOG_SIGNER)
LIMIT_S = 5.0
NEVER_S = 3600.0


@dataclass
class Witness:
    """An agency's node as far as it cosigns: judges as the real one does; lies with another `key` or another `text`."""

    agency: str
    bus: MemoryBus
    held: SignedCheckpoint | None = None
    key: Signer | None = None
    text: bytes | None = None
    also: tuple[Signer, ...] = ()
    asked: list[int] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Serve `adapter.witness`, answering at once until told to wait."""
        self.may_answer.set()
        await self.bus.serve(served("witness"), self.answer)

    async def answer(self, _topic: str, unverified: bytes) -> bytes:
        """Cosign what extends the checkpoint held, or show that one."""
        addition = parse_addition(ms.unpack(unverified, ms.Witness).request)
        self.asked.append(addition.old)
        await self.may_answer.wait()
        judged = consider(self.held, addition, CheckpointVerifier(LOG_SIGNER.key))
        if isinstance(judged, Conflict):
            return ms.pack(ms.Cosigned(b"", b"" if self.held is None else self.held.note))
        self.held = judged
        pens = (self.key or signer(self.agency, "witness"), *self.also)
        text = self.text or format_checkpoint(judged.checkpoint)
        return ms.pack(ms.Cosigned(b"".join(cosign(text, pen, START // 1000) for pen in pens), b""))

    def hold(self, note: bytes) -> None:
        """Hold a checkpoint that the log signed."""
        self.held = CheckpointVerifier(LOG_SIGNER.key).verify(note)


class Federation:
    """A running log, its witnesses on a memory net, and the witnessing that is tested."""

    def __init__(self, log: RunningLog, pens: Ledger) -> None:
        """Put nobody on the net yet."""
        self.log, self.pens, self.net = log, pens, MemoryNet()
        self.reports: list[tuple[str, Code]] = []
        self.witnesses: dict[str, Witness] = {}

    async def witness(self, agency: str) -> Witness:
        """Put an agency's node on the net."""
        node = Witness(agency, self.net.agency(AgencyId(agency), account(agency)))
        self.witnesses[agency] = node
        await node.start()
        return node

    def witnessing(self, policy: Policy | None = None, *, every_s: float = 0.0) -> Witnessing:
        """Give a witnessing that hears of the log's commits."""
        found = Witnessing(
            self.log.sequencer,
            self.net.broker(),
            self.pens.clock,
            EMPTY,
            lambda where, code: self.reports.append((where, code)),
            policy,
            every_s=every_s,
            patience_s=0.01,
            retry_s=0.0,
        )
        self.log.sequencer.committed.append(found.committed)
        return found

    async def write(self) -> Receipt:
        """Have one more entry logged."""
        return await self.log.write(self.pens.agency_head("jobcenter"))

    def cosigners(self, size: int) -> set[VerifierKey]:
        """Give who verifiably cosigned the checkpoint that the store has of this size."""
        note = self.log.store.checkpoint(size)
        known = [signer(agency, "witness").key for agency in KINDS]
        return set() if note is None else set(CheckpointVerifier(LOG_SIGNER.key, known).verify(note).cosigned_at_s)


@pytest.fixture
async def federation() -> AsyncIterator[Federation]:
    """Give a log with five agencies that could cosign."""
    pens = founded()
    async with RunningLog(pens, stored(pens)) as log:
        yield Federation(log, pens)


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until something holds."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - a store is waited for, and it sends no events
            await asyncio.sleep(0)


def key(agency: str) -> VerifierKey:
    """Give an agency's witness key."""
    return signer(agency, "witness").key


def policy(threshold: int, *agencies: str) -> Policy:
    """Give a policy under which so many of these agencies are a quorum."""
    lines = [f"witness {agency} {key(agency).vkey}" for agency in agencies]
    return parse_policy("\n".join([*lines, f"group q {threshold} {' '.join(agencies)}", "quorum q"]))


def forked(size: int) -> bytes:
    """Sign, with the log's own key, a tree of this size that is not the log's."""
    return sign_checkpoint(Checkpoint(LOG, size, bytes(32)), LOG_SIGNER)


async def test_a_commit_is_cosigned_and_shown(federation: Federation) -> None:
    """The checkpoint is stored with every witness's line, shown to the world, and dated."""
    for agency in ("beratung", "kurse"):
        await federation.witness(agency)
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    receipt = await federation.write()
    await until(lambda: witnessing.cosigned_size == receipt.index + 1)
    assert federation.cosigners(receipt.index + 1) == {key("beratung"), key("kurse")}
    assert witnessing.published == federation.log.store.checkpoint(receipt.index + 1)
    assert witnessing.cosigned_at_ms == federation.pens.clock.ms
    running.cancel()


@pytest.mark.parametrize("quorum", [None, 1, 2])
async def test_it_is_known_since_when_witnesses_are_waited_for(federation: Federation, quorum: int | None) -> None:
    """From the first entry that lacks a quorum's cosignatures, whatever comes later, until all entries have them."""
    assert isinstance(federation.pens.clock, ManualClock)
    await federation.witness("kurse")
    agencies = ("kurse", "beratung")[: quorum or 1]
    witnessing = federation.witnessing(None if quorum is None else policy(quorum, *agencies))
    began = federation.pens.clock.ms
    for _ in range(2):
        size = (await federation.write()).index + 1
        federation.pens.clock.ms += 1000
    assert witnessing.waiting_since_ms == began
    running = asyncio.create_task(witnessing.run())
    await until(lambda: witnessing.cosigned_size == size)
    assert witnessing.waiting_since_ms == (began if quorum == 2 else None)
    await federation.write()
    assert witnessing.waiting_since_ms == (began if quorum == 2 else federation.pens.clock.ms)
    running.cancel()


async def test_without_witnesses_the_waiting_does_not_end(federation: Federation) -> None:
    """A checkpoint that is shown but that nobody cosigned ends nothing."""
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    await federation.write()
    await until(lambda: witnessing.published is not None)
    assert witnessing.waiting_since_ms is not None
    running.cancel()


async def test_a_witness_is_asked_from_the_size_it_holds(federation: Federation) -> None:
    """The first question is from 0, the next from what was cosigned; one that holds something else says so once."""
    node = await federation.witness("kurse")
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    first = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == first)
    second = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == second)
    node.held = None
    third = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == third)
    assert node.asked == [0, first, second, 0]
    running.cancel()


async def test_a_slow_witness_holds_nobody_up(federation: Federation) -> None:
    """The others' lines are kept at once; the slow one is not asked again meanwhile, and its line is added at last."""
    slow, quick = await federation.witness("kurse"), await federation.witness("amt")
    slow.may_answer.clear()
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    first = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == first)
    second = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == second)
    assert federation.cosigners(first) == {key("amt")}
    assert (slow.asked, quick.asked) == ([0], [0, first])
    slow.may_answer.set()
    await until(lambda: len(federation.cosigners(first)) > 1)
    assert federation.cosigners(first) == {key("amt"), key("kurse")}
    assert unverified_checkpoint(witnessing.published or b"").size == second
    running.cancel()


async def test_a_witness_out_of_reach_is_reported_and_no_more(federation: Federation) -> None:
    """Members that do not serve are a report each; the checkpoint is shown all the same."""
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    receipt = await federation.write()
    await until(lambda: witnessing.published is not None)
    assert unverified_checkpoint(witnessing.published or b"").size == receipt.index + 1
    assert federation.reports == [("witness", Code.UNAVAILABLE)] * len(KINDS)
    assert witnessing.cosigned_at_ms is None
    running.cancel()


@pytest.mark.parametrize("lie", ["key", "text"])
async def test_a_line_that_does_not_hold_is_not_kept(federation: Federation, lie: str) -> None:
    """A member's line by another member's key, or over another checkpoint, is reported and not stored."""
    node = await federation.witness("kurse")
    if lie == "key":
        node.key = signer("amt", "witness")
    else:
        node.text = format_checkpoint(Checkpoint(LOG, 3, bytes(32)))
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    receipt = await federation.write()
    await until(lambda: ("witness", Code.NOT_AUTHENTIC) in federation.reports and witnessing.published is not None)
    assert federation.log.store.checkpoint(receipt.index + 1) is None
    running.cancel()


async def test_a_witness_may_cosign_by_several_keys(federation: Federation) -> None:
    """An agency's second key, of ML-DSA-44, is in the ledger like its first: both lines are kept, and no other's."""
    second = MlDsa44Signer("musterstadt.example/kurse/witness-2", bytes(32))
    added = changed(federation.pens.key("kurse", "witness", 2), suite="mldsa44", public=second.key.vkey)
    size = (await federation.log.write(added)).index + 1
    node = await federation.witness("kurse")
    node.also = (second, signer("stranger", "witness"))
    witnessing = federation.witnessing()
    witnessing.committed([])
    running = asyncio.create_task(witnessing.run())
    await until(lambda: witnessing.cosigned_size == size)
    shown = CheckpointVerifier(LOG_SIGNER.key, [key("kurse"), second.key]).verify(witnessing.published or b"")
    assert set(shown.cosigned_at_s) == {key("kurse"), second.key}
    assert b"stranger" not in shown.note
    running.cancel()


async def test_a_node_that_does_not_cosign_is_reported(federation: Federation) -> None:
    """Its refusal is a report, at the start and later; a start without a policy goes on."""
    bus = federation.net.agency(AgencyId("kurse"), account("kurse"))

    async def refuse(_topic: str, _body: bytes) -> bytes:
        return ms.pack(ms.fault(Code.UNAVAILABLE, "node: does not cosign"))

    await bus.serve(served("witness"), refuse)
    witnessing = federation.witnessing()
    await witnessing.confirm()
    assert federation.reports == [("witness", Code.UNAVAILABLE)] * len(KINDS)


async def test_a_disk_that_fails_costs_the_cosignatures_only(federation: Federation) -> None:
    """What could not be kept is reported; the checkpoint is shown, the next round keeps its own, the log goes on."""
    await federation.witness("kurse")
    witnessing = federation.witnessing()
    federation.log.store.disk.fail_once("put_checkpoint", written=False)
    running = asyncio.create_task(witnessing.run())
    first = (await federation.write()).index + 1
    await until(lambda: witnessing.published is not None)
    assert federation.reports == [*[("witness", Code.UNAVAILABLE)] * 4, ("cosignatures", Code.UNAVAILABLE)]
    assert (witnessing.cosigned_size, federation.log.store.checkpoint(first)) == (0, None)
    second = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == second)
    running.cancel()


async def test_rounds_keep_their_distance_but_for_a_crowd(federation: Federation) -> None:
    """Within the second nobody is asked again, until a thousand entries have come."""
    node = await federation.witness("kurse")
    witnessing = federation.witnessing(every_s=NEVER_S)
    running = asyncio.create_task(witnessing.run())
    receipt = await federation.write()
    await until(lambda: witnessing.cosigned_size == receipt.index + 1)
    for _ in range(5):
        last = await federation.write()
    assert len(node.asked) == 1
    witnessing.committed([receipt] * EVERY_ENTRIES)
    await until(lambda: witnessing.cosigned_size == last.index + 1)
    running.cancel()


async def test_a_larger_checkpoint_at_a_witness_ends_the_process(federation: Federation) -> None:
    """Signed by this log and larger than it: the ledger is an older copy, and the message says so."""
    node = await federation.witness("kurse")
    node.hold(forked(federation.log.sequencer.size + 100))
    running = asyncio.create_task(federation.witnessing().run())
    await federation.write()
    with pytest.raises(LedgerInconsistent, match=r"kurse: holds a checkpoint .* older copy"):
        await asyncio.wait_for(running, LIMIT_S)


async def test_another_tree_at_a_witness_ends_the_process(federation: Federation) -> None:
    """Signed by this log, of the same size or a smaller one, and with another root: two logs under one key."""
    node = await federation.witness("kurse")
    for size in (federation.log.sequencer.size, 3):
        node.hold(forked(size))
        with pytest.raises(LedgerInconsistent, match="another root"):
            await federation.witnessing().confirm()


async def test_a_checkpoint_without_the_logs_signature_harms_nobody(federation: Federation) -> None:
    """A witness cannot invent a larger log: what it shows without our signature is its own fault, and reported."""
    node = await federation.witness("kurse")
    text = format_checkpoint(Checkpoint(LOG, 10_000, bytes(32)))
    note = sign_note(text, [signer("kurse", "statement")])
    node.held = SignedCheckpoint(unverified_checkpoint(note), note, {})
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    await federation.write()
    await until(lambda: ("witness", Code.NOT_AUTHENTIC) in federation.reports)
    assert not running.done()
    running.cancel()


async def test_a_start_needs_so_many_answers_that_no_quorum_is_left(federation: Federation) -> None:
    """With k of n needed, n - k + 1 must have answered: until then the start waits, and asks again."""
    witnessing = federation.witnessing(policy(2, "amt", "kurse", "beratung"))
    starting = asyncio.create_task(witnessing.confirm())
    await federation.witness("amt")
    await until(lambda: federation.reports.count(("start waits for witnesses", Code.UNAVAILABLE)) > 2)
    assert not starting.done()
    await federation.witness("kurse")
    await asyncio.wait_for(starting, LIMIT_S)


async def test_a_start_without_a_policy_asks_once(federation: Federation) -> None:
    """Nobody is waited for, but who answers is heard: the size it holds is known from then on."""
    node = await federation.witness("kurse")
    note = federation.log.sequencer.note
    assert note is not None
    node.hold(note)
    witnessing = federation.witnessing()
    await witnessing.confirm()
    assert witnessing.published == note
    running = asyncio.create_task(witnessing.run())
    receipt = await federation.write()
    await until(lambda: witnessing.cosigned_size == receipt.index + 1)
    assert node.asked[:2] == [0, receipt.index]
    running.cancel()


async def test_an_empty_log_does_not_start_beside_a_witness_that_knows_more() -> None:
    """Where the whole ledger is lost the policy still names the witnesses, and one of them remembers."""
    pens = Ledger()
    async with RunningLog(pens, MemoryDisk()) as log:
        federation = Federation(log, pens)
        node = await federation.witness("kurse")
        fresh = federation.witnessing(policy(1, "kurse"))
        await fresh.confirm()
        assert fresh.published is None
        running = asyncio.create_task(fresh.run())
        await log.sequencer.durable()
        assert (fresh.published, node.asked) == (None, [0])
        running.cancel()
        node.hold(forked(7))
        with pytest.raises(LedgerInconsistent, match="older copy"):
            await fresh.confirm()


async def test_cosignatures_survive_a_restart(federation: Federation) -> None:
    """A later round for the same checkpoint adds to the lines that are there, and takes none away."""
    await federation.witness("kurse")
    witnessing = federation.witnessing()
    running = asyncio.create_task(witnessing.run())
    size = (await federation.write()).index + 1
    await until(lambda: witnessing.cosigned_size == size)
    running.cancel()
    await federation.witnesses.pop("kurse").bus.close()
    await federation.log.sequencer.durable()
    async with RunningLog(federation.pens, federation.log.store.disk) as again:
        later = Federation(again, federation.pens)
        await later.witness("amt")
        witnessing = later.witnessing()
        await witnessing.confirm()
        running = asyncio.create_task(witnessing.run())
        await until(lambda: witnessing.cosigned_size == size)
        assert later.cosigners(size) == {key("kurse"), key("amt")}
        running.cancel()


@pytest.mark.slow
async def test_real_nodes_cosign_what_extends_what_they_hold(tmp_path: Path) -> None:
    """Two nodes with stores of their own cosign round after round, and their lines verify."""
    world = await World.start(tmp_path)
    for agency, kind in (("jobcenter", "jobcenter"), ("kurse", "course_provider")):
        await world.admit(agency, kind)
    witnessing = Witnessing(
        world.sequencer, world.net.broker(), world.clock, EMPTY, lambda *_: None, every_s=0.0, patience_s=LIMIT_S
    )
    world.sequencer.committed.append(witnessing.committed)
    running = asyncio.create_task(witnessing.run())
    for _ in range(2):
        await world.approve("jobcenter", "Z16@1")
        await until(lambda: witnessing.cosigned_size == world.sequencer.size)
    known = [pen.key for agency in ("jobcenter", "kurse") for pen in world.identities[agency].witnesses]
    shown = CheckpointVerifier(LOG_SIGNER.key, known).verify(witnessing.published or b"")
    assert set(shown.cosigned_at_s) == set(known)
    running.cancel()
    await world.close()
