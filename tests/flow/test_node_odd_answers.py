"""A broker that says no, nonsense, or what concerns somebody else: a node loses nothing and believes nothing."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.node.releases import Chosen
from adapters.node.store.rows import AskedState, ConsentState, ReceivedState
from adapters.sources.port import LocalRef
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code, LedgerInconsistent, Malformed, Misuse, NotAuthentic, Unavailable
from schemas.ids import AgencyId, ConsentId, Hash, KeyName
from tests.support.node_world import registry_bundle
from tests.support.small_town import (
    COLLECTOR,
    DAY_MS,
    HOLDER,
    PERSON,
    REQUESTER,
    VALUES,
    Town,
    provider,
    question,
    taken,
)
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

HOUR_S = 3600


def says(topic: str, reply: bytes, times: int = 1) -> Callable[[str, bytes], bytes | None]:
    """Answer the next calls on a topic with this, without asking the broker."""
    left = [reply] * times

    def divert(called: str, _: bytes) -> bytes | None:
        return left.pop() if called == topic and left else None

    return divert


def fault(code: Code) -> bytes:
    """Give the answer that a statement was not logged."""
    return ms.pack(ms.fault(code, "n: a rule"))


# -- statements that are not logged ---------------------------------------------------------------------------------


@virtual
async def test_what_is_never_logged_is_voided(tmp_path: Path) -> None:
    """A statement the broker did not log costs its number, which is declared dead; the caller learns the rule."""
    town = await Town.start(tmp_path)
    bus = town.world.buses[COLLECTOR]
    bus.divert = says("ask.record", fault(Code.MALFORMED))
    with pytest.raises(Misuse) as refused:
        await town.consent()
    assert refused.value.code is Code.MALFORMED
    (consent,) = await town.collector.store.bases.consents()
    assert consent.state is ConsentState.REJECTED
    good = await town.consent()
    jobcenter = town.world.buses[REQUESTER]
    jobcenter.divert = says("ask.request", fault(Code.NOT_AUTHENTIC))
    asked = await town.ask(good)
    assert (asked.state, asked.reason) == (AskedState.REJECTED, "not_authentic")
    assert (await town.ask(good)).state is AskedState.ANSWERED
    assert town.world.kinds().count("void") == 2
    await town.close()


@virtual
async def test_an_outcome_that_is_never_logged_leaves_the_deadline(tmp_path: Path) -> None:
    """The holder says "not available" at the deadline, under a number of its own."""
    town = await Town.start(tmp_path)
    town.world.buses[HOLDER].divert = says("ask.outcome", fault(Code.NOT_ENTITLED))
    asked = await town.agreed()
    assert asked.state is AskedState.GRANTED
    row = await town.holder.responder.store.received.get(asked.exchange)
    assert (row.state, row.why, row.sealed) == (ReceivedState.WAITING, "not_logged", b"")
    await pass_time(HOUR_S)
    assert town.world.kinds().count("exchange.unavailable") == 1
    await town.close()


@virtual
async def test_what_may_be_logged_later_keeps_its_number(tmp_path: Path) -> None:
    """Unavailable, too far ahead, nonsense and another message all mean: send the same bytes again."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    odd = (
        fault(Code.UNAVAILABLE),
        fault(Code.COUNTER_TOO_FAR),
        ms.pack(ms.fault(Code.BUSY, "full", retry_after_ms=10)),
        b"nonsense",
        ms.pack(ms.Done()),
        ms.pack(ms.Logged(b"", b"")),
    )
    for reply in odd:
        town.world.buses[REQUESTER].divert = says("ask.request", reply)
        asked = await town.ask(consent)
        await pass_time(60)
        assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED, reply
        consent = await town.consent()
    assert "void" not in town.world.kinds()
    await town.close()


@pytest.mark.parametrize("code", [Code.EQUIVOCATION, Code.VOIDED, Code.KEY_NOT_IN_FORCE])
def test_a_number_that_is_dead_already_is_not_voided(tmp_path: Path, code: Code) -> None:
    """Where a void would say nothing new, or not be taken, the statement is given up alone."""

    @virtual
    async def run() -> None:
        town = await Town.start(tmp_path)
        town.world.buses[COLLECTOR].divert = says("ask.record", fault(code))
        with pytest.raises(Misuse) as refused:
            await town.consent()
        assert refused.value.code is code
        assert "void" not in town.world.kinds()
        await town.world.close()

    run()


