"""Who is told of an entry, and who may fetch it."""

import pytest

from broker.core.route import addressees, parties, signer_of
from schemas import statements as st
from schemas.ids import AgencyId, ExchangeId
from tests.support.ledger_world import Ledger, Logged, founded


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _told(ledger: Ledger, logged: Logged) -> set[str]:
    return set(addressees(logged.leaf, ledger.state))


def _parties(ledger: Ledger, logged: Logged) -> set[str] | None:
    found = parties(logged.leaf, ledger.state.keys)
    return None if found is None else set(found)


def _wide_consent(ledger: Ledger) -> st.ConsentGiven:
    """Take a consent for two holders."""
    ledger.write(ledger.admission("schule", "provider"))
    holders = (AgencyId("kurse"), AgencyId("schule"))
    return ledger.consented(holders=holders, uses=3)


def test_a_withdrawal_goes_to_all_who_might_still_act(ledger: Ledger) -> None:
    """Collector, recipient and holders with an open grant are told; a holder without one is not."""
    consent = _wide_consent(ledger)
    ledger.asked(consent)
    assert _told(ledger, ledger.write(ledger.withdrawal("beratung", consent))) == {"jobcenter", "kurse"}
    assert _told(ledger, ledger.write(ledger.withdrawal("jobcenter", consent))) == {"beratung", "kurse"}
    assert _told(ledger, ledger.write(ledger.withdrawal("kurse", consent))) == {"beratung", "jobcenter"}


def test_an_answered_grant_is_no_open_grant(ledger: Ledger) -> None:
    """After its answer a holder need not hear of the withdrawal; nor after a grant under something else."""
    consent = _wide_consent(ledger)
    ledger.answer(ledger.asked(consent))
    ledger.asked(ledger.consented())
    assert _told(ledger, ledger.write(ledger.withdrawal("beratung", consent))) == {"jobcenter"}


def test_a_given_basis_is_withdrawn_to_its_parties(ledger: Ledger) -> None:
    """The same holds for a client's request."""
    given = ledger.given("kurse", "jobcenter", "kurse")
    ledger.write(given)
    ledger.asked(given)
    assert _told(ledger, ledger.write(ledger.withdrawal("jobcenter", given))) == {"kurse"}


def test_an_acknowledgement_goes_to_its_holder(ledger: Ledger) -> None:
    """The holder drops the sealed bytes then."""
    acknowledged = ledger.write(ledger.acknowledgement("jobcenter", "kurse", [ExchangeId("0" * 32)]))
    assert _told(ledger, acknowledged) == {"kurse"}


def test_nobody_is_told_of_anything_else(ledger: Ledger) -> None:
    """Consents, heads and outcomes are not sent round."""
    granted = ledger.asked()
    for logged in (granted, ledger.answer(granted), ledger.write(ledger.agency_head("amt"))):
        assert _told(ledger, logged) == set()


def test_the_signer_is_the_keys_owner(ledger: Ledger) -> None:
    """An agency for its own statements, the steering group for its chain."""
    assert signer_of(ledger.agency_head("amt"), ledger.state.keys) == "amt"
    assert signer_of(ledger.leaving("amt"), ledger.state.keys) == "steering"


def test_what_a_client_ended_by_a_code_nobody_signed(ledger: Ledger) -> None:
    """All parties are told of it, the collector too: none of them said it."""
    consent = _wide_consent(ledger)
    ledger.asked(consent)
    ended = ledger.write(ledger.client_withdrawal(consent))
    assert signer_of(ended.leaf.statement, ledger.state.keys) == "client"
    assert _told(ledger, ended) == {"beratung", "jobcenter", "kurse"}


def test_what_all_need_all_may_fetch(ledger: Ledger) -> None:
    """Steering, approvals and catalogues are for every member."""
    approval, catalogue = ledger.approval("jobcenter", "Z16@1"), ledger.catalogue("kurse", ["course.state"])
    for statement in (ledger.leaving("amt"), approval, catalogue):
        assert _parties(ledger, ledger.write(statement)) is None


def test_exchanges_are_for_their_parties_only(ledger: Ledger) -> None:
    """A consent is for collector, recipient and holders, a grant for requester and holder, all else for its signer."""
    consent = ledger.consented()
    given = ledger.given("beratung", "jobcenter", "kurse")
    assert _parties(ledger, ledger.write(given)) == {"beratung", "jobcenter", "kurse"}
    granted = ledger.asked(consent)
    assert _parties(ledger, granted) == {"jobcenter", "kurse"}
    assert _parties(ledger, ledger.asked(consent)) == {"jobcenter"}
    assert _parties(ledger, ledger.answer(granted)) == {"kurse"}
    assert _parties(ledger, ledger.write(ledger.withdrawal("beratung", consent))) == {"beratung"}
