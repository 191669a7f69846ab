"""Requests, outcomes and deliveries through the middle, on a memory bus: what is passed on, and what never is."""

from collections.abc import AsyncIterator

import pytest

from consent_ledger.core.leaf import read_leaf
from schemas import messages as ms
from schemas import statements as st
from schemas.entries import encode_entry
from schemas.errors import Code
from schemas.ids import CodeName
from tests.support.ledger_world import Ledger
from tests.support.middle import Middle, code_of, serving
from tests.support.pens import NORM, PERSON, SEALED, changed


@pytest.fixture
async def middle() -> AsyncIterator[Middle]:
    """Give a broker above the founded log, serving."""
    async with serving() as served:
        yield served


def _pens(middle: Middle) -> Ledger:
    return middle.log.pens


# -- the request's way ----------------------------------------------------------------------------------------------


async def test_a_permit_is_passed_on_with_all_it_rests_on(middle: Middle) -> None:
    """The holder gets grant, person and consent, each with proof; the requester gets grant, outcome and record."""
    holder = middle.hand("kurse")
    await holder.disclose_at_once()
    answer = await middle.asked()
    (permit,) = holder.calls
    assert isinstance(permit, ms.Permit)
    granted = middle.proven(permit.entry, permit.proof)
    assert (granted.kind, permit.person) == ("exchange.granted", PERSON)
    basis = middle.proven(permit.basis_entry, permit.basis_proof)
    assert basis.kind == "consent.given"
    assert isinstance(answer, ms.Delivered)
    assert (answer.grant_entry, answer.grant_proof) == (permit.entry, permit.proof)
    assert middle.proven(answer.entry, answer.proof).kind == "exchange.disclosed"
    assert answer.sealed == SEALED
    assert middle.log.replay() == []


async def test_a_statutory_permit_rests_on_the_registry(middle: Middle) -> None:
    """Without a consent there is no entry to pass on beside the grant."""
    holder = middle.hand("amt")
    await holder.answer_with("permit", ms.Later(b"", b""))
    request = _pens(middle).request("jobcenter", "amt", NORM, "Z03@1")
    answer = await middle.hand("jobcenter").request(changed(request, declared=(CodeName("reason_not_from_client"),)))
    assert isinstance(answer, ms.Later)
    (permit,) = holder.calls
    assert isinstance(permit, ms.Permit)
    assert (permit.basis_entry, permit.basis_proof) == (b"", b"")


@pytest.mark.parametrize(
    ("changes", "kind"), [({"role": CodeName("clerk")}, "exchange.refused"), ({"exp": 1}, "statement.rejected")]
)
async def test_a_no_goes_back_with_its_entry(middle: Middle, changes: dict[str, object], kind: str) -> None:
    """A refusal or rejection is answered with entry and proof, and the holder hears nothing of it."""
    holder = middle.hand("kurse")
    await holder.disclose_at_once()
    answer = await middle.asked(**changes)
    assert isinstance(answer, ms.Logged)
    assert middle.proven(answer.entry, answer.proof).kind == kind
    assert holder.calls == []


async def test_what_is_not_logged_is_told_with_its_code(middle: Middle) -> None:
    """A revoked key's request comes to no entry; code and rule say why."""
    await middle.hand("steering").logged(_pens(middle).revocation("jobcenter", "statement"))
    assert code_of(await middle.asked()) is Code.KEY_NOT_IN_FORCE


async def test_a_silent_holder_means_later(middle: Middle) -> None:
    """Nobody at the holder's end: the grant stands, and the requester holds its proof."""
    answer = await middle.granted()
    assert middle.proven(answer.grant_entry, answer.grant_proof).kind == "exchange.granted"


async def _wrong_words(middle: Middle) -> dict[str, ms.Message]:
    """Give what a holder might say that is not the ledger's word for this grant."""
    holder = middle.hand("kurse")
    other = await middle.granted()
    told = await holder.outcome(other.grant_entry)
    declined = await holder.outcome((await middle.granted()).grant_entry, "unavailable")
    assert isinstance(told, ms.Logged)
    assert isinstance(declined, ms.Logged)
    forged = told.entry.replace(b'"grant":', b'"grant":1')
    return {
        "later": ms.Later(b"", b""),
        "failed": ms.fault(Code.UNAVAILABLE, "not now"),
        "another kind of message": ms.Done(),
        "the disclosure of another grant": ms.Delivered(b"", b"", told.entry, told.proof, SEALED),
        "a disclosure that is not logged": ms.Delivered(b"", b"", forged, told.proof, SEALED),
        "no proof": ms.Delivered(b"", b"", told.entry, b"", SEALED),
        "an answer that discloses nothing": ms.Delivered(b"", b"", declined.entry, declined.proof, SEALED),
    }


