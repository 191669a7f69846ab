"""Step 12: an outcome comes with key and body, and the two open what the holder signed."""

import pytest

from broker.core.check_outcome import check_outcome
from consent_ledger.core.decision import OpenedBody
from consent_ledger.core.signed import SignedStatement
from schemas import canonical
from schemas import statements as st
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import AgencyId
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import MASK, changed


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _signed(ledger: Ledger, statement: st.Statement) -> SignedStatement:
    return SignedStatement(ledger.sign(statement), statement, AgencyId("kurse"))


def _outcome(ledger: Ledger) -> tuple[SignedStatement, OpenedBody]:
    granted = ledger.asked()
    outcome, opened = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    return _signed(ledger, outcome), opened


def test_key_and_body_open_the_commitment(ledger: Ledger) -> None:
    """What fits goes on to the sequencer, with the body that was opened."""
    signed, opened = _outcome(ledger)
    checked = check_outcome(signed, MASK, canonical.encode_model(opened.body))
    assert (checked.signed, checked.opened) == (signed, opened)


def test_another_body_does_not_open(ledger: Ledger) -> None:
    """A body the holder did not sign is not authentic, and neither is the right body under another key."""
    signed, opened = _outcome(ledger)
    with pytest.raises(NotAuthentic):
        check_outcome(signed, MASK, canonical.encode_model(changed(opened.body, fields=())))
    with pytest.raises(NotAuthentic):
        check_outcome(signed, MASK[::-1], canonical.encode_model(opened.body))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"kind":"perhaps"}', b'{"fields":[],"kind":"disclosed"}'])
def test_a_body_out_of_form_is_malformed(ledger: Ledger, body: bytes) -> None:
    """The body has one canonical form and its own rules."""
    signed, _ = _outcome(ledger)
    with pytest.raises(Malformed):
        check_outcome(signed, MASK, body)


def test_a_short_key_is_malformed(ledger: Ledger) -> None:
    """The key has 32 bytes; a shorter one could be guessed."""
    signed, opened = _outcome(ledger)
    with pytest.raises(Malformed):
        check_outcome(signed, MASK[:16], canonical.encode_model(opened.body))


def test_only_outcomes_have_a_body(ledger: Ledger) -> None:
    """Another statement is refused before its body is looked at."""
    with pytest.raises(Malformed, match="outcome is expected"):
        check_outcome(_signed(ledger, ledger.agency_head("kurse")), MASK, b"{}")
