"""A client ends a consent by the code on the receipt: what the log takes, what replay says, what no code can do."""

import pytest

from broker.core.authenticate import Gate, authenticate
from broker.core.replay import replay_leaf
from consent_ledger.core.decision import NotLogged
from consent_ledger.core.leaf import read_leaf, statement_id
from consent_ledger.core.prove import Broken, prove_leaf
from consent_ledger.core.signed import CLIENT
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.entries import Recorded, encode_entry
from schemas.errors import Code, HandschlagError, Malformed, NotAuthentic
from schemas.ids import AgencyId, ConsentId
from schemas.note import sign_note
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import PINS, VIEW_CODE, WITHDRAW_CODE, account, changed, signer

NEW_VIEW, NEW_WITHDRAW = "NEWVIEWNEWVIEWNE", "NEWSTOPNEWSTOPNE"


def refused(ledger: Ledger, statement: st.Statement) -> Code:
    """Give the code with which a statement is not logged."""
    decided = ledger.submit(statement)
    assert isinstance(decided, NotLogged), decided
    return decided.code


def test_the_code_ends_the_consent_at_its_index() -> None:
    """From the entry on nothing is granted, and an outcome under way is withheld; replay agrees with all of it."""
    ledger = founded()
    consent = ledger.consented(uses=5)
    open_grant = ledger.asked(consent)
    ended = ledger.write(ledger.client_withdrawal(consent))
    assert (ended.kind, ended.leaf.statement) == ("client.withdrawn", ledger.client_withdrawal(consent))
    assert ledger.state.evidence[consent.consent].withdrawn == ended.index
    assert ledger.answer(open_grant).kind == "exchange.withheld"
    assert ledger.asked(consent).reason == "consent_withdrawn"
    assert ledger.replay() == []


def test_a_given_basis_ends_by_its_code_too() -> None:
    """A client's request to hand a paper over is as easily taken back."""
    ledger = founded()
    given = ledger.given("beratung", "amt", "beratung")
    assert ledger.write(given).kind == "basis.given"
    ledger.write(ledger.client_withdrawal(given))
    assert ledger.state.evidence[given.given].withdrawn is not None
    assert ledger.replay() == []


@pytest.mark.parametrize("code", [VIEW_CODE, "A" * 16, WITHDRAW_CODE + "A"])
def test_another_code_ends_nothing_and_leaves_no_trace(code: str) -> None:
    """A wrong code, the view code included, is not logged; nor is a code for a consent that is none."""
    ledger = founded()
    consent = ledger.consented()
    before = len(ledger.leaves)
    assert refused(ledger, ledger.client_withdrawal(consent, code)) is Code.NOT_ENTITLED
    unknown = changed(ledger.client_withdrawal(consent), basis=ConsentId("0" * 32))
    assert refused(ledger, unknown) is Code.NOT_ENTITLED
    assert len(ledger.leaves) == before
    assert ledger.state.evidence[consent.consent].withdrawn is None


def test_new_codes_kill_the_old_ones() -> None:
    """After the collector gave the receipt new codes, the old ones open and end nothing any more."""
    ledger = founded()
    consent = ledger.consented()
    old_view = ledger.state.evidence[consent.consent].view
    assert ledger.write(ledger.recoding("beratung", consent, NEW_VIEW, NEW_WITHDRAW)).kind == "consent.codes"
    assert refused(ledger, ledger.client_withdrawal(consent)) is Code.NOT_ENTITLED
    assert old_view not in ledger.state.views
    assert (
        ledger.state.views[ledger.state.evidence[consent.consent].view] == ledger.state.evidence[consent.consent].index
    )
    assert ledger.write(ledger.client_withdrawal(consent, NEW_WITHDRAW)).kind == "client.withdrawn"
    late = ledger.recoding("beratung", consent, NEW_VIEW, NEW_WITHDRAW)
    assert ledger.write(late).reason == "consent_withdrawn"
    assert ledger.replay() == []


