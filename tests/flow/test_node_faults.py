"""What goes wrong between two steps: crashes, lost replies, full disks, old backups. Nothing is lost or done twice.

After every fault the whole ledger is replayed, counters included (`Town.close`): a number without a statement or a void
would be a finding.
"""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.node.core.compose import Question
from adapters.node.releases import Chosen
from adapters.node.store.rows import AskedState, ConsentState, ReceivedState
from adapters.sources.port import LocalRef
from broker import service
from consent_ledger.core.leaf import read_leaf
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Misuse, Unavailable
from tests.support.node_world import account
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER, Town, question
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

HOUR_S = 3600
ROW = Chosen(LocalRef("T-1"), "staff-4")
Sabotage = Callable[[Town], None]


async def disclosed(town: Town) -> list[str]:
    """Give the exchanges that were disclosed, each as often as the log says so."""
    return [
        read_leaf(raw).statement.exchange  # type: ignore[union-attr]  # a disclosure embeds an outcome
        for raw in town.world.leaves()
        if read_leaf(raw).kind == "exchange.disclosed"
    ]


# -- crashes between any two steps ----------------------------------------------------------------------------------


async def job(town: Town) -> None:
    """Do the main job as far as it gets: a consent, a request under it, the acknowledgement."""
    consent = await town.consent()
    await town.ask(consent)
    await pass_time(5)


async def crashed_at(folder: Path, agency: str, sabotage: Sabotage) -> bool:
    """Let an agency's node die in the middle of the main job, start it again, and see that all ends well.

    Tells whether it died at all, so that whoever counts the steps knows where they end.
    """
    town = await Town.start(folder)
    sabotage(town)
    work = asyncio.ensure_future(job(town))
    await asyncio.wait({work}, timeout=120)
    work.cancel()
    died = town.world.buses[agency].dead or town.world.inline(agency).dead
    if died:
        await town.world.restart(agency)
        await pass_time(2 * 60)
        await _all_is_well(town)
    await town.close()
    return died


async def _all_is_well(town: Town) -> None:
    """See that what was signed is settled, what was granted is answered once, and who shall have a consent has it."""
    for agency, node in town.world.nodes.items():
        assert await node.store.outgoing.pending() == [], agency
    for asked in await town.requester.results("staff-7"):
        assert asked.state is AskedState.ANSWERED, (asked.state, town.world.codes)
        assert asked.record is not None
        received = await town.holder.responder.store.received.get(asked.exchange)
        assert (received.state, received.sealed) == (ReceivedState.DONE, b"")
    found = await disclosed(town)
    assert len(found) == len(set(found))
    collected = await town.collector.store.bases.consents()
    held = {consent.id for consent in await town.requester.store.bases.consents()}
    assert {consent.id for consent in collected} == held
    assert all(consent.state is ConsentState.GIVEN for consent in collected)


def at_write(agency: str, number: int, when: str) -> Sabotage:
    """Let a node die before or after one of its writes."""

    def sabotage(town: Town) -> None:
        database, bus = town.world.inline(agency), town.world.buses[agency]
        begun = database.writes

        def die(written: int) -> None:
            if written - begun == number:
                bus.die()
                database.die()

        setattr(database, when, die)

    return sabotage


def at_call(agency: str, number: int, when: str) -> Sabotage:
    """Let a node die before or after one of its calls: in the second case it was carried out."""

    def sabotage(town: Town) -> None:
        bus = town.world.buses[agency]
        setattr(bus, when, len(bus.calls) + number)

    return sabotage


@pytest.mark.slow
@pytest.mark.parametrize("step", [at_write, at_call])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("agency", [COLLECTOR, REQUESTER, HOLDER])
def test_a_crash_at_any_point(
    tmp_path: Path, agency: str, when: str, step: Callable[[str, int, str], Sabotage]
) -> None:
    """Whichever step a node dies before or after, started again it ends as if it had not, and nothing happens twice."""

    @virtual
    async def crash(number: int) -> bool:
        folder = tmp_path / str(number)
        folder.mkdir()
        return await crashed_at(folder, agency, step(agency, number, when))

    points = 1
    while crash(points):
        points += 1
    assert points > 2, "the fault was injected nowhere"


