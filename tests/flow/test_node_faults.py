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
from adapters.node.outcomes import REDELIVER_FOR_MS
from adapters.node.releases import Chosen
from adapters.node.store.rows import NO_RECEIPT, AskedState, ConsentState, ReceivedState
from adapters.sources.port import LocalRef
from broker import service
from consent_ledger.core.leaf import read_leaf
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code, LedgerInconsistent, Misuse, Unavailable
from schemas.ids import CodeName, ExchangeId
from tests.support.node_world import account
from tests.support.small_town import COLLECTOR, HOLDER, PERSON, REQUESTER, STRANGER, VALUES, Town, question
from tests.support.virtual_time import pass_time, virtual

HOUR_S = 3600
ROW = Chosen(LocalRef("T-1"))
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


# -- deadlines and handing over -------------------------------------------------------------------------------------


@virtual
async def test_work_longer_than_the_delay_goes_on(tmp_path: Path) -> None:
    """A slow source gets "later" at the fixed time; the record is handed over by a call when it is there."""
    town = await Town.start(tmp_path)
    town.source.slow_s = 20.0
    begun_s = asyncio.get_running_loop().time()
    asked = await town.agreed()
    assert asked.state is AskedState.GRANTED
    assert asyncio.get_running_loop().time() - begun_s == pytest.approx(5.0, abs=0.01)
    await pass_time(40)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    assert len(await disclosed(town)) == 1
    await town.close()


@pytest.mark.parametrize(("away_s", "kind"), [(HOUR_S + 30, "unavailable"), (HOUR_S + 120, "lapsed")])
def test_a_deadline_while_the_holder_was_away(tmp_path: Path, away_s: int, kind: str) -> None:
    """Within the grace "not available" is still said; after it, the grant has ended by itself and nothing is signed."""

    @virtual
    async def run() -> None:
        town = await Town.start(tmp_path)
        asked = await town.agreed(STRANGER)
        town.world.crash(HOLDER)
        await pass_time(away_s)
        assert (await town.requester.result(asked.exchange)).state is AskedState.NOT_AVAILABLE
        await town.world.start_node(HOLDER)
        await pass_time(10)
        row = await town.holder.responder.store.received.get(asked.exchange)
        assert row.state.value == kind
        assert town.world.kinds().count("exchange.unavailable") == (kind == "unavailable")
        assert "statement.rejected" not in town.world.kinds()
        await town.close()

    run()


@virtual
async def test_a_record_is_handed_over_until_it_is_acknowledged(tmp_path: Path) -> None:
    """A released record waits for a requester that is away, as the same bytes, and goes when it is acknowledged."""
    town = await Town.start(tmp_path)
    asked = await released_while_away(town)
    row = await town.holder.responder.store.received.get(asked)
    assert (row.state, bool(row.sealed)) == (ReceivedState.DISCLOSED, True)
    await pass_time(3 * 86_400)
    await town.world.start_node(REQUESTER)
    await pass_time(HOUR_S + 60)
    assert (await town.requester.result(asked)).state is AskedState.ANSWERED
    row = await town.holder.responder.store.received.get(asked)
    assert (row.state, row.sealed) == (ReceivedState.DONE, b"")
    await town.close()


@virtual
async def test_a_record_nobody_fetches_is_dropped_after_14_days(tmp_path: Path) -> None:
    """Sealed bytes are kept no longer than the design says."""
    town = await Town.start(tmp_path)
    asked = await released_while_away(town)
    await pass_time(REDELIVER_FOR_MS / 1000 + 2 * HOUR_S)
    row = await town.holder.responder.store.received.get(asked)
    assert (row.state, row.sealed) == (ReceivedState.DISCLOSED, b"")
    assert await town.holder.responder.store.received.next_due() is None
    await town.close()


async def released_while_away(town: Town) -> ExchangeId:
    """Have a human release a record whose requester has gone away."""
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    asked = await town.agreed()
    town.world.crash(REQUESTER)
    await town.holder.releases.release(asked.exchange, ROW)
    await pass_time(60)
    return asked.exchange


# -- a human's decision ---------------------------------------------------------------------------------------------


async def for_human(town: Town) -> ExchangeId:
    """Give an exchange that waits for a human at the holder."""
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    return (await town.agreed()).exchange


@virtual
async def test_two_clerks_release_once(tmp_path: Path) -> None:
    """Of two decisions at the same moment one counts, and the other clerk is told."""
    town = await Town.start(tmp_path)
    exchange = await for_human(town)
    releases = town.holder.releases
    outcomes = await asyncio.gather(
        releases.release(exchange, ROW),
        releases.release(exchange, ROW),
        releases.refuse(exchange, CodeName("no")),
        return_exceptions=True,
    )
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [None, Code.GRANT_CLOSED, Code.GRANT_CLOSED]
    await pass_time(5)
    assert (await town.requester.result(exchange)).state is AskedState.ANSWERED
    assert len(await disclosed(town)) == 1
    await town.close()


