"""Who signed a statement: one signature of the right key, or two of the steering group, and no line besides."""

import pytest

from consent_ledger.core.signed import Pins, SignedStatement, read_note, signing_roles, verify_statement
from schemas import statements as st
from schemas.errors import Code, HandschlagError, Malformed, NotAuthentic
from schemas.ids import AgencyId
from schemas.note import Signer, sign_note
from schemas.wire import MAX_STATEMENT_BYTES
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import FEDERATION, PINS, STEERING, changed, signer

STRANGER = signer("fremd", "statement")


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _note(statement: st.Statement, *signers: Signer) -> bytes:
    return sign_note(st.statement_text(statement).encode(), signers)


def _fails(ledger: Ledger, note: bytes) -> HandschlagError:
    with pytest.raises((Malformed, NotAuthentic)) as caught:
        verify_statement(note, ledger.state.keys, PINS)
    return caught.value


def test_a_statement_is_its_agencys(ledger: Ledger) -> None:
    """Bytes, statement and the agency of the key come back as they are."""
    consent = ledger.consent("beratung", "jobcenter")
    note = ledger.sign(consent)
    assert verify_statement(note, ledger.state.keys, PINS) == SignedStatement(note, consent, AgencyId("beratung"))


def test_another_agencys_signature_does_not_count(ledger: Ledger) -> None:
    """A statement that names another agency's key is not taken from one's own pen."""
    consent = ledger.consent("beratung", "jobcenter")
    assert _fails(ledger, _note(consent, signer("jobcenter", "statement"))).code is Code.NOT_AUTHENTIC


def test_an_unknown_key_is_not_taken(ledger: Ledger) -> None:
    """A key that no `key.added` names proves nothing, however valid its signature."""
    consent = changed(ledger.consent("beratung", "jobcenter"), key=STRANGER.key.name)
    assert _fails(ledger, _note(consent, STRANGER)).code is Code.KEY_NOT_IN_FORCE


@pytest.mark.parametrize("role", ["dpo", "seal", "witness"])
def test_a_consent_needs_the_statement_key(ledger: Ledger, role: st.KeyRole) -> None:
    """No key of another role signs what the statement key must sign."""
    consent = changed(ledger.consent("beratung", "jobcenter"), key=f"{FEDERATION}/beratung/{role}-1")
    assert _fails(ledger, _note(consent, signer("beratung", "dpo"))).code is Code.KEY_NOT_IN_FORCE


def test_an_approval_is_not_signed_by_the_statement_key(ledger: Ledger) -> None:
    """Who asks does not approve: the statement key cannot sign an approval."""
    pen = signer("beratung", "statement")
    approval = changed(ledger.approval("beratung", "Z16@1"), key=pen.key.name)
    assert _fails(ledger, _note(approval, pen)).code is Code.KEY_NOT_IN_FORCE


def test_voids_and_heads_are_signed_by_the_key_they_speak_of(ledger: Ledger) -> None:
    """The DPO's key closes its own gaps; approvals are its alone, and all else is the statement key's."""
    void, head = ledger.void("beratung", 1, 1, role="dpo"), ledger.agency_head("beratung", role="dpo")
    for statement in (void, head):
        assert verify_statement(ledger.sign(statement), ledger.state.keys, PINS).agency == "beratung"
        assert signing_roles(statement) == ("statement", "dpo")
    assert signing_roles(ledger.approval("beratung", "Z16@1")) == ("dpo",)
    assert signing_roles(ledger.refusal("beratung", "jobcenter")) == ("statement",)


@pytest.mark.parametrize("others", [(STRANGER,), (signer("beratung", "dpo"),), (signer("beratung", "statement"),)])
def test_no_line_but_the_signers_enters_the_log(ledger: Ledger, others: tuple[Signer, ...]) -> None:
    """A second signature line, of whomever, is refused: it would carry into the log what nobody answers for."""
    note = _note(ledger.consent("beratung", "jobcenter"), signer("beratung", "statement"), *others)
    assert isinstance(_fails(ledger, note), Malformed)


def test_the_steering_group_signs_with_two(ledger: Ledger) -> None:
    """Two different pinned keys suffice; the statement is nobody's but the steering group's."""
    note = ledger.sign(ledger.leaving("amt"))
    assert verify_statement(note, {}, PINS).agency == "steering"


@pytest.mark.parametrize(
    ("signers", "error"),
    [
        (STEERING[:1], NotAuthentic),
        ((STEERING[0], STEERING[0]), Malformed),
        ((STEERING[0], STRANGER), Malformed),
        ((*STEERING, STRANGER), Malformed),
        ((STRANGER,), NotAuthentic),
        ((signer("beratung", "statement"), signer("jobcenter", "statement")), NotAuthentic),
    ],
)
def test_one_steering_key_is_not_enough(
    ledger: Ledger, signers: tuple[Signer, ...], error: type[HandschlagError]
) -> None:
    """One key, one key twice, one key and a stranger, or two agencies: none of it is the steering group."""
    assert isinstance(_fails(ledger, _note(ledger.leaving("amt"), *signers)), error)


def test_one_key_under_two_names_is_one_key(ledger: Ledger) -> None:
    """Pinning the same public key twice does not make one person two."""
    twin = type(STEERING[0])("musterstadt.example/steering/twin-1", b"\x07" * 32)
    other = type(STEERING[0])("musterstadt.example/steering/twin-2", b"\x07" * 32)
    pins = Pins(FEDERATION, (twin.key, other.key))
    with pytest.raises(NotAuthentic, match="different steering keys"):
        verify_statement(_note(ledger.leaving("amt"), twin, other), {}, pins)


def test_the_registry_needs_the_two_roles(ledger: Ledger) -> None:
    """The law is put into force by the DPO role and the access steward together, not by any two keys."""
    second = signer("steering", "dpo", 2)
    pins = Pins(FEDERATION, (*PINS.steering, second.key))
    note = _note(ledger.registry(), STEERING[0], second)
    with pytest.raises(NotAuthentic, match="access steward"):
        verify_statement(note, {}, pins)
    with pytest.raises(NotAuthentic, match="access steward"):
        verify_statement(_note(ledger.review("approved"), STEERING[0], second), {}, pins)
    assert verify_statement(_note(ledger.leaving("amt"), STEERING[0], second), {}, pins).agency == "steering"


def test_a_changed_text_does_not_verify(ledger: Ledger) -> None:
    """One letter of the signed text changed, and the signature is wrong."""
    note = ledger.sign(ledger.consent("beratung", "jobcenter"))
    assert _fails(ledger, note.replace(b'"uses":1', b'"uses":9')).code is Code.NOT_AUTHENTIC


def test_a_statement_over_16_kib_is_not_read() -> None:
    """Size is looked at before anything else."""
    with pytest.raises(Malformed) as caught:
        read_note(b"x" * (MAX_STATEMENT_BYTES + 1))
    assert caught.value.code is Code.TOO_LARGE


def test_what_is_no_note_is_malformed() -> None:
    """Bytes without signature lines are refused by form."""
    with pytest.raises(Malformed):
        read_note(b"handschlag/void/v1\n{}\n")