# -- replies that are lost ------------------------------------------------------------------------------------------


LOST = (
    ("request", f"broker.req.{account(REQUESTER)}.request"),
    ("permit", "adapter.permit"),
    ("outcome", f"broker.req.{account(HOLDER)}.outcome"),
    ("acknowledgement", f"broker.req.{account(REQUESTER)}.record"),
)


@pytest.mark.parametrize("topic", [topic for _, topic in LOST], ids=[name for name, _ in LOST])
def test_a_lost_reply_is_made_up_for(tmp_path: Path, topic: str) -> None:
    """What was carried out and not heard of is repeated, and gets the same answer: the record arrives, once."""

    @virtual
    async def run() -> None:
        town = await Town.start(tmp_path)
        consent = await town.consent()
        town.world.net.lose_reply(topic)
        asked = await town.ask(consent)
        assert asked.state in {AskedState.SENT, AskedState.GRANTED, AskedState.ANSWERED}
        await pass_time(3 * 60)
        await _all_is_well(town)
        await town.close()

    run()


@virtual
async def test_a_consent_waits_for_its_recipient(tmp_path: Path) -> None:
    """A package that could not be handed over is handed over again until it is taken."""
    town = await Town.start(tmp_path)
    town.world.crash(REQUESTER)
    consent = await town.consent()
    (collected,) = await town.collector.store.bases.consents()
    assert (collected.state, collected.tries, collected.due is None) == (ConsentState.GIVEN, 1, False)
    await pass_time(5 * 60)
    await town.world.start_node(REQUESTER)
    await pass_time(20 * 60)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    (collected,) = await town.collector.store.bases.consents()
    assert collected.due is None
    await town.close()


@virtual
async def test_a_reconnect_hands_over_at_once(tmp_path: Path) -> None:
    """What waits for its time need not wait for it when the connection is back."""
    town = await Town.start(tmp_path)
    town.world.crash(REQUESTER)
    consent = await town.consent()
    await pass_time(2 * HOUR_S)
    await town.world.start_node(REQUESTER)
    await town.world.nodes[COLLECTOR].reconnected()
    await pass_time(1)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_a_holder_that_was_away_hears_of_the_request(tmp_path: Path) -> None:
    """Nothing waits in the middle: the requester asks again, with the same bytes, until the holder is back."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.world.crash(HOLDER)
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    await pass_time(5 * 60)
    await town.world.start_node(HOLDER)
    await pass_time(15 * 60)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    assert town.world.kinds().count("exchange.granted") == 1
    await town.close()


@virtual
async def test_a_busy_broker_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is full counted nothing; the statement keeps its number and goes out when there is room."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    for name in ("MAX_CALLS_PER_AGENCY", "MAX_REQUESTS_PER_AGENCY", "MAX_CALLS"):
        if hasattr(service, name):
            monkeypatch.setattr(service, name, 0)
    asked = await town.ask(consent)
    assert asked.state is AskedState.SENT
    monkeypatch.undo()
    await pass_time(30)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    await town.close()


# -- numbers --------------------------------------------------------------------------------------------------------


@virtual
async def test_a_number_that_could_not_be_kept_is_voided(tmp_path: Path) -> None:
    """A full disk costs the statement, never leaves a hole: its number was never sent and is declared dead."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    first = await town.ask(consent)
    database = town.world.inline(REQUESTER)
    database.fails = 1
    with pytest.raises(Unavailable):
        await town.ask(consent)
    second = await town.ask(consent)
    assert (first.state, second.state) == (AskedState.ANSWERED, AskedState.ANSWERED)
    await pass_time(60)
    assert town.world.kinds().count("void") == 1
    await town.close()