async def test_what_the_ledger_does_not_carry_is_not_passed_on(middle: Middle) -> None:
    """Whatever else a holder answers than its logged disclosure of this very grant, the requester is told later."""
    for word, message in (await _wrong_words(middle)).items():
        holder = middle.hand("kurse")
        await holder.answer_with("permit", message)
        assert isinstance(await middle.asked(), ms.Later), word
        await holder.bus.close()


async def test_a_record_that_is_not_the_disclosed_one_is_not_passed_on(middle: Middle) -> None:
    """The bytes that travel are those whose hash stands in the log."""
    holder = middle.hand("kurse")

    async def answer(message: ms.Message) -> ms.Message:
        """Disclose one record and send another."""
        assert isinstance(message, ms.Permit)
        logged = await holder.outcome(message.entry)
        assert isinstance(logged, ms.Logged)
        return ms.Delivered(b"", b"", logged.entry, logged.proof, b"another record")

    await holder.serve("permit", answer)
    assert isinstance(await middle.asked(), ms.Later)


async def test_a_repeated_request_reaches_the_holder_again(middle: Middle) -> None:
    """The answer got lost: the same request brings the same grant, and the holder may answer it now."""
    pens = _pens(middle)
    asked = ms.AskRequest(pens.sign(pens.request("jobcenter", "kurse", await middle.consented())), PERSON)
    first = await middle.hand("jobcenter").ask("request", asked)
    await middle.hand("kurse").disclose_at_once()
    again = await middle.hand("jobcenter").ask("request", asked)
    assert isinstance(first, ms.Later)
    assert isinstance(again, ms.Delivered)
    assert again.grant_entry == first.grant_entry


async def test_a_request_comes_with_its_person(middle: Middle) -> None:
    """Another sealed block than the signed one: nothing is logged."""
    request = _pens(middle).request("jobcenter", "kurse", await middle.consented())
    size = middle.log.sequencer.size
    assert code_of(await middle.hand("jobcenter").request(request, b"another person")) is Code.MALFORMED
    assert middle.log.sequencer.size == size


# -- outcomes and deliveries ----------------------------------------------------------------------------------------


async def test_an_outcome_is_answered_with_its_entry(middle: Middle) -> None:
    """Disclosed while the consent stands, withheld after its withdrawal: the holder gets the proof of either."""
    consent = await middle.consented()
    grants = []
    for _ in range(2):
        request = _pens(middle).request("jobcenter", "kurse", consent)
        grants.append(await middle.hand("jobcenter").request(request))
    first, second = grants
    assert isinstance(first, ms.Later)
    assert isinstance(second, ms.Later)
    told = await middle.hand("kurse").outcome(first.grant_entry)
    await middle.hand("beratung").logged(_pens(middle).withdrawal("beratung", consent))
    withheld = await middle.hand("kurse").outcome(second.grant_entry)
    assert isinstance(told, ms.Logged)
    assert isinstance(withheld, ms.Logged)
    assert middle.proven(told.entry, told.proof).kind == "exchange.disclosed"
    assert middle.proven(withheld.entry, withheld.proof).kind == "exchange.withheld"


async def test_a_late_record_is_delivered_to_the_requester(middle: Middle) -> None:
    """What the holder discloses later takes the way of a delivery, with entry, proof and the sealed bytes."""
    requester, holder = middle.hand("jobcenter"), middle.hand("kurse")
    await requester.answer_with("deliver", ms.Done())
    granted = await middle.granted()
    told = await holder.outcome(granted.grant_entry)
    assert isinstance(told, ms.Logged)
    delivery = ms.AskDeliver(told.entry, told.proof, SEALED)
    assert await holder.ask("deliver", delivery) == ms.Done()
    assert requester.calls == [ms.Deliver(told.entry, told.proof, SEALED)]
    assert await holder.ask("deliver", delivery) == ms.Done()


