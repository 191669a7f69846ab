"""Agencies follow the log into its next shard: nothing they said is lost or said twice, and old receipts still hold."""

from pathlib import Path

import pytest

from adapters.node.papers.blocks import markdown
from adapters.node.papers.receipt import receipt
from adapters.node.store.rows import AskedState, ConsentState
from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from consent_ledger.core.policy import parse_policy
from consent_ledger.witness import format_addition
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code, Misuse, Unavailable
from schemas.ids import LogId
from schemas.note import verify_cosignature
from tests.support import keys
from tests.support.next_shard import begin_shard, close_shard, go_on, open_shard
from tests.support.node_http import Front
from tests.support.node_world import FEDERATION, LOG, TYPES, World
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER, Town, taken
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

NEXT = LogId(f"{FEDERATION}/log/2026-12")


@virtual
async def test_a_consent_of_the_old_shard_is_asked_under_in_the_next(tmp_path: Path) -> None:
    """Who asks, holds and collected learn of the next shard by themselves, and a record travels as before."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await go_on(town.world)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    assert {node.federation.view.log for node in town.world.nodes.values()} >= {NEXT}
    assert town.world.kinds()[0] == "shard.opened"
    assert [len(kept.reader.last_checkpoint() or b"") > 0 for kept in town.world.earlier] == [True]
    for agency in (REQUESTER, HOLDER):
        await town.world.restart(agency)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_a_paper_names_its_entry_over_all_shards(tmp_path: Path) -> None:
    """As the client's page does: in the next shard the proof itself counts from 0 again."""
    town = await Town.start(tmp_path)
    before = town.world.store.size
    await go_on(town.world)
    held = await town.world.nodes[COLLECTOR].consents.get(await town.consent())
    papers, _ = receipt(held, Front(town, COLLECTOR).desk.making)
    assert held.log_index == before + 2  # behind shard.closed and shard.opened
    assert f"Eintrag {held.log_index} im Protokoll" in markdown(papers)
    await town.close()


@virtual
async def test_what_a_shard_was_closed_without_is_signed_anew(tmp_path: Path) -> None:
    """A consent that comes between two shards waits, and is logged in the next one under its own id, number 1."""
    town = await Town.start(tmp_path)
    await close_shard(town.world)
    kinds = len(town.world.kinds())
    consent = await town.consent()
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.SENT
    await begin_shard(town.world)
    await pass_time(20)
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.SENT
    assert town.world.kinds() == []
    await open_shard(town.world)
    await pass_time(120)
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.GIVEN
    assert town.world.kinds() == ["shard.opened", "consent.given"]
    assert town.world.earlier[0].reader.size == kinds
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_what_the_old_shard_logged_is_not_said_twice(tmp_path: Path) -> None:
    """Where only the answer was lost, the old shard's receipt comes, and nothing new is logged."""
    town = await Town.start(tmp_path)
    lost = ms.pack(ms.fault(Code.UNAVAILABLE, "lost"))
    town.world.buses[COLLECTOR].tamper = lambda topic, reply: lost if topic == "ask.record" else reply
    consent = await town.consent()
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.SENT
    await go_on(town.world)
    town.world.buses[COLLECTOR].tamper = None
    await pass_time(120)
    held = await town.world.nodes[COLLECTOR].consents.get(consent)
    assert held.state is ConsentState.GIVEN
    assert LOG.encode() in held.receipt.proof
    assert town.world.kinds() == ["shard.opened"]
    await town.close()


@virtual
async def test_a_request_is_answered_over_the_end_of_a_shard(tmp_path: Path) -> None:
    """Sealed and granted in one shard, released in the next: person and record open, and nothing is done twice."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.source.slow_s = 30.0
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    await go_on(town.world)
    await pass_time(600)
    found = await town.requester.result(asked.exchange)
    assert found.state is AskedState.ANSWERED, town.world.codes
    assert "exchange.disclosed" in town.world.kinds()
    await town.close()


@virtual
async def test_a_request_that_was_never_granted_is_asked_anew(tmp_path: Path) -> None:
    """The person was sealed while the old shard was open; the holder opens it under the next one's request."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    await close_shard(town.world)
    asked = await town.ask(consent)
    assert asked.state is AskedState.SENT
    await begin_shard(town.world)
    await open_shard(town.world)
    await pass_time(120)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_voids_and_heads_are_not_repeated_in_another_shard(tmp_path: Path) -> None:
    """What speaks of the old shard's numbers is worth nothing in the next one: it is dropped, and nothing waits."""
    town = await Town.start(tmp_path)
    node = town.world.nodes[COLLECTOR]
    await close_shard(town.world)
    with pytest.raises(Unavailable):
        await node.outbox.send(
            lambda head: st.AgencyHead(**head.fields(), last=head.n), ms.AskRecord, node.outbox.settle
        )
    await begin_shard(town.world)
    await open_shard(town.world)
    await pass_time(120)
    assert await node.store.outgoing.pending() == []
    assert town.world.kinds() == ["shard.opened"]
    await town.close()


@virtual
async def test_a_log_that_nobody_closed_is_no_reason_to_sign_anew(tmp_path: Path) -> None:
    """A broker that says "wrong log" without a later shard is believed nothing: the statement is given up."""
    town = await Town.start(tmp_path)
    wrong = ms.pack(ms.fault(Code.WRONG_LOG, "log: another"))
    town.world.buses[COLLECTOR].tamper = lambda topic, reply: wrong if topic == "ask.record" else reply
    with pytest.raises(Misuse) as caught:
        await town.collector.collect(taken(town.world))
    assert caught.value.code is Code.WRONG_LOG
    town.world.buses[COLLECTOR].tamper = None
    await town.close()


async def _cosigned(world: World, agency: str) -> tuple[Checkpoint, ms.Message]:
    newest = Checkpoint(world.store.origin, world.store.size, world.store.root(world.store.size))
    addition = format_addition(0, (), sign_checkpoint(newest, keys.signer(newest.origin)))
    return newest, await world.tell(agency, "witness", ms.Witness(addition))


@virtual
async def test_a_witness_follows(tmp_path: Path) -> None:
    """Of a shard it has not learned of a node holds nothing; it looks for news then, and cosigns the next time."""
    town = await Town.start(tmp_path)
    await go_on(town.world)
    _, answer = await _cosigned(town.world, HOLDER)
    assert answer == ms.Cosigned(b"", b"")
    await pass_time(5)
    newest, answer = await _cosigned(town.world, HOLDER)
    assert isinstance(answer, ms.Cosigned)
    pen = keys.signer(f"{FEDERATION}/{HOLDER}/witness-1", TYPES["witness"])
    verify_cosignature(format_checkpoint(newest), answer.line, pen.key)
    await town.close()


@virtual
async def test_receipts_of_the_old_shard_must_be_cosigned_too(tmp_path: Path) -> None:
    """Nothing is released while receipts of the closed shard lack the quorum, whatever the new one has."""
    town = await Town.start(tmp_path)
    covering = town.holder.outcomes.covering
    vkey = keys.signer(f"{FEDERATION}/{HOLDER}/witness-1", TYPES["witness"]).key.vkey
    covering.policy = parse_policy(f"log {keys.log_signer().key.vkey}\nwitness one {vkey}\nquorum one\n")
    await town.agreed()
    await go_on(town.world)
    await town.world.nodes[HOLDER].federation.catch_up()
    await covering.check()
    await pass_time(61)
    with pytest.raises(Unavailable, match="enough witnesses"):
        await covering.check()
    await town.close()