@virtual
async def test_numbers_are_taken_in_order_side_by_side(tmp_path: Path) -> None:
    """Statements signed at the same moment have numbers without gap, and a question that fails takes none."""
    town = await Town.start(tmp_path)
    consent = await town.consent(uses=50)
    bad = Question(**{**question(consent)._asdict(), "case_ref": "\ud800"})
    answers = await asyncio.gather(
        *(town.ask(consent) for _ in range(12)), town.requester.ask(bad), return_exceptions=True
    )
    states = [one.state for one in answers if not isinstance(one, BaseException)]
    assert states == [AskedState.ANSWERED] * 12
    await pass_time(60)
    assert len(await disclosed(town)) == 12
    assert "void" not in town.world.kinds()
    await town.close()


@virtual
async def test_a_store_from_a_backup_reuses_no_number(tmp_path: Path) -> None:
    """A node put back to an older store asks the log how far it has come, goes on above, and voids what it forgot."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    await town.world.nodes[REQUESTER].close()
    shutil.copy(tmp_path / f"{REQUESTER}.db", tmp_path / "backup.db")
    await town.world.start_node(REQUESTER)
    lost = await town.ask(consent)
    await pass_time(10)
    await town.world.nodes[REQUESTER].close()
    for ending in ("db-wal", "db-shm"):
        (tmp_path / f"{REQUESTER}.{ending}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / f"{REQUESTER}.db")
    await town.world.start_node(REQUESTER)
    again = await town.ask(consent)
    assert again.state is AskedState.ANSWERED
    assert town.world.kinds().count("void") == 1
    with pytest.raises(Misuse):
        await town.requester.result(lost.exchange)
    await town.world.nodes[REQUESTER].close()
    await town.world.start_node(REQUESTER)
    assert town.world.kinds().count("void") == 1
    await town.close()


@virtual
async def test_the_tail_of_the_numbers_is_closed_each_day(tmp_path: Path) -> None:
    """Twice a day a node says its last number, so that a statement nobody logged shows."""
    town = await Town.start(tmp_path)
    await pass_time(26 * HOUR_S)
    heads: list[str] = [
        statement.key
        for statement in (read_leaf(raw).statement for raw in town.world.leaves())
        if isinstance(statement, st.AgencyHead)
    ]
    assert heads.count(f"musterstadt.example/{REQUESTER}/dpo-1") == 3
    assert heads.count(f"musterstadt.example/{HOLDER}/statement-1") == 3
    assert f"musterstadt.example/{HOLDER}/dpo-1" not in heads
    await town.close()


# -- the same permit again ------------------------------------------------------------------------------------------


def _is_permit(topic: str, body: bytes) -> bool:
    return topic == "adapter.permit" and b'"permit"' in body[:64]


@virtual
async def test_a_permit_twice_is_worked_on_once(tmp_path: Path) -> None:
    """A permit that comes again gets the same bytes, at the same moment or later, and nothing is decided again."""
    town = await Town.start(tmp_path)
    town.source.slow_s = 1.0
    consent = await town.consent()
    asking = asyncio.ensure_future(town.ask(consent))
    await pass_time(0.5)
    permit = next(sent.body for sent in town.world.net.traffic if _is_permit(sent.topic, sent.body))
    responder = town.holder.responder
    side_by_side = await asyncio.gather(*(responder.permit(ms.unpack(permit, ms.Permit)) for _ in range(3)))
    asked = await asking
    assert asked.state is AskedState.ANSWERED
    again = await responder.permit(ms.unpack(permit, ms.Permit))
    assert isinstance(again, ms.Delivered)
    assert side_by_side == [again] * 3
    assert len(await disclosed(town)) == 1
    assert len(town.source.read) == 1
    await pass_time(60)
    done = await responder.permit(ms.unpack(permit, ms.Permit))
    assert isinstance(done, ms.Later)
    await town.close()


@virtual
async def test_a_permit_whose_keeping_failed_is_worked_on_again(tmp_path: Path) -> None:
    """What nothing durable is left of is as good as new when the same grant comes again."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.world.inline(HOLDER).fails = 1
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    await pass_time(2 * 60)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    await town.close()