async def test_only_the_named_bytes_are_delivered(middle: Middle) -> None:
    """Another record than the disclosed one, or anything at all beside "not available", is refused."""
    requester, holder = middle.hand("jobcenter"), middle.hand("kurse")
    await requester.answer_with("deliver", ms.Done())
    told = await holder.outcome((await middle.granted()).grant_entry)
    declined = await holder.outcome((await middle.granted()).grant_entry, "unavailable")
    assert isinstance(told, ms.Logged)
    assert isinstance(declined, ms.Logged)
    assert code_of(await holder.ask("deliver", ms.AskDeliver(told.entry, told.proof, b"other"))) is Code.MALFORMED
    assert code_of(await holder.ask("deliver", ms.AskDeliver(told.entry, told.proof, b""))) is Code.MALFORMED
    smuggled = ms.AskDeliver(declined.entry, declined.proof, SEALED)
    assert code_of(await holder.ask("deliver", smuggled)) is Code.MALFORMED
    assert requester.calls == []
    assert await holder.ask("deliver", ms.AskDeliver(declined.entry, declined.proof, b"")) == ms.Done()


async def test_only_the_signer_delivers(middle: Middle) -> None:
    """Nobody hands over what another agency disclosed or collected, though entry and proof are true."""
    await middle.hand("jobcenter").answer_with("deliver", ms.Done())
    told = await middle.hand("kurse").outcome((await middle.granted()).grant_entry)
    assert isinstance(told, ms.Logged)
    delivery = ms.AskDeliver(told.entry, told.proof, SEALED)
    for stranger in ("amt", "jobcenter", "steering"):
        assert code_of(await middle.hand(stranger).ask("deliver", delivery)) is Code.NOT_AUTHENTIC


async def test_only_what_stands_in_the_log_is_delivered(middle: Middle) -> None:
    """A made-up entry, however well formed, opens no way to another agency; nor does a true one without proof."""
    requester, holder = middle.hand("jobcenter"), middle.hand("kurse")
    await requester.answer_with("deliver", ms.Done())
    granted = await middle.granted()
    told = await holder.outcome(granted.grant_entry)
    assert isinstance(told, ms.Logged)
    leaf = read_leaf(told.entry)
    forged = encode_entry(leaf.kind, changed(leaf.entry, time=leaf.entry.time + 1))
    assert code_of(await holder.ask("deliver", ms.AskDeliver(forged, told.proof, SEALED))) is Code.NOT_AUTHENTIC
    assert code_of(await holder.ask("deliver", ms.AskDeliver(told.entry, b"no proof", SEALED))) is Code.MALFORMED
    assert requester.calls == []


async def test_a_withheld_outcome_is_not_delivered(middle: Middle) -> None:
    """The requester must not learn of it before its time; nor is a head or a grant anything to deliver."""
    holder = middle.hand("kurse")
    consent = await middle.consented()
    granted = await middle.hand("jobcenter").request(_pens(middle).request("jobcenter", "kurse", consent))
    assert isinstance(granted, ms.Later)
    await middle.hand("beratung").logged(_pens(middle).withdrawal("beratung", consent))
    withheld = await holder.outcome(granted.grant_entry)
    head = await holder.logged(_pens(middle).agency_head("kurse"))
    assert isinstance(withheld, ms.Logged)
    for one in (withheld, head):
        assert code_of(await holder.ask("deliver", ms.AskDeliver(one.entry, one.proof, b""))) is Code.MALFORMED


async def test_a_consent_package_goes_to_its_recipient(middle: Middle) -> None:
    """The collector hands over what it sealed for the recipient, once the consent stands in the log."""
    recipient, collector = middle.hand("jobcenter"), middle.hand("beratung")
    await recipient.answer_with("deliver", ms.Done())
    logged = await collector.logged(_pens(middle).consent("beratung", "jobcenter"))
    assert await collector.ask("deliver", ms.AskDeliver(logged.entry, logged.proof, b"package")) == ms.Done()
    assert recipient.calls == [ms.Deliver(logged.entry, logged.proof, b"package")]
    given = await collector.logged(_pens(middle).given("beratung", "jobcenter", "kurse"))
    assert await collector.ask("deliver", ms.AskDeliver(given.entry, given.proof, b"package")) == ms.Done()