@virtual
async def test_a_resent_statement_may_be_refused_for_good(tmp_path: Path) -> None:
    """What could not be sent at first and is refused when it is sent again is voided, and the rest goes on."""
    town = await Town.start(tmp_path)
    bus = town.world.buses[COLLECTOR]
    bus.divert = says("ask.record", fault(Code.UNAVAILABLE))
    consent = await town.consent()
    assert (await town.collector.consents.get(consent)).state is ConsentState.SENT
    bus.divert = says("ask.record", fault(Code.MALFORMED))
    await pass_time(30)
    assert (await town.collector.consents.get(consent)).state is ConsentState.REJECTED
    assert town.world.kinds().count("void") == 1
    await town.close()


@virtual
async def test_the_log_rejects_what_a_node_could_not_know(tmp_path: Path) -> None:
    """A rejected consent, approval or withdrawal is told by its reason; it has no effect anywhere."""
    town = await Town.start(tmp_path)
    await town.world.admit("kurse", "course_provider", provider())
    lost = taken(town.world, holders=(AgencyId("kurse"),))
    await town.world.steer(st.MemberLeft(**town.world.desk.next(), agency=AgencyId("kurse")))
    await town.world.nodes[COLLECTOR].federation.catch_up()
    with pytest.raises(Misuse) as refused:
        await town.collector.collect(lost)
    assert refused.value.code is Code.NOT_A_MEMBER
    held = await town.consent()
    other = await town.world.admit("anderes-jobcenter", "jobcenter")
    assert other.collector is not None
    with pytest.raises(Misuse) as foreign:
        await other.collector.withdraw(held)
    assert foreign.value.code in {Code.NOT_ENTITLED, Code.CONSENT_UNKNOWN}
    assert (await town.ask(held)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_without_the_officers_key_nothing_is_approved(tmp_path: Path) -> None:
    """A node whose officer signs elsewhere approves nothing by itself."""
    town = await Town.start(tmp_path)
    town.world.identities[HOLDER] = dataclasses.replace(town.world.identities[HOLDER], dpo=None, witnesses=())
    node = await town.world.restart(HOLDER)
    with pytest.raises(Misuse, match="officer"):
        await town.world.approve(HOLDER, "Z16@1")
    assert isinstance(await town.world.tell(HOLDER, "witness", ms.Witness(b"")), ms.Failed)
    assert node.ready
    await town.close()


# -- what a node asks the broker for --------------------------------------------------------------------------------


@virtual
async def test_odd_evidence_is_not_believed(tmp_path: Path) -> None:
    """A broker that gives other entries, other bytes or half a pair than asked for is not believed."""
    town = await Town.start(tmp_path)
    node, bus = town.world.nodes[HOLDER], town.world.buses[HOLDER]
    first, second = await town.world.receipt(18), await town.world.receipt(17)
    for reply, error in (
        (ms.pack(ms.Receipts(b"", second)), NotAuthentic),
        (ms.pack(ms.Receipts(b"", (*first, *second))), NotAuthentic),
        (ms.pack(ms.Receipts(b"", first[:1])), NotAuthentic),
        (ms.pack(ms.Receipts(b"", ())), NotAuthentic),
        (fault(Code.NOT_ENTITLED), Misuse),
        (ms.pack(ms.Done()), Malformed),
    ):
        bus.divert = says("ask.evidence", reply)
        with pytest.raises(error):
            await node.federation.hold_entry(18)
    bus.divert = says("ask.evidence", ms.pack(ms.Receipts(b"{}", ())))
    with pytest.raises(NotAuthentic, match="another hash"):
        await node.federation.hold_registry(Hash("0" * 64))
    bus.divert = says("ask.chain", fault(Code.UNAVAILABLE))
    node.federation.reconnected()
    await pass_time(1)
    assert ("catch_up", Code.UNAVAILABLE) in town.world.codes
    await town.close()


@virtual
async def test_a_node_unknown_to_the_broker_does_not_start(tmp_path: Path) -> None:
    """A broker that does not know this node's keys says so, and the node does not serve."""
    town = await Town.start(tmp_path)
    town.world.crash(HOLDER)
    node = town.world.make_node(HOLDER)
    town.world.buses[HOLDER].divert = says("ask.head", fault(Code.NOT_A_MEMBER))
    with pytest.raises(Misuse) as unknown:
        await node.start()
    assert unknown.value.code is Code.NOT_A_MEMBER
    await node.start()
    await town.close()


@virtual
async def test_before_it_has_joined_a_node_signs_nothing(tmp_path: Path) -> None:
    """Without knowing how far the log has come no number is given away."""
    town = await Town.start(tmp_path)
    node = town.world.make_node(HOLDER)
    await node.federation.load()
    with pytest.raises(Unavailable, match="joined"):
        await node.approvals.publish(town.source.catalogue)
    await node.start()
    await town.close()


# -- new members, new law -------------------------------------------------------------------------------------------


@virtual
async def test_a_new_member_is_understood_at_once(tmp_path: Path) -> None:
    """A consent from an agency admitted since, and a question to one, need no waiting for the next look around."""
    town = await Town.start(tmp_path)
    source = provider()
    await town.world.admit("caritas", "mbe")
    await town.world.admit("volkshochschule", "course_provider", source)
    await town.world.publish_catalogue("volkshochschule")
    collector = town.world.nodes["caritas"].collector
    assert collector is not None
    collected = await collector.collect(taken(town.world, holders=(AgencyId("volkshochschule"),)))
    held = await town.requester.consents.get(collected.id)
    assert held.state is ConsentState.GIVEN
    ours = question(ConsentId(collected.id))._replace(holder=AgencyId("volkshochschule"))
    assert (await town.requester.ask(ours)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_new_law_is_followed_after_the_first_no(tmp_path: Path) -> None:
    """A request under the law of yesterday is refused by its rule; the next one follows the law of today."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    await town.world.enact(registry_bundle(answer_within_s=7200, later_after_ms=5000))
    refused = await town.ask(consent)
    assert (refused.state, refused.reason) == (AskedState.REFUSED, "registry_mismatch")
    await pass_time(1)
    asked = await town.ask(consent)
    assert (asked.state, asked.answer_by - asked.at) == (AskedState.ANSWERED, 7200 * 1000)
    await town.close()


# -- deliveries that are not what they seem -------------------------------------------------------------------------


@virtual
async def test_a_node_takes_only_what_concerns_it(tmp_path: Path) -> None:
    """Entries of other kinds, for other agencies, or without their package are refused and change nothing."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    given = town.world.kinds().index("consent.given")
    asked = await town.ask(consent)
    grant, approval = await town.world.receipt(given + 1), await town.world.receipt(given - 1)
    package = next(
        ms.unpack(sent.body, ms.Deliver) for sent in town.world.net.traffic if b'"deliver"' in sent.body[:64]
    )
    sealed_elsewhere = b"\x01" + bytes(40)
    refused = (
        (REQUESTER, ms.Deliver(*grant, b"")),
        (REQUESTER, ms.Deliver(*approval, b"")),
        (HOLDER, package),
        (REQUESTER, ms.Deliver(package.entry, package.proof, sealed_elsewhere)),
        (REQUESTER, ms.Deliver(package.entry, grant[1], package.payload)),
        (REQUESTER, ms.Deliver(b"", b"", b"")),
    )
    for agency, message in refused:
        answer = await town.world.tell(agency, "deliver", message)
        assert isinstance(answer, ms.Failed), message
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    assert isinstance(await town.world.tell(REQUESTER, "deliver", package), ms.Done)
    first = await town.world.receipt(0)
    assert isinstance(await town.world.tell(REQUESTER, "deliver", ms.Deliver(*first, b"")), ms.Done)
    assert isinstance(await town.world.tell(COLLECTOR, "permit", ms.Done()), ms.Failed)
    await town.close()


@virtual
async def test_a_package_must_be_of_its_consent(tmp_path: Path) -> None:
    """A package sealed for one consent does not stand for another."""
    town = await Town.start(tmp_path)
    for _ in range(2):
        await town.consent()
    packages = [ms.unpack(sent.body, ms.Deliver) for sent in town.world.net.traffic if b'"deliver"' in sent.body[:64]]
    crossed = ms.Deliver(packages[0].entry, packages[0].proof, packages[1].payload)
    assert isinstance(await town.world.tell(REQUESTER, "deliver", crossed), ms.Failed)
    await town.close()


@virtual
async def test_a_rejected_withdrawal_ends_nothing(tmp_path: Path) -> None:
    """A broker that delivers a withdrawal the log rejected is not believed."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    other = await town.world.admit("anderes-jobcenter", "jobcenter")
    proven = await other.outbox.send(
        lambda head: st.ConsentWithdrawn(**head.fields(), consent=consent, cause="withdrawn"),
        ms.AskRecord,
        other.outbox.settle,
    )
    rejected = await town.world.receipt(proven.index)
    assert isinstance(await town.world.tell(REQUESTER, "deliver", ms.Deliver(*rejected, b"")), ms.Failed)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_an_outcome_before_its_grant_is_asked_for_again(tmp_path: Path) -> None:
    """A record that overtakes the answer to its request is refused for now; it is taken when the grant is there."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.world.buses[REQUESTER].tamper = lambda topic, reply: b"lost" if topic == "ask.request" else reply
    asked = await town.ask(consent)
    assert asked.state is AskedState.SENT
    row = await town.holder.responder.store.received.get(asked.exchange)
    early = ms.Deliver(*row.outcome, row.sealed)
    assert isinstance(await town.world.tell(REQUESTER, "deliver", early), ms.Failed)
    town.world.buses[REQUESTER].tamper = None
    await pass_time(60)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    assert isinstance(await town.world.tell(REQUESTER, "deliver", early), ms.Done)
    await town.close()


@virtual
async def test_a_grant_of_another_statement_is_none(tmp_path: Path) -> None:
    """Neither a grant nor a refusal of another request is taken for the answer to this one."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    first = await town.ask(consent)
    catalogue = await town.world.receipt(17)
    for reply in (ms.Later(*first.grant), ms.Logged(*first.grant), ms.Later(*catalogue), ms.Logged(*catalogue)):
        town.world.buses[REQUESTER].divert = says("ask.request", ms.pack(reply))
        asked = await town.ask(consent)
        assert asked.state is AskedState.SENT, reply.TYPE
        await pass_time(60)
        assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
        consent = await town.consent()
    await town.close()


@virtual
async def test_a_record_for_a_key_that_is_gone_stays_closed(tmp_path: Path) -> None:
    """Without the seal key it was made for a record cannot be opened; the request ends at its deadline."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    identity = town.world.identities[REQUESTER]
    town.world.identities[REQUESTER] = dataclasses.replace(identity, openers={})
    await town.world.restart(REQUESTER)
    asked = await town.ask(consent)
    assert (asked.state, asked.record) == (AskedState.GRANTED, None)
    assert ("answer", Code.NOT_AUTHENTIC) in town.world.codes
    await town.close()


@virtual
async def test_a_revoked_seal_key_gets_no_record(tmp_path: Path) -> None:
    """Between grant and release the requester's seal key was revoked: nothing is sealed to it any more."""
    town = await Town.start(tmp_path)
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    asked = await town.agreed()
    key = KeyName(f"musterstadt.example/{REQUESTER}/seal-1")
    await town.world.steer(st.KeyRevoked(**town.world.desk.next(), name=key))
    await town.world.nodes[HOLDER].federation.catch_up()
    with pytest.raises(NotAuthentic):
        await town.holder.releases.release(asked.exchange, Chosen(LocalRef("T-1"), "staff-4"))
    with pytest.raises(Malformed):
        await town.holder.releases.release(asked.exchange, Chosen(LocalRef("T-7"), "staff-4"))
    assert (await town.holder.releases.waiting("staff-4"))[0].request.exchange == asked.exchange
    await town.close()


@virtual
async def test_what_waits_goes_out_with_the_connection(tmp_path: Path) -> None:
    """After a reconnect every side sends at once what waited for its time."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    asked = await town.ask(consent)
    town.world.crash(REQUESTER)
    await town.holder.releases.release(asked.exchange, Chosen(LocalRef("T-1"), "staff-4"))
    await pass_time(DAY_MS / 1000)
    await town.world.start_node(REQUESTER)
    await town.world.nodes[HOLDER].reconnected()
    await town.world.nodes[REQUESTER].reconnected()
    await pass_time(1)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_a_stopped_node_answers_nobody(tmp_path: Path) -> None:
    """After a contradiction of the log a node's calls are answered with silence, over the bus as everywhere."""
    town = await Town.start(tmp_path)
    node = town.world.nodes[HOLDER]
    node.background.stop(LedgerInconsistent("log: two roots are signed for size 7"))
    with pytest.raises(Unavailable):
        await town.world.tell(HOLDER, "deliver", ms.Deliver(b"", b"", b""))
    await town.world.close()


@virtual
async def test_a_closing_node_takes_no_more_permits(tmp_path: Path) -> None:
    """What comes while a node is closed is refused for now; what was begun is finished."""
    town = await Town.start(tmp_path)
    node = town.world.nodes[HOLDER]
    await town.agreed()
    permit = next(ms.unpack(sent.body, ms.Permit) for sent in town.world.net.traffic if b'"permit"' in sent.body[:64])
    node.service.close()
    answer = await town.world.tell(HOLDER, "permit", permit)
    assert isinstance(answer, ms.Failed)
    assert canonical.decode_model(ms.Fault, answer.fault).code is Code.UNAVAILABLE
    await town.close()
