"""Replay finds each way in which an entry can lie, names the rule, and goes on."""

from collections.abc import Callable

import pytest

from broker.core.replay import replay_leaf
from consent_ledger.core.findings import RULES
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.commitment import commit_body, sha256
from schemas.entries import (
    Answered,
    AnyEntry,
    Cut,
    Disclosed,
    Granted,
    Recorded,
    Refused,
    Rejected,
    Unavailable,
    Withheld,
    encode_entry,
)
from schemas.errors import Code
from schemas.ids import CodeName, FieldName, Hash, KeyName, LogId
from schemas.note import sign_note
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import FEDERATION, LOG, MASK, PINS, START, changed, signer

pytestmark = pytest.mark.slow  # together they take seconds

Tamper = Callable[[AnyEntry], tuple[str, AnyEntry]]


@pytest.fixture
def ledger() -> Ledger:
    """Give a log with an entry of every type that a decision makes, and a head after them."""
    told = founded()
    consent = told.consented(uses=3)
    told.answer(told.asked(consent))
    told.clock.ms += 1000
    told.answer(told.asked(consent), "unavailable")
    open_grant = told.asked(consent)
    told.clock.ms += 1000
    told.write(told.withdrawal("beratung", consent))
    told.answer(open_grant)
    told.asked(consent)
    told.write(told.withdrawal("amt", consent))
    told.write(told.agency_head("amt"))
    assert told.replay() == []
    return told


def _index(ledger: Ledger, kind: str) -> int:
    """Give the index of the first entry of a type."""
    return next(index for index, raw in enumerate(ledger.leaves) if read_leaf(raw).kind == kind)


def _found(ledger: Ledger, index: int, raw: bytes) -> tuple[str, str] | None:
    """Replace one leaf and replay; give the rule and text found at its index."""
    leaves = [*ledger.leaves]
    leaves[index] = raw
    return next(((rule, text) for at, rule, text in ledger.replay(leaves) if at == index), None)


def _rule(ledger: Ledger, kind: str, tamper: Tamper) -> str:
    """Tamper with the first entry of a type; give the rule that finds it."""
    index = _index(ledger, kind)
    found = _found(ledger, index, encode_entry(*tamper(read_leaf(ledger.leaves[index]).entry)))
    assert found is not None
    assert found[1]
    return found[0]


# -- the entry's own inputs -----------------------------------------------------------------------------------------


def _with(kind: str, **changes: object) -> Tamper:
    return lambda entry: (kind, changed(entry, **changes))


def _as_rejected(entry: AnyEntry) -> tuple[str, AnyEntry]:
    return "statement.rejected", Rejected(time=entry.time, statement=entry.statement, reason=Code.NOT_ENTITLED)


def _as_recorded(entry: AnyEntry) -> tuple[str, AnyEntry]:
    return "consent.withdrawn", Recorded(time=entry.time, statement=entry.statement)


def _as_refused(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Granted)
    rules = (CodeName("consent_withdrawn"),)
    reason = Code.CONSENT_WITHDRAWN
    refused = Refused(time=entry.time, statement=entry.statement, registry=entry.registry, reason=reason, rules=rules)
    return "exchange.refused", refused


def _as_granted(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Refused)
    granted = Granted(
        time=entry.time,
        statement=entry.statement,
        registry=entry.registry,
        fields=(FieldName("course.state"),),
        rules=(),
        approval=0,
        chain=1,
    )
    return "exchange.granted", granted


def _as_withheld(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Answered)
    reason = Code.CONSENT_WITHDRAWN
    return "exchange.withheld", Withheld(time=entry.time, statement=entry.statement, grant=entry.grant, reason=reason)


def _as_unavailable(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Disclosed)
    body = st.OutcomeBody(kind="unavailable")
    return "exchange.unavailable", Unavailable(**entry.model_dump(exclude={"body"}), body=body)


