"""What the broker decides: a case for each reason, for each rule that cuts a field, and for each kind of outcome."""

from collections.abc import Callable

import pytest

from broker.core.standing import CLOCK_SKEW_MS
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Granted, Refused
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName, ConsentId, FieldName, GivenId, Norm, Purpose
from schemas.registry import load
from tests.support import small_law
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.pens import DAY, HOUR, NORM, START, changed, seal_id

Scene = Callable[[Ledger], Logged]
DECLARED = (CodeName("reason_not_from_client"),)


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _statute(ledger: Ledger, **changes: object) -> Logged:
    request = changed(ledger.request("jobcenter", "amt", NORM, "Z03@1"), declared=DECLARED)
    return ledger.write(changed(request, **changes))


def _given(ledger: Ledger, **changes: object) -> st.BasisGiven:
    given = changed(ledger.given("kurse", "jobcenter", "kurse"), **changes)
    assert ledger.write(given).kind == "basis.given"
    return given


# -- what is granted ------------------------------------------------------------------------------------------------


def test_a_request_under_a_consent_is_granted_with_all_it_rests_on(ledger: Ledger) -> None:
    """The entry names fields, cuts, law, approval, consent and the chain's last seq: all it takes to decide again."""
    consent = ledger.consented()
    given_at = ledger.state.evidence[consent.consent].index
    entry = ledger.asked(consent).leaf.entry
    assert isinstance(entry, Granted)
    assert entry.fields == ("course.started", "course.state")
    assert [(cut.field, cut.rule) for cut in entry.cut] == [
        ("course.advice", "cut_ceiling"),
        ("course.result", "cut_catalogue"),
    ]
    assert entry.registry == small_law.LAW.hash
    assert entry.rules == ("purpose", "pair", "approval", "consent", "minimised")
    approval = ledger.state.approved[AgencyId("jobcenter"), Purpose("Z16@1"), CodeName("adviser")]
    assert (entry.approval, entry.basis, entry.chain, entry.time) == (approval.index, given_at, ledger.seq, START)


def test_a_statute_needs_no_consent(ledger: Ledger) -> None:
    """A statutory request with its declared condition is granted and rests on the registry alone."""
    entry = _statute(ledger).leaf.entry
    assert isinstance(entry, Granted)
    assert (entry.fields, entry.basis) == (("person.status",), None)


def test_a_clients_request_is_a_basis(ledger: Ledger) -> None:
    """What the client asks to have handed over is granted once."""
    assert ledger.asked(_given(ledger)).kind == "exchange.granted"


def test_the_prohibition_has_its_exception(ledger: Ledger) -> None:
    """Immigration gets one paper from counselling when the client asks for it, and nothing else ever."""
    given = ledger.given("beratung", "amt", "beratung")
    ledger.write(given)
    assert ledger.write(ledger.request("amt", "beratung", given)).kind == "exchange.granted"


def test_secrecy_is_released_by_the_consent(ledger: Ledger) -> None:
    """A holder bound by § 203 StGB may be asked where the consent releases it."""
    consent = ledger.consent("beratung", "jobcenter", ["beratung"], "Z18@1")
    ledger.write(consent)
    assert ledger.write(ledger.request("jobcenter", "beratung", consent)).kind == "exchange.granted"


# -- what is refused: the reason names the rule ---------------------------------------------------------------------


def _prohibited(ledger: Ledger) -> Logged:
    duty = changed(
        ledger.given("beratung", "amt", "beratung"), kind="cooperation_duty", notice_date=START - DAY, uses=2
    )
    ledger.write(duty)
    return ledger.write(ledger.request("amt", "beratung", duty))


def _unknown_purpose(ledger: Ledger) -> Logged:
    return ledger.asked(purpose=Purpose("Z77@1"))


def _purpose_over(ledger: Ledger) -> Logged:
    return ledger.write(ledger.request("jobcenter", "amt", NORM, "Z08@1"))


def _planned_mode(ledger: Ledger) -> Logged:
    consent = ledger.consent("beratung", "beratung", ["jobcenter"], "Z19@1")
    ledger.write(consent)
    return ledger.write(ledger.request("beratung", "jobcenter", consent))


def _wrong_pair(ledger: Ledger) -> Logged:
    return ledger.asked(holder=AgencyId("amt"))


def _wrong_basis(ledger: Ledger) -> Logged:
    return ledger.asked(basis=st.Basis(kind="statute", norm=NORM))


def _wrong_norm(ledger: Ledger) -> Logged:
    return _statute(ledger, basis=st.Basis(kind="statute", norm=Norm("SGB X § 99")))


