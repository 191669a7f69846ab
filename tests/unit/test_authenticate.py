"""Step 4: who calls, who signed, and that the two are one."""

import pytest

from broker.core.authenticate import Gate, authenticate, caller_agency, recordable, request_submission
from consent_ledger.core.decision import Submission
from consent_ledger.core.signed import SignedStatement
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code, HandschlagError, Malformed, NotAuthentic
from schemas.ids import AgencyId, LogId
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import FEDERATION, LOG, PERSON, PINS, account, changed, signer

GATE = Gate(PINS, account("steering"))


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _fails(ledger: Ledger, note: bytes, agency: str) -> HandschlagError:
    size, drawn = ledger.state.size, {key: one.highest for key, one in ledger.state.counters.items()}
    with pytest.raises((Malformed, NotAuthentic)) as caught:
        authenticate(note, account(agency), ledger.state, GATE)
    assert ledger.state.size == size
    assert {key: one.highest for key, one in ledger.state.counters.items()} == drawn
    return caught.value


def test_the_account_says_who_calls(ledger: Ledger) -> None:
    """A member's account is the member, the steering group's account the steering group, any other nobody."""
    assert caller_agency(account("kurse"), ledger.state, GATE) == "kurse"
    assert caller_agency(account("steering"), ledger.state, GATE) == "steering"
    with pytest.raises(NotAuthentic) as caught:
        caller_agency(account("niemand"), ledger.state, GATE)
    assert caught.value.code is Code.NOT_A_MEMBER


def test_an_agency_that_left_is_nobody(ledger: Ledger) -> None:
    """From its leaving on, its account opens nothing."""
    ledger.write(ledger.leaving("kurse"))
    with pytest.raises(NotAuthentic):
        caller_agency(account("kurse"), ledger.state, GATE)


def test_the_signer_calls(ledger: Ledger) -> None:
    """A statement from its signer's own account is taken as it is."""
    head = ledger.agency_head("kurse")
    note = ledger.sign(head)
    signed = authenticate(note, account("kurse"), ledger.state, GATE)
    assert signed == SignedStatement(note, head, AgencyId("kurse"))


@pytest.mark.parametrize("caller", ["amt", "steering"])
def test_nobody_passes_on_anothers_statement(ledger: Ledger, caller: str) -> None:
    """A validly signed statement of another agency is refused, and nothing is counted."""
    assert _fails(ledger, ledger.sign(ledger.agency_head("kurse")), caller).code is Code.NOT_AUTHENTIC


def test_steering_comes_from_the_steering_account_only(ledger: Ledger) -> None:
    """An agency that got hold of a steering statement cannot hand it in; the steering group can."""
    note = ledger.sign(ledger.leaving("kurse"))
    assert _fails(ledger, note, "amt").code is Code.NOT_AUTHENTIC
    assert authenticate(note, account("steering"), ledger.state, GATE).agency == "steering"


def test_a_statement_for_another_shard_is_refused(ledger: Ledger) -> None:
    """What was signed for one log is not taken into another."""
    head = changed(ledger.agency_head("kurse"), log=LogId(f"{FEDERATION}/log/2026-10"))
    error = _fails(ledger, ledger.sign(head), "kurse")
    assert error.code is Code.WRONG_LOG
    assert LOG in str(error)


def test_what_a_stranger_signed_is_refused(ledger: Ledger) -> None:
    """A member's account does not make up for a wrong signature, nor for no note at all."""
    head = changed(ledger.agency_head("kurse"), key=signer("amt", "statement").key.name)
    note = ledger.sign(head).replace(b"kurse", b"beratung")
    assert isinstance(_fails(ledger, note, "kurse"), NotAuthentic)
    assert isinstance(_fails(ledger, b"no note", "kurse"), Malformed)


def test_requests_and_outcomes_do_not_travel_alone(ledger: Ledger) -> None:
    """They have calls of their own, with what belongs beside them; everything else is recorded as it is."""
    granted = ledger.asked()
    outcome, _ = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    request = ledger.request("jobcenter", "kurse", ledger.consented())
    for statement in (request, outcome):
        with pytest.raises(Malformed):
            recordable(_signed(ledger, statement))
    head = _signed(ledger, ledger.agency_head("kurse"))
    assert recordable(head) == Submission(head)


def _signed(ledger: Ledger, statement: st.Statement) -> SignedStatement:
    return SignedStatement(ledger.sign(statement), statement, AgencyId("jobcenter"))


def test_a_request_comes_with_the_person_it_names(ledger: Ledger) -> None:
    """The sealed block beside a request is the one whose hash it signed; and only a request has one."""
    request = _signed(ledger, ledger.request("jobcenter", "kurse", ledger.consented()))
    assert request_submission(request, sha256(PERSON)) == Submission(request)
    with pytest.raises(Malformed, match="person_ct"):
        request_submission(request, sha256(b"another person"))
    with pytest.raises(Malformed, match="request is expected"):
        request_submission(_signed(ledger, ledger.agency_head("kurse")), sha256(PERSON))