def test_only_the_collector_gives_new_codes() -> None:
    """The recipient, who has no receipt to hand out, is refused; so is a consent that nobody gave."""
    ledger = founded()
    consent = ledger.consented()
    assert ledger.write(ledger.recoding("jobcenter", consent, NEW_VIEW, NEW_WITHDRAW)).reason == "not_entitled"
    unknown = changed(ledger.recoding("beratung", consent, NEW_VIEW, NEW_WITHDRAW), basis=ConsentId("0" * 32))
    assert ledger.write(unknown).reason == "consent_unknown"
    assert ledger.replay() == []


def forced(ledger: Ledger, statement: st.Statement) -> bytes:
    """Give the leaf that a dishonest log would write of a statement nobody decided."""
    entry = Recorded(time=ledger.clock.ms, statement=ledger.sign(statement).decode())
    return encode_entry("client.withdrawn", entry)


def test_a_withdrawal_the_log_made_up_is_found_by_replay() -> None:
    """Without the code the log cannot end a consent unseen: replay names the entry."""
    ledger = founded()
    consent = ledger.consented()
    leaves = [*ledger.leaves, forced(ledger, ledger.client_withdrawal(consent, "A" * 16))]
    assert [(index, rule) for index, rule, _ in ledger.replay(leaves)] == [(len(leaves) - 1, "signature")]


def test_the_same_withdrawal_twice_is_found_by_replay() -> None:
    """What is over does not end again."""
    ledger = founded()
    consent = ledger.consented()
    again = forced(ledger, ledger.client_withdrawal(consent))
    ledger.write(ledger.client_withdrawal(consent))
    assert ledger.state.place(ledger.client_withdrawal(consent)) == "used"
    assert [rule for _, rule, _ in ledger.replay([*ledger.leaves, again])] == ["counter"]
    assert statement_id(ledger.client_withdrawal(consent)) == f"client|{consent.consent}".encode()


def test_it_belongs_to_its_own_log_and_carries_no_signature() -> None:
    """For another log it proves nothing; with a signature line it is no statement at all."""
    ledger = founded()
    consent = ledger.consented()
    elsewhere = changed(ledger.client_withdrawal(consent), log="musterstadt.example/log/1999-01")
    broken = prove_leaf(ledger.state, forced(ledger, elsewhere), PINS)
    assert isinstance(broken, Broken)
    assert broken.rule == "log"
    text = st.statement_text(ledger.client_withdrawal(consent)).encode()
    signed_too = Recorded(time=ledger.clock.ms, statement=sign_note(text, [signer("beratung", "statement")]).decode())
    with pytest.raises(Malformed):
        read_leaf(encode_entry("client.withdrawn", signed_too))


def test_no_agency_can_speak_for_the_client_on_the_bus() -> None:
    """A member that sends one is refused before anything is decided, whether or not it knows the code."""
    ledger = founded()
    consent = ledger.consented()
    note = ledger.sign(ledger.client_withdrawal(consent))
    with pytest.raises(NotAuthentic, match="signed by client, sent by jobcenter"):
        authenticate(note, account("jobcenter"), ledger.state, Gate(PINS, account("steering")))
    admitted = ledger.admission(CLIENT, "counselling")
    with pytest.raises((AssertionError, HandschlagError)):
        ledger.write(admitted)
    assert AgencyId(CLIENT) not in ledger.state.members


def test_a_fold_takes_it_as_it_stands() -> None:
    """An auditor who only verifies folds it in; one that replays decides it again, and both end the consent."""
    ledger = founded()
    consent = ledger.consented()
    ledger.write(ledger.client_withdrawal(consent))
    state = LedgerState(ledger.log)
    assert [replay_leaf(state, raw, ledger.decide, PINS) for raw in ledger.leaves] == [None] * len(ledger.leaves)
    assert state.evidence[consent.consent].withdrawn == len(ledger.leaves) - 1
