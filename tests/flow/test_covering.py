"""A node as witness of its own receipts: what was proven to it must stand where it stood, and be cosigned in time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.infra.key_files import Ed25519Signer
from adapters.node import outcomes
from adapters.node.database import Op
from adapters.node.store.rows import AskedState
from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import HASH_BYTES, Edge, leaf_hash
from consent_ledger.core.policy import parse_policy
from consent_ledger.witness import format_addition
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code, LedgerInconsistent, Unavailable
from schemas.ids import ConsentId, KeyName
from schemas.note import cosign, verify_cosignature
from tests.support import keys
from tests.support.memory_store import MemoryStore
from tests.support.node_http import Front
from tests.support.node_world import FEDERATION, LOG, TYPES, World
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

ALARM = ("alarm: receipts without witnesses", Code.UNAVAILABLE)


def witness_pen(agency: str) -> Ed25519Signer:
    """Give the key by which an agency's node cosigns."""
    return keys.signer(f"{FEDERATION}/{agency}/witness-1", TYPES["witness"])


def checkpoint(world: World) -> Checkpoint:
    """Give the log's newest checkpoint."""
    return Checkpoint(LOG, world.store.size, world.store.root(world.store.size))


async def cosigned(world: World, agency: str, old: int = 0) -> ms.Message:
    """Have a node asked to cosign the newest checkpoint, from a size it is believed to hold."""
    newest = checkpoint(world)
    proof = world.store.consistency_proof(old, newest.size) if 0 < old < newest.size else ()
    addition = format_addition(old, proof, sign_checkpoint(newest, keys.log_signer()))
    return await world.tell(agency, "witness", ms.Witness(addition))


async def trusting(town: Town) -> None:
    """Have the holder believe the log no sooner than the collector has cosigned it."""
    policy = parse_policy(f"witness one {witness_pen(COLLECTOR).key.vkey}\nquorum one\n")
    town.world.identities[HOLDER] = replace(town.world.identities[HOLDER], policy=policy)
    await town.world.restart(HOLDER)