def _answer_by_too_late(ledger: Ledger) -> Logged:
    return ledger.asked(answer_by=START + HOUR + CLOCK_SKEW_MS + 1)


def _no_approval(ledger: Ledger) -> Logged:
    return ledger.asked(role=CodeName("clerk_answer"))


def _approval_over(ledger: Ledger) -> Logged:
    ledger.write(changed(ledger.approval("jobcenter", "Z16@1"), valid_until=START + 1))
    ledger.clock.ms += 1
    return ledger.asked()


def _approved_on_a_condition(ledger: Ledger) -> Logged:
    ledger.write(changed(ledger.approval("jobcenter", "Z16@1"), conditions=DECLARED))
    assert ledger.asked(declared=DECLARED).kind == "exchange.granted"
    return ledger.asked()


def _holder_unknown(ledger: Ledger) -> Logged:
    return ledger.asked(holder=AgencyId("niemand"))


def _holder_left(ledger: Ledger) -> Logged:
    consent = ledger.consented()
    ledger.write(ledger.leaving("kurse"))
    return ledger.asked(consent)


def _no_seal_key(ledger: Ledger) -> Logged:
    return ledger.asked(seal_key=sha256(b"no key at all"))


def _foreign_seal_key(ledger: Ledger) -> Logged:
    return ledger.asked(seal_key=seal_id("amt"))


def _statement_key_to_seal(ledger: Ledger) -> Logged:
    return ledger.asked(seal_key=ledger.state.keys[ledger.head("jobcenter")["key"]].id)


def _seal_key_revoked(ledger: Ledger) -> Logged:
    ledger.write(ledger.revocation("jobcenter", "seal"))
    return ledger.asked()


def _other_registry(ledger: Ledger) -> Logged:
    return ledger.asked(registry=sha256(b"the law of last year"))


def _condition_missing(ledger: Ledger) -> Logged:
    return _statute(ledger, declared=())


def _secrecy_not_released(ledger: Ledger) -> Logged:
    consent = changed(ledger.consent("beratung", "jobcenter", ["beratung"], "Z18@1"), secrecy_release=False)
    ledger.write(consent)
    return ledger.write(ledger.request("jobcenter", "beratung", consent))


def _secrecy_always(ledger: Ledger) -> Logged:
    consent = changed(ledger.consent("beratung", "beratung", ["kurse"], "Z20@1"), secrecy_release=False)
    ledger.write(consent)
    return ledger.write(ledger.request("beratung", "kurse", consent))


def _collector_left(ledger: Ledger) -> Logged:
    consent = ledger.consented()
    ledger.write(ledger.leaving("beratung"))
    return ledger.asked(consent)


def _collector_sanctions(ledger: Ledger) -> Logged:
    """Let a consent that nobody with power collected meet a law under which its collector has that power."""
    kinds = small_law.KINDS.replace('name = "counselling"', 'name = "was_counselling"').replace(
        'name = "jobcentre"', 'name = "counselling"'
    )
    kinds += small_law.KINDS.split("[[agency_kind]]")[2].join(["[[agency_kind]]", ""])
    law = load(small_law.bundle(kinds=kinds))
    consent = ledger.consented()
    ledger.registries[law.hash] = law
    ledger.write(ledger.registry(law))
    return ledger.asked(consent, registry=law.hash)


def _no_catalogue(ledger: Ledger) -> Logged:
    consent = changed(ledger.consent("beratung", "jobcenter"), holders=(AgencyId("neu"),))
    ledger.write(ledger.admission("neu", "provider"))
    ledger.write(consent)
    return ledger.write(ledger.request("jobcenter", "neu", consent))


def _nothing_left(ledger: Ledger) -> Logged:
    return ledger.asked(fields=(FieldName("course.advice"),))


def _consent_unknown(ledger: Ledger) -> Logged:
    return ledger.asked(basis=st.Basis(kind="consent", consent=ConsentId("0" * 32)))


def _consent_of_another(ledger: Ledger) -> Logged:
    consent = ledger.consent("beratung", "beratung")
    ledger.write(consent)
    return ledger.asked(consent)


def _consent_for_another_purpose(ledger: Ledger) -> Logged:
    consent = ledger.consent("beratung", "beratung", ["kurse"], "Z20@1")
    ledger.write(consent)
    return ledger.write(changed(ledger.request("beratung", "kurse", consent), purpose=Purpose("Z16@1")))


def _consent_for_another_holder(ledger: Ledger) -> Logged:
    ledger.write(ledger.admission("neu", "provider"))
    return ledger.asked(holder=AgencyId("neu"))