async def test_a_rejected_consent_carries_no_package(middle: Middle) -> None:
    """What the ledger rejected opens no way."""
    collector = middle.hand("jobcenter")
    rejected = await collector.logged(_pens(middle).consent("jobcenter", "jobcenter"))
    assert read_leaf(rejected.entry).kind == "statement.rejected"
    answer = await collector.ask("deliver", ms.AskDeliver(rejected.entry, rejected.proof, b"package"))
    assert code_of(answer) is Code.MALFORMED


async def test_a_receiver_that_does_not_take_it_is_told_as_unavailable(middle: Middle) -> None:
    """Out of reach, or unwilling: the sender tries again later."""
    collector = middle.hand("beratung")
    logged = await collector.logged(_pens(middle).consent("beratung", "jobcenter"))
    delivery = ms.AskDeliver(logged.entry, logged.proof, b"package")
    assert code_of(await collector.ask("deliver", delivery)) is Code.UNAVAILABLE
    await middle.hand("jobcenter").answer_with("deliver", ms.fault(Code.MALFORMED, "does not open"))
    assert code_of(await collector.ask("deliver", delivery)) is Code.UNAVAILABLE


# -- news -----------------------------------------------------------------------------------------------------------


async def test_a_withdrawal_is_told_to_all_who_might_still_act(middle: Middle) -> None:
    """Holder with an open grant, recipient and collector get the entry with proof; others hear nothing."""
    hands = {name: middle.hand(name) for name in ("beratung", "jobcenter", "kurse", "amt")}
    for hand in hands.values():
        await hand.answer_with("deliver", ms.Done())
    consent = await middle.consented()
    await hands["jobcenter"].request(_pens(middle).request("jobcenter", "kurse", consent))
    withdrawn = await hands["jobcenter"].logged(_pens(middle).withdrawal("jobcenter", consent))
    await middle.notices.close()
    assert middle.proven(withdrawn.entry, withdrawn.proof).kind == "consent.withdrawn"
    news = [ms.Deliver(withdrawn.entry, withdrawn.proof, b"")]
    told = {name: hand.calls for name, hand in hands.items()}
    assert told == {"beratung": news, "jobcenter": [], "kurse": news, "amt": []}
    assert middle.reported == []


async def test_a_foreign_withdrawal_is_told_to_nobody(middle: Middle) -> None:
    """It is rejected, and those it meant to disturb hear nothing of it."""
    holder = middle.hand("kurse")
    await holder.answer_with("deliver", ms.Done())
    consent = await middle.consented()
    await middle.hand("jobcenter").request(_pens(middle).request("jobcenter", "kurse", consent))
    rejected = await middle.hand("amt").logged(_pens(middle).withdrawal("amt", consent))
    await middle.notices.close()
    assert read_leaf(rejected.entry).kind == "statement.rejected"
    assert holder.calls == []


async def test_an_acknowledgement_is_told_to_its_holder(middle: Middle) -> None:
    """The holder hears that its record arrived."""
    holder = middle.hand("kurse")
    await holder.answer_with("deliver", ms.Done())
    granted = read_leaf((await middle.granted()).grant_entry).statement
    assert isinstance(granted, st.Request)
    acknowledged = _pens(middle).acknowledgement("jobcenter", "kurse", [granted.exchange])
    logged = await middle.hand("jobcenter").logged(acknowledged)
    await middle.notices.close()
    assert holder.calls == [ms.Deliver(logged.entry, logged.proof, b"")]


async def test_news_that_reach_nobody_are_reported(middle: Middle) -> None:
    """A node out of reach keeps nobody waiting."""
    consent = await middle.consented()
    await middle.hand("beratung").logged(_pens(middle).withdrawal("beratung", consent))
    await middle.notices.close()
    assert middle.reported == [("notice", Code.UNAVAILABLE)]


# -- the blind middle -----------------------------------------------------------------------------------------------


async def test_nothing_sealed_is_kept(middle: Middle) -> None:
    """After an exchange neither person nor record is anywhere in the log."""
    await middle.hand("kurse").disclose_at_once()
    assert isinstance(await middle.asked(), ms.Delivered)
    for entry in middle.log.store.disk.entries:
        assert PERSON not in entry
        assert SEALED not in entry