def _as_disclosed(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Withheld)
    body = st.OutcomeBody(kind="unavailable")
    told = Unavailable(
        time=entry.time, statement=entry.statement, k=Hash(MASK.hex()), body=body, grant=entry.grant, chain=1
    )
    return "exchange.unavailable", told


def _other_body(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Disclosed)
    return "exchange.disclosed", changed(entry, body=changed(entry.body, ct=sha256(b"another record")))


def _fewer_fields(entry: AnyEntry) -> tuple[str, AnyEntry]:
    assert isinstance(entry, Granted)
    return "exchange.granted", changed(entry, fields=entry.fields[:1])


_MORE = (FieldName("course.advice"), FieldName("course.started"), FieldName("course.state"))

TAMPERED: dict[str, tuple[str, Tamper, str]] = {
    "granted: more fields": ("exchange.granted", _with("exchange.granted", fields=_MORE), "decision"),
    "granted: fewer fields": ("exchange.granted", _fewer_fields, "decision"),
    "granted: no cuts": ("exchange.granted", _with("exchange.granted", cut=()), "decision"),
    "granted: another cut": (
        "exchange.granted",
        _with("exchange.granted", cut=(Cut(field=_MORE[0], rule=CodeName("cut_basis")),)),
        "decision",
    ),
    "granted: another law": ("exchange.granted", _with("exchange.granted", registry=sha256(b"law")), "decision"),
    "granted: other rules": ("exchange.granted", _with("exchange.granted", rules=(CodeName("mercy"),)), "decision"),
    "granted: another approval": ("exchange.granted", _with("exchange.granted", approval=1), "decision"),
    "granted: another basis": ("exchange.granted", _with("exchange.granted", basis=1), "decision"),
    "granted: no basis": ("exchange.granted", _with("exchange.granted", basis=None), "decision"),
    "granted: another chain": ("exchange.granted", _with("exchange.granted", chain=1), "decision"),
    "granted put down as refused": ("exchange.granted", _as_refused, "decision"),
    "granted put down as rejected": ("exchange.granted", _as_rejected, "decision"),
    "refused put down as granted": ("exchange.refused", _as_granted, "decision"),
    "refused: another reason": (
        "exchange.refused",
        _with("exchange.refused", reason=Code.CONSENT_EXPIRED),
        "decision",
    ),
    "refused: other rules": ("exchange.refused", _with("exchange.refused", rules=(CodeName("v01"),)), "decision"),
    "refused: another law": ("exchange.refused", _with("exchange.refused", registry=sha256(b"law")), "decision"),
    "disclosed: another key": ("exchange.disclosed", _with("exchange.disclosed", k=sha256(b"k")), "body"),
    "disclosed: another body": ("exchange.disclosed", _other_body, "body"),
    "disclosed: another grant": ("exchange.disclosed", _with("exchange.disclosed", grant=1), "decision"),
    "disclosed: another chain": ("exchange.disclosed", _with("exchange.disclosed", chain=1), "decision"),
    "disclosed put down as unavailable": ("exchange.disclosed", _as_unavailable, "body"),
    "disclosed put down as withheld": ("exchange.disclosed", _as_withheld, "decision"),
    "disclosed put down as rejected": ("exchange.disclosed", _as_rejected, "decision"),
    "unavailable put down as withheld": ("exchange.unavailable", _as_withheld, "decision"),
    "withheld: another reason": (
        "exchange.withheld",
        _with("exchange.withheld", reason=Code.CONSENT_EXPIRED),
        "decision",
    ),
    "withheld: another grant": ("exchange.withheld", _with("exchange.withheld", grant=1), "decision"),
    "withheld put down as an answer": ("exchange.withheld", _as_disclosed, "body"),
    "withdrawal put down as rejected": ("consent.withdrawn", _as_rejected, "decision"),
    "rejected: another reason": (
        "statement.rejected",
        _with("statement.rejected", reason=Code.STALE),
        "decision",
    ),
    "rejected put down as recorded": ("statement.rejected", _as_recorded, "decision"),
    "a time before the last": ("exchange.withheld", _with("exchange.withheld", time=START), "time"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_each_lie_of_an_entry_is_found_and_named(ledger: Ledger, case: str) -> None:
    """Whatever the broker put down that it did not decide is a finding at that very index."""
    kind, tamper, rule = TAMPERED[case]
    assert _rule(ledger, kind, tamper) == rule


# -- the bytes, the statement, its place ----------------------------------------------------------------------------


def test_bytes_out_of_form_are_found_and_passed_over(ledger: Ledger) -> None:
    """An entry that cannot be read is one finding; what does not rest on it is still replayed."""
    index = _index(ledger, "exchange.unavailable")
    for raw in (b"", b"garbage\n", ledger.leaves[index].replace(b'"v":1', b'"v": 1')):
        assert _found(ledger, index, raw) is not None
    leaves = [*ledger.leaves[:-1], b"garbage", ledger.leaves[-1]]
    assert [(at, rule) for at, rule, _ in ledger.replay(leaves)] == [(len(leaves) - 2, "form")]


def _resigned(ledger: Ledger, kind: str, statement: st.Statement, agency: str) -> bytes:
    """Put another statement into the first entry of a type, signed by some agency's key."""
    entry = read_leaf(ledger.leaves[_index(ledger, kind)]).entry
    note = sign_note(st.statement_text(statement).encode(), [signer(agency, "statement")])
    return encode_entry(kind, changed(entry, statement=note.decode()))


def test_a_changed_statement_is_found(ledger: Ledger) -> None:
    """More uses than the collector signed, or the text of another hand: the signature does not hold."""
    index = _index(ledger, "consent.given")
    assert (found := _found(ledger, index, ledger.leaves[index].replace(b'\\"uses\\":3', b'\\"uses\\":9'))) is not None
    assert found[0] == "signature"
    consent = read_leaf(ledger.leaves[index]).statement
    assert (found := _found(ledger, index, _resigned(ledger, "consent.given", consent, "amt"))) is not None
    assert found[0] == "signature"


def test_a_key_not_yet_added_is_found(ledger: Ledger) -> None:
    """A statement that stands before the entry of its key is signed by nobody."""
    index = _index(ledger, "key.added")
    leaves = [*ledger.leaves]
    leaves.insert(index, ledger.leaves[-1])
    assert (index, "key") in {(at, rule) for at, rule, _ in ledger.replay(leaves)}


def test_a_revoked_key_is_found(ledger: Ledger) -> None:
    """What a revoked key signed after its end is an entry that should not be there."""
    ledger.write(ledger.revocation("amt", "statement"))
    late = Recorded(time=ledger.clock.ms, statement=ledger.sign(ledger.agency_head("amt")).decode())
    leaves = [*ledger.leaves, encode_entry("agency.head", late)]
    assert [(at, rule) for at, rule, _ in ledger.replay(leaves)] == [(len(leaves) - 1, "key")]


def test_a_statement_for_another_log_is_found(ledger: Ledger) -> None:
    """An entry moved over from another shard does not belong here, though its signature is good."""
    foreign = changed(ledger.agency_head("amt"), log=LogId(f"{FEDERATION}/log/2026-10"))
    leaf = encode_entry("agency.head", Recorded(time=ledger.clock.ms, statement=ledger.sign(foreign).decode()))
    assert [(at, rule) for at, rule, _ in ledger.replay([*ledger.leaves, leaf])] == [(len(ledger.leaves), "log")]


@pytest.mark.parametrize("kind", ["consent.given", "exchange.granted", "exchange.disclosed", "member.admitted"])
def test_an_entry_that_stands_twice_is_found(ledger: Ledger, kind: str) -> None:
    """A statement logged a second time uses a number that was used; the second has no effect."""
    again = ledger.leaves[_index(ledger, kind)]
    findings = ledger.replay([*ledger.leaves, again])
    assert [(at, rule) for at, rule, _ in findings] == [(len(ledger.leaves), "counter")]


def test_a_number_too_far_ahead_is_found(ledger: Ledger) -> None:
    """The window holds in replay as it does at admission."""
    far = changed(ledger.agency_head("amt"), n=5000, last=5000)
    leaf = encode_entry("agency.head", Recorded(time=ledger.clock.ms, statement=ledger.sign(far).decode()))
    assert [rule for _, rule, _ in ledger.replay([*ledger.leaves, leaf])] == ["counter"]


def test_swapped_entries_are_found(ledger: Ledger) -> None:
    """A withdrawal moved behind the outcome it forbids leaves an outcome that should have been something else."""
    withdrawn, withheld = _index(ledger, "consent.withdrawn"), _index(ledger, "exchange.withheld")
    leaves = [*ledger.leaves]
    leaves[withdrawn], leaves[withheld] = leaves[withheld], leaves[withdrawn]
    findings = ledger.replay(leaves)
    assert (withdrawn, "decision") in {(at, rule) for at, rule, _ in findings}


# -- what follows from a lie ----------------------------------------------------------------------------------------


def test_what_should_have_been_decided_is_what_counts(ledger: Ledger) -> None:
    """A withdrawal put down as rejected still ends its consent: each disclosure after it is a finding of its own."""
    consent = ledger.consented()
    granted = ledger.asked(consent)
    grant_hash = ledger.grant(granted).leaf
    withdrawal = ledger.withdrawal("beratung", consent)
    entry = Rejected(time=ledger.clock.ms, statement=ledger.sign(withdrawal).decode(), reason=Code.NOT_ENTITLED)
    outcome, opened = ledger.outcome(granted.leaf, grant_hash)
    told = Disclosed(
        time=ledger.clock.ms,
        statement=ledger.sign(outcome).decode(),
        k=opened.k,
        body=opened.body,
        grant=granted.index,
        chain=ledger.state.chain,
    )
    lies = [encode_entry("statement.rejected", entry), encode_entry("exchange.disclosed", told)]
    first = len(ledger.leaves)
    findings = ledger.replay([*ledger.leaves, *lies])
    assert [(at, rule) for at, rule, _ in findings] == [(first, "decision"), (first + 1, "decision")]
    assert "exchange.withheld" in findings[1][2]


def test_a_lie_about_a_grant_does_not_hide_its_outcome(ledger: Ledger) -> None:
    """A grant with forged cuts is one finding; the outcome that names this very grant is judged by itself."""
    index = _index(ledger, "exchange.granted")
    entry = changed(read_leaf(ledger.leaves[index]).entry, cut=())
    forged = encode_entry("exchange.granted", entry)
    state = LedgerState(LOG)
    for raw in ledger.leaves[:index]:
        assert replay_leaf(state, raw, ledger.decide, PINS) is None
    assert replay_leaf(state, forged, ledger.decide, PINS) is not None
    grant = next(iter(state.grants.values()))
    body = st.OutcomeBody(kind="unavailable")
    outcome = st.Outcome(
        log=LOG,
        at=START,
        key=KeyName(f"{FEDERATION}/kurse/statement-1"),
        n=2,
        exchange=grant.statement.exchange,
        grant=grant.leaf,
        body=commit_body(MASK, body),
    )
    told = Unavailable(
        time=state.time,
        statement=ledger.sign(outcome).decode(),
        k=Hash(MASK.hex()),
        body=body,
        grant=index,
        chain=state.chain,
    )
    assert replay_leaf(state, encode_entry("exchange.unavailable", told), ledger.decide, PINS) is None


def test_every_rule_is_one_an_auditor_knows() -> None:
    """The rules that are found here are among those that can be explained."""
    assert {"form", "signature", "key", "log", "counter", *(rule for _, _, rule in TAMPERED.values())} <= RULES.keys()