def _consent_renewed(ledger: Ledger) -> Logged:
    consent = ledger.consented()
    ledger.consented(replaces=consent.consent)
    return ledger.asked(consent)


def _consent_withdrawn(ledger: Ledger) -> Logged:
    consent = ledger.consented()
    ledger.write(ledger.withdrawal("beratung", consent))
    return ledger.asked(consent)


def _consent_expired(ledger: Ledger) -> Logged:
    consent = ledger.consented(expires=START + DAY)
    ledger.clock.ms += DAY
    return ledger.asked(consent)


def _consent_not_yet(ledger: Ledger) -> Logged:
    return ledger.asked(ledger.consented(not_before=START + 1))


def _consent_exhausted(ledger: Ledger) -> Logged:
    consent = ledger.consented()
    ledger.answer(ledger.asked(consent))
    return ledger.asked(consent)


def _consent_reserved(ledger: Ledger) -> Logged:
    consent = ledger.consented()
    ledger.asked(consent)
    return ledger.asked(consent)


def _given_unknown(ledger: Ledger) -> Logged:
    return ledger.asked(changed(ledger.given("kurse", "jobcenter", "kurse"), given="1" * 32))


def _consent_as_given(ledger: Ledger) -> Logged:
    """Name a consent as if it were a client's request."""
    consent = ledger.consented()
    request = ledger.request("jobcenter", "kurse", _given(ledger))
    return ledger.write(changed(request, basis=st.Basis(kind="client_request", given=GivenId(consent.consent))))


def _given_foreign(ledger: Ledger) -> Logged:
    given = ledger.given("kurse", "amt", "kurse")
    ledger.write(given)
    return ledger.asked(given)


def _given_withdrawn(ledger: Ledger) -> Logged:
    given = _given(ledger)
    ledger.write(ledger.withdrawal("kurse", given))
    return ledger.asked(given)


def _given_expired(ledger: Ledger) -> Logged:
    given = _given(ledger)
    ledger.clock.ms += 30 * DAY
    return ledger.asked(given)


def _given_exhausted(ledger: Ledger) -> Logged:
    given = _given(ledger)
    ledger.answer(ledger.asked(given))
    return ledger.asked(given)


REFUSED: list[tuple[Scene, Code, str]] = [
    (_prohibited, Code.PROHIBITED, "v01"),
    (_unknown_purpose, Code.PURPOSE_UNKNOWN, ""),
    (_purpose_over, Code.PURPOSE_NOT_IN_FORCE, ""),
    (_planned_mode, Code.MODE_NOT_AVAILABLE, ""),
    (_wrong_pair, Code.PAIR_NOT_ALLOWED, ""),
    (_wrong_basis, Code.BASIS_MISMATCH, ""),
    (_wrong_norm, Code.BASIS_MISMATCH, ""),
    (_answer_by_too_late, Code.DEADLINE_PASSED, ""),
    (_no_approval, Code.NO_APPROVAL, ""),
    (_approval_over, Code.NO_APPROVAL, ""),
    (_approved_on_a_condition, Code.APPROVAL_CONDITION, ""),
    (_holder_unknown, Code.NOT_A_MEMBER, ""),
    (_holder_left, Code.NOT_A_MEMBER, ""),
    (_no_seal_key, Code.KEY_NOT_IN_FORCE, ""),
    (_foreign_seal_key, Code.KEY_NOT_IN_FORCE, ""),
    (_statement_key_to_seal, Code.KEY_NOT_IN_FORCE, ""),
    (_seal_key_revoked, Code.KEY_NOT_IN_FORCE, ""),
    (_other_registry, Code.REGISTRY_MISMATCH, ""),
    (_condition_missing, Code.CONDITION_MISSING, ""),
    (_secrecy_not_released, Code.SECRECY_RELEASE_MISSING, ""),
    (_secrecy_always, Code.SECRECY_RELEASE_MISSING, ""),
    (_collector_left, Code.COLLECTOR_MAY_SANCTION, ""),
    (_collector_sanctions, Code.COLLECTOR_MAY_SANCTION, ""),
    (_no_catalogue, Code.NO_CATALOGUE, ""),
    (_nothing_left, Code.NOTHING_LEFT, "cut_ceiling"),
    (_consent_unknown, Code.CONSENT_UNKNOWN, ""),
    (_consent_of_another, Code.CONSENT_FOREIGN, ""),
    (_consent_for_another_purpose, Code.CONSENT_FOREIGN, ""),
    (_consent_for_another_holder, Code.CONSENT_FOREIGN, ""),
    (_consent_withdrawn, Code.CONSENT_WITHDRAWN, ""),
    (_consent_renewed, Code.CONSENT_RENEWED, ""),
    (_consent_expired, Code.CONSENT_EXPIRED, ""),
    (_consent_not_yet, Code.CONSENT_NOT_YET, ""),
    (_consent_exhausted, Code.CONSENT_EXHAUSTED, ""),
    (_consent_reserved, Code.CONSENT_EXHAUSTED, ""),
    (_given_unknown, Code.GIVEN_UNKNOWN, ""),
    (_consent_as_given, Code.GIVEN_UNKNOWN, ""),
    (_given_foreign, Code.GIVEN_FOREIGN, ""),
    (_given_withdrawn, Code.GIVEN_WITHDRAWN, ""),
    (_given_expired, Code.GIVEN_EXPIRED, ""),
    (_given_exhausted, Code.GIVEN_EXHAUSTED, ""),
]
"""Each scene ends in a refused request, with this reason and rule (the reason's own name where none is given)."""