@virtual
async def test_a_decision_survives_a_restart(tmp_path: Path) -> None:
    """What waits for a human is there again after a restart, with all that a release rests on."""
    town = await Town.start(tmp_path)
    exchange = await for_human(town)
    await town.world.restart(HOLDER)
    (waiting,) = await town.holder.releases.waiting()
    assert (waiting.request.exchange, waiting.person) == (exchange, PERSON)
    await town.holder.releases.release(exchange, ROW)
    await pass_time(5)
    assert (await town.requester.result(exchange)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_too_late_to_release(tmp_path: Path) -> None:
    """After the deadline, after a withdrawal and for a row that was blocked meanwhile nothing is released."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    first, second, third = [(await town.ask(consent)).exchange for _ in range(3)]
    releases = town.holder.releases
    town.source.add("T-1", PERSON, VALUES, blocked=True)
    with pytest.raises(Misuse) as blocked:
        await releases.release(first, ROW)
    assert blocked.value.code is Code.PROHIBITED
    del town.source.rows[LocalRef("T-1")]
    assert [waiting.candidates for waiting in await releases.waiting()] == [(), (), ()]
    town.source.add("T-1", PERSON, VALUES)
    await town.collector.withdraw(consent)
    await pass_time(1)
    with pytest.raises(Misuse) as withdrawn:
        await releases.release(second, ROW)
    assert withdrawn.value.code is Code.GRANT_CLOSED
    await pass_time(HOUR_S)
    with pytest.raises(Misuse):
        await releases.refuse(third, CodeName("no"))
    assert await disclosed(town) == []
    await town.close()


@virtual
async def test_the_deadline_passes_while_the_source_is_down(tmp_path: Path) -> None:
    """A release that cannot be read stays with the clerk, and the deadline says "not available" all the same."""
    town = await Town.start(tmp_path)
    exchange = await for_human(town)
    town.source.down = True
    with pytest.raises(Unavailable):
        await town.holder.releases.release(exchange, ROW)
    (waiting,) = await town.holder.releases.waiting()
    assert waiting.candidates == ()
    await pass_time(HOUR_S + 1)
    row = await town.holder.responder.store.received.get(exchange)
    assert (row.state, row.person) == (ReceivedState.UNAVAILABLE, "")
    await town.close()


# -- withdrawals that were not heard of -----------------------------------------------------------------------------


@virtual
async def test_a_withdrawal_whose_notice_was_missed(tmp_path: Path) -> None:
    """The broker's refusal tells the requester; its handle ends."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    assert (await town.requester.consents.get(consent)).handle is not None
    town.world.crash(REQUESTER)
    await town.collector.withdraw(consent)
    await town.world.start_node(REQUESTER)
    assert (await town.requester.consents.get(consent)).state is ConsentState.GIVEN
    refused = await town.ask(consent)
    assert (refused.state, refused.reason) == (AskedState.REFUSED, "consent_withdrawn")
    held = await town.requester.consents.get(consent)
    assert (held.state, held.handle) == (ConsentState.WITHDRAWN, None)
    await town.close()


@virtual
async def test_a_holder_that_missed_a_withdrawal_learns_of_it(tmp_path: Path) -> None:
    """Its outcome is withheld at the deadline, and what was bound under the consent ends at the holder, too."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    store = town.holder.responder.store
    assert len(await store.bases.handles()) == 1
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    asked = await town.ask(consent)
    town.world.crash(HOLDER)
    await town.collector.withdraw(consent)
    await town.world.start_node(HOLDER)
    store = town.holder.responder.store
    assert (await store.received.get(asked.exchange)).state is ReceivedState.HUMAN
    await pass_time(HOUR_S)
    assert (await store.received.get(asked.exchange)).state is ReceivedState.WITHHELD
    assert await store.bases.handles() == {}
    found = await town.requester.result(asked.exchange)
    assert (found.state, found.answer) == (AskedState.NOT_AVAILABLE, NO_RECEIPT)
    await town.close()


@virtual
async def test_a_package_after_its_withdrawal_is_no_consent(tmp_path: Path) -> None:
    """A recipient that hears of the end first does not take the late package for a consent in force."""
    town = await Town.start(tmp_path)
    town.world.net.lose_reply("adapter.deliver")
    consent = await town.consent()
    packages = [ms.unpack(sent.body, ms.Deliver) for sent in town.world.net.traffic if sent.topic == "adapter.deliver"]
    await town.requester.store.write(*town.requester.store.bases.withdrawn(consent))
    await town.collector.withdraw(consent)
    await pass_time(1)
    node = town.world.nodes[REQUESTER]
    assert node.service.packages is not None
    entry = node.federation.view.prove(packages[0].entry, packages[0].proof)
    await node.service.packages.delivered(packages[0], entry)
    assert (await town.requester.consents.get(consent)).state is ConsentState.WITHDRAWN
    await town.close()


# -- a log that contradicts itself ----------------------------------------------------------------------------------


@virtual
async def test_a_forked_log_stops_the_holder(tmp_path: Path) -> None:
    """A node that sees two truths hands out nothing more, whoever asks, and says so to whoever runs it."""
    town = await Town.start(tmp_path)
    node, consent = town.world.nodes[HOLDER], await town.consent()
    await town.world.publish_catalogue(HOLDER)
    await town.world.fork(town.world.store.size - 1)
    with pytest.raises(LedgerInconsistent):
        await town.world.publish_catalogue(HOLDER)
    assert "log: " in str(await node.background.broken())
    asked = await town.ask(consent)
    assert (asked.state, town.source.read) == (AskedState.GRANTED, [])
    with pytest.raises(LedgerInconsistent):
        await town.world.publish_catalogue(HOLDER)
    await pass_time(HOUR_S)
    assert "exchange.unavailable" not in town.world.kinds()
    await town.world.close()


@virtual
async def test_a_node_joins_late(tmp_path: Path) -> None:
    """A node started while the net is down says that it cannot join, and joins when it is tried again."""
    town = await Town.start(tmp_path)
    await town.world.nodes[REQUESTER].close()
    town.world.net.cut()
    node = town.world.make_node(REQUESTER)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await node.start()
    before = node.ready
    town.world.net.heal()
    await node.start()
    assert (before, node.ready) == (False, True)
    assert (await town.agreed()).state is AskedState.ANSWERED
    await town.close()