def publish(world: World) -> None:
    """Show the newest checkpoint, cosigned by the collector just now."""
    newest = checkpoint(world)
    line = cosign(format_checkpoint(newest), witness_pen(COLLECTOR), world.clock.now_ms() // 1000)
    world.published = sign_checkpoint(newest, keys.log_signer()) + line


@virtual
async def test_a_node_follows_the_log_leaf_by_leaf_and_remembers_how_far(tmp_path: Path) -> None:
    """It cosigns what it has followed, goes on from there after a restart, and asks for no leaf twice."""
    town = await Town.start(tmp_path)
    await town.agreed()
    sizes: list[int] = []
    for _ in range(2):
        answer = await cosigned(town.world, HOLDER, sizes[-1] if sizes else 0)
        assert isinstance(answer, ms.Cosigned)
        verify_cosignature(format_checkpoint(checkpoint(town.world)), answer.line, witness_pen(HOLDER).key)
        sizes.append(town.world.store.size)
        assert (await town.world.nodes[HOLDER].store.known.edge(LOG)).size == sizes[-1]
        await town.agreed()
        await town.world.restart(HOLDER)
    heard = [size for _, topic, size in town.world.buses[HOLDER].heard if topic == "ask.hashes"]
    assert heard == []
    await cosigned(town.world, HOLDER, sizes[-1])
    (heard_bytes,) = [size for _, topic, size in town.world.buses[HOLDER].heard if topic == "ask.hashes"]
    assert heard_bytes < (town.world.store.size - sizes[-1] + 10) * HASH_BYTES
    await town.close()


@virtual
async def test_a_fork_of_what_was_proven_stops_a_node_that_never_cosigned(tmp_path: Path) -> None:
    """The log's key signs another history of a size the node has receipts in: evidence of a fork, and the end."""
    town = await Town.start(tmp_path)
    size = town.world.store.size
    await town.agreed()
    await town.world.fork(size)
    for role in ("witness", "dpo", "statement"):
        name = KeyName(f"{FEDERATION}/{COLLECTOR}/{role}-1")
        await town.world.steer(st.KeyRevoked(**town.world.desk.next(), name=name))
    with pytest.raises(Unavailable, match="no reply"):
        await cosigned(town.world, HOLDER)
    with pytest.raises(LedgerInconsistent, match="another entry stands at index"):
        town.world.nodes[HOLDER].background.check()
    await town.world.close()


async def _put_back(world: World, honest: MemoryStore) -> None:
    """Show everybody the log again as it was."""
    world.store = honest
    await world.fork(honest.size)


async def _past(town: Town, agency: str) -> tuple[ConsentId, int]:
    """Let an agency cosign what was logged after a consent, in which it has no part; give consent and size before."""
    consent, size = await town.consent(), town.world.store.size
    for purpose in ("Z16@1", "Z17@1", "Z18@1"):
        await town.world.approve(COLLECTOR, purpose)
    assert isinstance(await cosigned(town.world, agency), ms.Cosigned)
    return consent, size


@virtual
async def test_another_past_is_not_believed_by_a_holder(tmp_path: Path) -> None:
    """A grant in a place the holder has followed and cosigned long ago, under a small tree: nothing is released."""
    town = await Town.start(tmp_path)
    consent, size = await _past(town, HOLDER)
    await town.world.fork(size)
    assert (await town.ask(consent)).state is AskedState.GRANTED
    with pytest.raises(LedgerInconsistent, match=f"another entry stands at index {size} than was proven"):
        town.world.nodes[HOLDER].background.check()
    assert read_leaf(list(town.world.leaves())[-1]).kind == "exchange.granted"
    await town.world.close()


@virtual
async def test_another_past_stops_whoever_it_was_shown_to(tmp_path: Path) -> None:
    """Only the asking agency sees it, then all see the log as it was: with the next cosignature it comes out."""
    town = await Town.start(tmp_path)
    honest = town.world.store
    consent, size = await _past(town, REQUESTER)
    held = honest.size
    await town.world.fork(size)
    await town.ask(consent)
    await _put_back(town.world, honest)
    await town.world.approve(COLLECTOR, "Z19@1")
    with pytest.raises(Unavailable):
        await cosigned(town.world, REQUESTER, held)
    with pytest.raises(LedgerInconsistent, match=f"another entry stands at index {size} than was proven"):
        town.world.nodes[REQUESTER].background.check()
    await town.world.close()


@virtual
async def test_two_that_take_up_the_log_at_once_follow_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that reads how far the log was followed while a cosignature follows it on: no false alarm after it."""
    town = await Town.start(tmp_path)
    await town.agreed()
    assert isinstance(await cosigned(town.world, HOLDER), ms.Cosigned)
    held = town.world.store.size
    await town.agreed()
    await town.world.restart(HOLDER)
    node, begun, going_on = town.world.nodes[HOLDER], asyncio.Event(), asyncio.Event()
    node.covering._shards.clear()  # noqa: SLF001 - as it is until the first of the two has read it
    edge, write = node.store.known.edge, node.store.write

    async def slow(origin: str) -> Edge:
        """Give the first who asks the answer only when the other is about to write what it followed."""
        found = await edge(origin)
        if not begun.is_set():
            begun.set()
            await going_on.wait()
        return found

    async def late(*ops: Op) -> None:
        """Write when the first who asked is done."""
        going_on.set()
        await asyncio.wait({release})
        await write(*ops)

    monkeypatch.setattr(node.store.known, "edge", slow)
    release = asyncio.create_task(node.covering.check())
    await begun.wait()
    with monkeypatch.context() as both:
        both.setattr(node.store, "write", late)
        assert isinstance(await cosigned(town.world, HOLDER, held), ms.Cosigned)
    for _ in range(2):
        held = town.world.store.size
        await town.agreed()
        assert isinstance(await cosigned(town.world, HOLDER, held), ms.Cosigned)
    node.background.check()
    await town.close()


@virtual
async def test_every_leaf_that_went_by_is_kept_and_else_followed_again(tmp_path: Path) -> None:
    """What is proven of the past is found where it went by; where that was lost, the log is followed anew first."""
    town = await Town.start(tmp_path)
    held = 0
    for _ in range(2):
        await town.agreed()
        assert isinstance(await cosigned(town.world, HOLDER, held), ms.Cosigned)
        held = town.world.store.size
        await town.world.restart(HOLDER)
    node = town.world.nodes[HOLDER]
    known, covering = node.store.known, node.covering
    leaves = [leaf_hash(raw) for raw in town.world.leaves()]
    assert await known.leaves(LOG, 0) == b"".join(leaves)
    await node.federation.hold_entry(0)
    await covering.check()
    assert node.federation.view.unseen.late == {}
    await node.store.write(Op("DELETE FROM followed_leaf"))
    await node.federation.hold_entry(0)
    with pytest.raises(Unavailable, match="is followed again"):
        await covering.check()
    await town.world.approve(COLLECTOR, "Z17@1")
    assert isinstance(await cosigned(town.world, HOLDER, held), ms.Cosigned)
    await covering.check()
    assert (await known.leaves(LOG, 0))[: len(leaves) * HASH_BYTES] == b"".join(leaves)
    await town.close()


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer: ms.Hashes(answer.note, answer.hashes[:-HASH_BYTES] + bytes(HASH_BYTES)),
        lambda answer: ms.Hashes(answer.note, answer.hashes[:-1]),
        lambda answer: ms.Hashes(answer.note, b""),
        lambda _: ms.fault(Code.UNAVAILABLE, "broker: cannot answer now"),
    ],
    ids=["wrong", "cut", "none", "refused"],
)
@virtual
async def test_leaves_that_are_not_the_logs_are_not_cosigned(
    tmp_path: Path, lie: Callable[[ms.Hashes], ms.Message]
) -> None:
    """Wrong, cut or missing hashes prove nothing against the log: no cosignature, no alarm, and the node goes on."""
    town = await Town.start(tmp_path)

    def lying(topic: str, reply: bytes) -> bytes:
        """Give other hashes than the broker's."""
        return ms.pack(lie(ms.unpack(reply, ms.Hashes))) if topic == "ask.hashes" else reply

    town.world.buses[HOLDER].tamper = lying
    assert isinstance(await cosigned(town.world, HOLDER), ms.Failed)
    town.world.buses[HOLDER].tamper = None
    assert isinstance(await cosigned(town.world, HOLDER), ms.Cosigned)
    await town.close()


@virtual
async def test_a_node_cosigns_no_log_that_leaves_its_statements_out(tmp_path: Path) -> None:
    """Handed over and not in the log after a minute: no cosignature until it is; the broker cannot omit in silence."""
    town = await Town.start(tmp_path)
    assert isinstance(await cosigned(town.world, COLLECTOR), ms.Cosigned)
    held = town.world.store.size
    swallowed = ms.pack(ms.fault(Code.UNAVAILABLE, "broker: cannot answer now"))
    town.world.buses[COLLECTOR].divert = lambda topic, _: swallowed if topic == "ask.record" else None
    await town.consent()
    await town.world.approve(REQUESTER, "Z17@1")
    assert isinstance(await cosigned(town.world, COLLECTOR, held), ms.Cosigned)
    held = town.world.store.size
    await pass_time(61)
    await town.world.approve(REQUESTER, "Z18@1")
    assert isinstance(await cosigned(town.world, COLLECTOR, held), ms.Failed)
    town.world.buses[COLLECTOR].divert = None
    await pass_time(600)
    assert isinstance(await cosigned(town.world, COLLECTOR, held), ms.Cosigned)
    await town.close()


@virtual
async def test_nothing_is_released_while_receipts_lack_their_witnesses(tmp_path: Path) -> None:
    """A minute after the first uncovered receipt the holder answers later; once the quorum has cosigned, it answers."""
    town = await Town.start(tmp_path)
    await trusting(town)
    assert (await town.agreed()).state is AskedState.ANSWERED
    await pass_time(61)
    held_back = await town.agreed()
    assert held_back.state is AskedState.GRANTED
    assert ALARM in town.world.codes
    with pytest.raises(Unavailable, match="enough witnesses"):
        await town.holder.outcomes.covering.check()
    town.world.published = sign_checkpoint(checkpoint(town.world), keys.log_signer())
    with pytest.raises(Unavailable):
        await town.holder.outcomes.covering.check()
    publish(town.world)
    await town.holder.outcomes.covering.check()
    assert (await town.agreed()).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_a_receipt_waits_by_itself_and_not_for_those_before_it(tmp_path: Path) -> None:
    """The grant of the very exchange is a moment old and never cosigned yet: it holds nothing back for a minute."""
    town = await Town.start(tmp_path)
    await trusting(town)
    for _ in range(3):
        assert (await town.agreed()).state is AskedState.ANSWERED
        await pass_time(61)
        publish(town.world)
    assert ALARM not in town.world.codes
    await town.close()


@virtual
async def test_the_most_sensitive_fields_wait_for_the_witnesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their grant must be under the quorum's cosignatures first: until then "later", after it the record goes out."""
    monkeypatch.setattr(outcomes, "WITNESSED_FROM", 1)
    town = await Town.start(tmp_path)
    await trusting(town)
    asked = await town.agreed()
    assert asked.state is AskedState.GRANTED
    publish(town.world)
    await pass_time(30)
    answered = await town.requester.result(asked.exchange)
    assert answered.state is AskedState.ANSWERED
    await town.agreed()
    await pass_time(60)
    assert ("record", Code.UNAVAILABLE) in town.world.codes
    await town.close()


@virtual
async def test_health_is_red_while_receipts_lack_their_witnesses(tmp_path: Path) -> None:
    """A minute after a receipt no quorum has cosigned it; it is green again once one has, and says since when."""
    town = await Town.start(tmp_path)
    await trusting(town)
    await town.agreed()
    assert await health(town) == (200, True, None)
    await pass_time(61)
    assert await health(town) == (503, False, None)
    publish(town.world)
    await pass_time(2)
    assert await health(town) == (200, True, 2.0)
    await town.close()


@virtual
async def test_health_says_when_the_node_itself_cosigned(tmp_path: Path) -> None:
    """Where no policy is pinned nobody is waited for; how long ago the node cosigned only informs."""
    town = await Town.start(tmp_path)
    assert isinstance(await cosigned(town.world, HOLDER), ms.Cosigned)
    await pass_time(600)
    assert await health(town) == (200, True, 600.0)
    await town.close()


async def health(town: Town) -> tuple[int, bool, float | None]:
    """Give what the holder's health says of witnesses, with its status."""
    answer = await Front(town, HOLDER).call(None, "GET", "/health")
    found = answer.json()
    assert found["ready"] == found["witnessed"]
    return answer.status_code, found["witnessed"], found["cosigned_age_s"]