@pytest.mark.parametrize(("scene", "code", "rule"), REFUSED)
def test_a_refusal_names_its_reason_and_rule(ledger: Ledger, scene: Scene, code: Code, rule: str) -> None:
    """The entry holds the first rule that was broken, and nothing else has changed but number and exchange id."""
    reserved = {name: one.reserved for name, one in ledger.state.evidence.items()}
    logged = scene(ledger)
    assert logged.kind == "exchange.refused"
    assert isinstance(logged.leaf.entry, Refused)
    assert (logged.leaf.entry.reason, logged.leaf.entry.rules) == (code, (rule or code.value,))
    assert reserved.items() <= {name: one.reserved for name, one in ledger.state.evidence.items()}.items()
    assert ledger.replay() == []


LAST_CODE_OF_REFUSALS = Code.SECRECY_RELEASE_MISSING


def test_every_refusal_code_has_a_case() -> None:
    """Each code that a refusal can carry, in the order of the list of codes, is reached by a scene above."""
    codes = list(Code)
    refusals = set(codes[: codes.index(LAST_CODE_OF_REFUSALS) + 1])
    assert refusals <= {code for _, code, _ in REFUSED}


# -- what cuts a field ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("course.state", ""),
        ("person.status", "cut_purpose"),
        ("course.started", "cut_basis"),
        ("cv.school", "cut_purpose"),
        ("course.result", "cut_approval"),
        ("course.advice", "cut_ceiling"),
        ("course.unknown", "cut_purpose"),
    ],
)
def test_each_limit_cuts(ledger: Ledger, field: str, rule: str) -> None:
    """A field passes only purpose, consent, approval, catalogue and ceiling together; the first that cuts is named."""
    asked = tuple(sorted({FieldName("course.state"), FieldName(field)}))
    approved = tuple(map(FieldName, ("course.advice", "course.started", "course.state")))
    ledger.write(changed(ledger.approval("jobcenter", "Z16@1"), fields=approved))
    consent = ledger.consented(fields=tuple(map(FieldName, ("course.advice", "course.result", "course.state"))))
    entry = ledger.asked(consent, fields=asked).leaf.entry
    assert isinstance(entry, Granted)
    assert {cut.field: cut.rule for cut in entry.cut} == ({field: rule} if rule else {})


def test_the_catalogue_cuts(ledger: Ledger) -> None:
    """What the holder cannot deliver is cut with its rule."""
    ledger.write(ledger.catalogue("kurse", ["course.state"]))
    entry = ledger.asked(fields=(FieldName("course.started"), FieldName("course.state"))).leaf.entry
    assert isinstance(entry, Granted)
    assert [(cut.field, cut.rule) for cut in entry.cut] == [("course.started", "cut_catalogue")]


def test_only_the_dpo_opens_the_highest_sensitivity(ledger: Ledger) -> None:
    """With an approval that says 3, a field of sensitivity 3 flows."""
    ledger.write(ledger.approval("jobcenter", "Z16@1", ceiling=3))
    entry = ledger.asked().leaf.entry
    assert isinstance(entry, Granted)
    assert "course.advice" in entry.fields


def test_a_ceiling_of_zero_lets_the_harmless_flow(ledger: Ledger) -> None:
    """Planning gets what has no sensitivity at all, and no more."""
    consent = ledger.consent("beratung", "stadtplan")
    ledger.write(consent)
    entry = ledger.write(ledger.request("stadtplan", "kurse", consent)).leaf.entry
    assert isinstance(entry, Granted)
    assert entry.fields == ("course.started",)
