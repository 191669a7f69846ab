"""A node whose time runs out, whose peers are away, whose human decides late: deadlines, hand-overs, withdrawals."""

import asyncio
from pathlib import Path

import pytest

from adapters.node.outcomes import REDELIVER_FOR_MS
from adapters.node.store.rows import NO_RECEIPT, AskedState, ConsentState, Ending, ReceivedState
from adapters.sources.port import LocalRef
from schemas import messages as ms
from schemas.errors import Code, LedgerInconsistent, Misuse, Unavailable
from schemas.ids import ExchangeId
from tests.flow.test_node_faults import HOUR_S, ROW, disclosed
from tests.support.small_town import HOLDER, PERSON, REQUESTER, STRANGER, VALUES, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

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
        releases.refuse(exchange, "staff-4", "too_uncertain"),
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
    (waiting,) = await town.holder.releases.waiting("staff-4")
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
    assert [waiting.candidates for waiting in await releases.waiting("staff-4")] == [(), (), ()]
    town.source.add("T-1", PERSON, VALUES)
    await town.collector.withdraw(consent)
    await pass_time(1)
    with pytest.raises(Misuse) as withdrawn:
        await releases.release(second, ROW)
    assert withdrawn.value.code is Code.GRANT_CLOSED
    await pass_time(HOUR_S)
    with pytest.raises(Misuse):
        await releases.refuse(third, "staff-4", "too_uncertain")
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
    (waiting,) = await town.holder.releases.waiting("staff-4")
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
    await town.requester.store.write(*town.requester.store.bases.ended(consent, Ending("withdrawn")))
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
