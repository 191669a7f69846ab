"""Steering, approvals, catalogues, consents and upkeep: what takes effect, and what a hostile signer cannot do."""

from collections.abc import Callable

import pytest

from broker.core import admission
from consent_ledger.core.decision import NotLogged, Submission
from consent_ledger.core.signed import SignedStatement
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName, ConsentId, ExchangeId, FieldName, Norm, Purpose
from schemas.note import SignatureType, Signer, vkey
from schemas.registry import load
from tests.support import keys, small_law
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import DAY, FEDERATION, START, account, changed, seal_key, signer


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _refused(ledger: Ledger, statement: st.Statement) -> NotLogged:
    """Submit what must not be logged: the log is as long as before, and the chain's pen is put back."""
    size, seq, prev = ledger.state.size, ledger.seq, ledger.prev
    refused = ledger.submit(statement)
    assert isinstance(refused, NotLogged), refused
    ledger.seq, ledger.prev = seq, prev
    assert ledger.state.size == size
    return refused


# -- steering -------------------------------------------------------------------------------------------------------


def test_an_agency_cannot_steer(ledger: Ledger) -> None:
    """A steering statement that is signed by no steering group changes nothing, whoever passes it in."""
    leaving = ledger.leaving("amt")
    signed = SignedStatement(ledger.sign(leaving), leaving, AgencyId("jobcenter"))
    refused = admission.decide_steered(ledger.state, signed, START, ledger.registries)
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.NOT_ENTITLED


def test_the_steering_group_says_nothing_for_agencies(ledger: Ledger) -> None:
    """A statement of an agency's kind is no steering statement."""
    head = ledger.agency_head("amt")
    signed = SignedStatement(ledger.sign(head), head, AgencyId("steering"))
    refused = admission.decide_steered(ledger.state, signed, START, ledger.registries)
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.NOT_ENTITLED


@pytest.mark.parametrize("changes", [{"seq": 99}, {"prev": sha256(b"another text")}, {"seq": 1}])
def test_the_chain_has_no_second_branch(ledger: Ledger, changes: dict[str, object]) -> None:
    """Only the statement that continues the chain by number and hash is taken."""
    statement = changed(ledger.leaving("amt"), **changes)
    signed = SignedStatement(ledger.sign(statement), statement, AgencyId("steering"))
    refused = ledger.decide(ledger.state, Submission(signed), START)
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.CHAIN_BROKEN


def test_a_shard_is_opened_first_and_once(ledger: Ledger) -> None:
    """Nothing comes before the opening, and no opening comes later."""
    assert "only the first" in _refused(ledger, ledger.opening()).detail
    fresh = Ledger()
    assert "is the first entry" in _refused(fresh, fresh.registry()).detail


@pytest.mark.parametrize(
    ("vkey", "rule"),
    [
        ("no vkey at all", "vkey"),
        (signer("amt", "statement").key.vkey, "its name must be"),
        (keys.signer(keys.LOG, SignatureType.COSIGNATURE).key.vkey, "type 0x01"),
    ],
)
def test_a_shard_names_its_own_key(vkey: str, rule: str) -> None:
    """The key in the opening is a signing key under the log's name."""
    fresh = Ledger()
    refused = _refused(fresh, changed(fresh.opening(), log_vkey=vkey))
    assert refused.code is Code.MALFORMED
    assert rule in refused.detail


def test_a_registry_must_lie_beside_the_log(ledger: Ledger) -> None:
    """A hash without its bundle cannot be put into force: nobody could decide any more."""
    refused = _refused(ledger, changed(ledger.registry(), registry=sha256(b"lost")))
    assert "beside the log" in refused.detail


def test_a_registry_knows_the_kinds_of_all_members(ledger: Ledger) -> None:
    """A law under which a member would be nothing at all is not put into force."""
    law = load(small_law.bundle(kinds=small_law.KINDS.replace("planning", "statistics"), purposes=_no_planning()))
    ledger.registries[law.hash] = law
    assert "planning" in _refused(ledger, ledger.registry(law)).detail
    ledger.write(ledger.leaving("stadtplan"))
    assert ledger.write(ledger.registry(law)).kind == "registry.set"


def _no_planning() -> str:
    return small_law.PURPOSES.replace(', "planning"', "")


def test_a_text_is_a_draft_until_it_is_approved_and_again_once_that_is_withdrawn(ledger: Ledger) -> None:
    """The state holds exactly the texts approved and not withdrawn; what changes nothing is not logged."""
    text = ("ar", sha256(b"words"))
    assert "changes nothing" in _refused(ledger, ledger.review("withdrawn")).detail
    assert ledger.write(ledger.review("approved")).kind == "text.reviewed"
    assert ledger.state.texts == {text}
    assert "changes nothing" in _refused(ledger, ledger.review("approved")).detail
    ledger.write(ledger.review("approved", b"new words"))
    ledger.write(ledger.review("withdrawn"))
    assert ledger.state.texts == {("ar", sha256(b"new words"))}


def test_a_form_is_approved_for_one_purpose_that_the_law_knows(ledger: Ledger) -> None:
    """A form is no text and a text no form; a purpose that is gone keeps nobody from withdrawing its form."""
    assert "purpose" in _refused(ledger, ledger.review("approved", b"form", "Z99@1")).detail
    ledger.write(ledger.review("approved", b"form", "Z16@1"))
    assert (ledger.state.texts, ledger.state.forms) == (set(), {("ar", sha256(b"form"), "Z16@1")})
    assert "changes nothing" in _refused(ledger, ledger.review("approved", b"form", "Z16@1")).detail
    assert "changes nothing" in _refused(ledger, ledger.review("withdrawn", b"form", "Z18@1")).detail
    assert "changes nothing" in _refused(ledger, ledger.review("withdrawn", b"form")).detail
    ledger.write(ledger.review("approved", b"form"))
    ledger.write(ledger.review("withdrawn", b"form", "Z16@1"))
    assert (ledger.state.texts, ledger.state.forms) == ({("ar", sha256(b"form"))}, set())


Change = Callable[[Ledger], st.Statement]

MEMBERS: dict[str, tuple[Change, str]] = {
    "member already": (lambda ledger: ledger.admission("amt"), "in use"),
    "the steering group's name": (lambda ledger: ledger.admission("steering", "provider"), "reserved"),
    "the log's name": (lambda ledger: ledger.admission("log", "provider"), "reserved"),
    "unknown kind": (lambda ledger: ledger.admission("neu", "no_such_kind"), "kind"),
    "account of another": (
        lambda ledger: changed(ledger.admission("neu", "provider"), account=account("amt")),
        "account",
    ),
    "no commitment": (lambda ledger: changed(ledger.admission("neu", "provider"), commitment=None), "commitment"),
    "never admitted": (lambda ledger: ledger.leaving("niemand"), "no member"),
    "never added": (lambda ledger: ledger.revocation("amt", "statement", 9), "no key"),
    "another agency's name": (lambda ledger: changed(ledger.key("amt", "statement", 2), agency="kurse"), "name"),
    "another role's name": (lambda ledger: changed(ledger.key("amt", "dpo", 2), role="statement"), "name"),
    "another federation's name": (
        lambda ledger: changed(ledger.key("amt", "dpo", 2), name="andere.example/amt/dpo-2"),
        "name",
    ),
    "key of no member": (lambda ledger: ledger.key("niemand", "statement"), "must be a member"),
    "name used before": (
        lambda ledger: changed(ledger.key("amt", "statement"), public=signer("x", "statement").key.vkey),
        "used once",
    ),
    "suite to seal for signing": (lambda ledger: changed(ledger.key("amt", "statement", 2), suite="x25519"), "suite"),
    "suite to sign for sealing": (lambda ledger: changed(ledger.key("amt", "seal", 2), suite="ed25519"), "suite"),
    "suite to cosign for signing": (
        lambda ledger: changed(ledger.key("amt", "statement", 2), suite="mldsa44"),
        "witnesses only",
    ),
    "cosigner by the other algorithm": (
        lambda ledger: changed(ledger.key("amt", "witness", 2), suite="mldsa44"),
        "its type 0x06",
    ),
    "no vkey": (lambda ledger: changed(ledger.key("amt", "statement", 2), public="no vkey at all"), "vkey"),
    "vkey of another": (
        lambda ledger: changed(ledger.key("amt", "statement", 2), public=signer("x", "dpo").key.vkey),
        "its name must",
    ),
    "no base64": (lambda ledger: changed(ledger.key("amt", "seal", 2), public="no base64!"), "base64"),
    "no seal key": (lambda ledger: changed(ledger.key("amt", "seal", 2), public="AAAAAAAAAAAA"), "seal key"),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_members_and_keys_follow_their_rules(ledger: Ledger, case: str) -> None:
    """Each broken rule is named, and nothing is logged."""
    change, rule = MEMBERS[case]
    refused = _refused(ledger, change(ledger))
    assert refused.code is Code.MALFORMED
    assert rule in refused.detail


def test_members_need_a_registry() -> None:
    """Before the law is set nobody can be admitted: there are no kinds."""
    fresh = Ledger()
    fresh.write(fresh.opening())
    assert "kind" in _refused(fresh, fresh.admission("amt")).detail


def test_a_public_body_needs_no_commitment(ledger: Ledger) -> None:
    """Only recipients that are not public must commit themselves (§ 78(1) SGB X)."""
    assert ledger.write(changed(ledger.admission("neu", "jobcentre"), commitment=None)).kind == "member.admitted"


def test_an_agency_that_left_does_not_come_back_under_its_name(ledger: Ledger) -> None:
    """What stands in the log for one agency (keys, consents, approvals) is taken over by no other."""
    ledger.write(ledger.leaving("kurse"))
    assert "was" in _refused(ledger, ledger.admission("kurse")).detail
    again = changed(ledger.admission("kurse-neu", "provider"), account=account("kurse"))
    assert ledger.write(again).kind == "member.admitted"


@pytest.mark.parametrize(
    ("role", "wrong"),
    [("statement", SignatureType.COSIGNATURE), ("dpo", SignatureType.COSIGNATURE), ("witness", SignatureType.ED25519)],
)
def test_a_key_has_the_type_of_its_role(ledger: Ledger, role: st.KeyRole, wrong: SignatureType) -> None:
    """Witnesses cosign with type 0x04, statements are signed with 0x01, and never the other way round."""
    name = f"{FEDERATION}/amt/{role}-2"
    refused = _refused(ledger, changed(ledger.key("amt", role, 2), public=keys.signer(name, wrong).key.vkey))
    assert "type" in refused.detail


def test_no_key_is_used_twice(ledger: Ledger) -> None:
    """Neither another agency's key, nor a revoked one under a new name, nor the log's own."""
    ledger.write(ledger.revocation("amt", "statement"))
    twins: list[tuple[st.KeyRole, Signer]] = [
        ("witness", signer("kurse", "witness")),
        ("statement", signer("amt", "statement")),
        ("statement", keys.log_signer()),
    ]
    for role, pen in twins:
        twin = vkey(f"{FEDERATION}/amt/{role}-2", pen.key.type, pen.key.public)
        assert "in use" in _refused(ledger, changed(ledger.key("amt", role, 2), public=twin)).detail
    sealed = changed(ledger.key("amt", "seal", 2), public=seal_key("kurse").published.public)
    assert "in use" in _refused(ledger, sealed).detail


# -- approvals and catalogues ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": Purpose("Z77@1")}, Code.PURPOSE_UNKNOWN),
        ({"valid_until": START}, Code.STALE),
        ({"valid_until": START + 366 * DAY + 1}, Code.APPROVAL_TOO_LONG),
        ({"conditions": (CodeName("good_weather"),)}, Code.CONDITION_UNKNOWN),
        ({"fields": (FieldName("course.state"), FieldName("person.status"))}, Code.FIELD_UNKNOWN),
    ],
)
def test_an_approval_fits_its_purpose(ledger: Ledger, changes: dict[str, object], code: Code) -> None:
    """Unknown purposes, times past and fields the purpose has not are rejected, and use up the number."""
    logged = ledger.write(changed(ledger.approval("jobcenter", "Z16@1"), **changes))
    assert (logged.kind, logged.reason) == ("statement.rejected", code)


def test_an_approval_on_a_condition(ledger: Ledger) -> None:
    """A purpose's condition and the release in the single case may be demanded, for twelve months at most."""
    demanding = (CodeName("reason_not_from_client"), st.SINGLE_CASE)
    approval = changed(ledger.approval("jobcenter", "Z16@1"), conditions=demanding, valid_until=START + 366 * DAY)
    assert ledger.write(approval).kind == "approval.given"
    assert ledger.state.approvals[approval.approval].to_declare == {"reason_not_from_client"}


def test_a_version_of_a_purpose_never_gets_more_fields(ledger: Ledger) -> None:
    """Fewer fields may come under the old version; more need a new one, for which there is no approval (b.8)."""
    more = load(
        small_law.bundle(purposes=small_law.PURPOSES.replace('"person.status"', '"person.status", "cv.goal"', 1))
    )
    fewer = load(small_law.bundle(purposes=small_law.PURPOSES.replace('"cv.*"', '"cv.goal"', 1)))
    ledger.registries[more.hash], ledger.registries[fewer.hash] = more, fewer
    assert "Z17@1 has got more fields" in _refused(ledger, ledger.registry(more)).detail
    assert ledger.write(ledger.registry(fewer)).kind == "registry.set"


def test_an_approvals_id_is_used_once(ledger: Ledger) -> None:
    """Not even an ended approval's id comes back."""
    approval = ledger.approval("jobcenter", "Z16@1")
    ledger.write(approval)
    ledger.write(ledger.approval_end(approval))
    again = changed(ledger.approval("jobcenter", "Z16@1"), approval=approval.approval)
    assert ledger.write(again).reason == Code.ID_IN_USE


def test_only_the_own_dpo_ends_an_approval(ledger: Ledger) -> None:
    """Another agency's DPO, or an unknown id: rejected, and the approval stays in force."""
    approval = ledger.approval("jobcenter", "Z16@1")
    ledger.write(approval)
    foreign = st.ApprovalEnded(**ledger.head("amt", "dpo"), approval=approval.approval)
    assert ledger.write(foreign).reason == Code.NO_APPROVAL
    unknown = changed(ledger.approval_end(approval), approval="0" * 32)
    assert ledger.write(unknown).reason == Code.NO_APPROVAL
    assert ledger.asked().kind == "exchange.granted"


def test_a_catalogue_names_known_fields(ledger: Ledger) -> None:
    """A field the registry does not define cannot be offered."""
    assert ledger.write(ledger.catalogue("kurse", ["course.shoe_size"])).reason == Code.FIELD_UNKNOWN


# -- consents and given bases ---------------------------------------------------------------------------------------


CONSENTS: list[tuple[dict[str, object], Code]] = [
    ({"purpose": Purpose("Z77@1")}, Code.PURPOSE_UNKNOWN),
    ({"purpose": Purpose("Z08@1")}, Code.PURPOSE_NOT_IN_FORCE),
    ({"expires": START, "not_before": START - 1}, Code.STALE),
    ({"purpose": Purpose("Z03@1"), "fields": (FieldName("person.status"),)}, Code.BASIS_MISMATCH),
    ({"fields": (FieldName("cv.school"),)}, Code.FIELD_UNKNOWN),
    ({"recipient": AgencyId("niemand")}, Code.NOT_A_MEMBER),
    ({"holders": (AgencyId("kurse"), AgencyId("niemand"))}, Code.NOT_A_MEMBER),
    ({"recipient": AgencyId("kurse")}, Code.MISADDRESSED),
    ({"recipient": AgencyId("amt")}, Code.PAIR_NOT_ALLOWED),
    ({"holders": (AgencyId("amt"), AgencyId("kurse"))}, Code.PAIR_NOT_ALLOWED),
    ({"replaces": ConsentId("0" * 32)}, Code.CONSENT_UNKNOWN),
    ({"at": START + DAY}, Code.STALE),
]


@pytest.mark.parametrize(("changes", "code"), CONSENTS)
def test_a_consent_fits_the_law_and_its_parties(ledger: Ledger, changes: dict[str, object], code: Code) -> None:
    """What no request could ever rest on is rejected when it is taken, while the client is still there."""
    logged = ledger.write(changed(ledger.consent("beratung", "jobcenter"), **changes))
    assert (logged.kind, logged.reason) == ("statement.rejected", code)


def test_who_may_sanction_takes_no_consent_for_itself(ledger: Ledger) -> None:
    """The Jobcenter collects no consent to ask the provider; one for counselling it may pass on."""
    assert ledger.write(ledger.consent("jobcenter", "jobcenter")).reason == Code.COLLECTOR_MAY_SANCTION
    assert ledger.write(ledger.consent("amt", "jobcenter")).reason == Code.COLLECTOR_MAY_SANCTION
    assert ledger.write(ledger.consent("jobcenter", "beratung")).kind == "consent.given"


def test_consent_ids_are_used_once(ledger: Ledger) -> None:
    """No second consent, and no given basis, under the id of one that is there."""
    consent = ledger.consented()
    again = changed(ledger.consent("beratung", "jobcenter"), consent=consent.consent)
    assert ledger.write(again).reason == Code.ID_IN_USE
    given = changed(ledger.given("kurse", "jobcenter", "kurse"), given=consent.consent)
    assert ledger.write(given).reason == Code.ID_IN_USE


BASES: list[tuple[dict[str, object], Code]] = [
    ({"purpose": Purpose("Z16@1"), "fields": (FieldName("course.state"),)}, Code.BASIS_MISMATCH),
    ({"norm": Norm("Erika Mustermann")}, Code.BASIS_MISMATCH),
    ({"kind": "cooperation_duty", "notice_date": START + 1}, Code.CONDITION_MISSING),
    ({"recipient": AgencyId("niemand")}, Code.NOT_A_MEMBER),
]


@pytest.mark.parametrize(("changes", "code"), BASES)
def test_a_given_basis_fits_the_law(ledger: Ledger, changes: dict[str, object], code: Code) -> None:
    """Its kind and norm are the purpose's, and a notice was given before it is relied on."""
    logged = ledger.write(changed(ledger.given("kurse", "jobcenter", "kurse"), **changes))
    assert (logged.kind, logged.reason) == ("statement.rejected", code)


def test_a_duty_to_cooperate_is_taken_with_its_notice(ledger: Ledger) -> None:
    """A written notice of yesterday carries it."""
    given = changed(ledger.given("kurse", "jobcenter", "kurse"), kind="cooperation_duty", notice_date=START - DAY)
    assert ledger.write(given).kind == "basis.given"


def _elsewhere(ledger: Ledger, consent: st.ConsentGiven) -> st.ConsentGiven:
    return changed(ledger.consent("kurse", "jobcenter", ["kurse"]), replaces=consent.consent)


def _for_another_purpose(ledger: Ledger, consent: st.ConsentGiven) -> st.ConsentGiven:
    return changed(ledger.consent("beratung", "jobcenter", purpose="Z18@1"), replaces=consent.consent)


def _for_another_recipient(ledger: Ledger, consent: st.ConsentGiven) -> st.ConsentGiven:
    return changed(ledger.consent("beratung", "stadtplan"), replaces=consent.consent)


def _after_a_withdrawal(ledger: Ledger, consent: st.ConsentGiven) -> st.ConsentGiven:
    ledger.write(ledger.client_withdrawal(consent))
    return changed(ledger.consent("beratung", "jobcenter"), replaces=consent.consent)


def _a_second_time(ledger: Ledger, consent: st.ConsentGiven) -> st.ConsentGiven:
    ledger.consented(replaces=consent.consent)
    return changed(ledger.consent("beratung", "jobcenter"), replaces=consent.consent)


def _after_its_last_day(ledger: Ledger, consent: st.ConsentGiven) -> st.ConsentGiven:
    ledger.clock.ms = consent.expires
    return changed(ledger.consent("beratung", "jobcenter"), replaces=consent.consent)


def _of_a_given_basis(ledger: Ledger, _: st.ConsentGiven) -> st.ConsentGiven:
    given = ledger.given("beratung", "jobcenter", "kurse")
    assert ledger.write(given).kind == "basis.given"
    return changed(ledger.consent("beratung", "jobcenter"), replaces=ConsentId(given.given))


@pytest.mark.parametrize(
    ("renewal", "reason"),
    [
        (_elsewhere, Code.NOT_ENTITLED),
        (_for_another_purpose, Code.CONSENT_FOREIGN),
        (_for_another_recipient, Code.CONSENT_FOREIGN),
        (_after_a_withdrawal, Code.CONSENT_WITHDRAWN),
        (_a_second_time, Code.CONSENT_RENEWED),
        (_after_its_last_day, Code.CONSENT_EXPIRED),
        (_of_a_given_basis, Code.CONSENT_UNKNOWN),
    ],
)
def test_what_is_no_renewal_ends_nothing(
    ledger: Ledger, renewal: Callable[[Ledger, st.ConsentGiven], st.ConsentGiven], reason: Code
) -> None:
    """Only the collector's own consent of the same purpose and recipient, while it is valid; else the old one stays."""
    consent = ledger.consented()
    renewed = renewal(ledger, consent)
    before = ledger.state.evidence[consent.consent].withdrawn
    assert ledger.write(renewed).reason == reason
    assert (ledger.state.evidence[consent.consent].withdrawn, renewed.consent in ledger.state.evidence) == (
        before,
        False,
    )
    assert ledger.replay() == []


def test_a_renewal_ends_the_old_consent_and_what_was_open_under_it(ledger: Ledger) -> None:
    """From its index on only the new one is a basis; an answer to what was granted under the old is withheld."""
    old = ledger.consented(uses=2)
    granted = ledger.asked(old)
    new = ledger.consented(replaces=old.consent, uses=2)
    assert ledger.answer(granted).kind == "exchange.withheld"
    assert ledger.asked(old).reason == Code.CONSENT_RENEWED
    assert ledger.asked(new).kind == "exchange.granted"
    assert ledger.replay() == []


@pytest.mark.parametrize("agency", ["beratung", "jobcenter", "kurse"])
def test_every_party_withdraws(ledger: Ledger, agency: str) -> None:
    """Collector, recipient and holder each end a consent at once."""
    consent = ledger.consented()
    assert ledger.write(ledger.withdrawal(agency, consent)).kind == "consent.withdrawn"
    assert ledger.asked(consent).reason == Code.CONSENT_WITHDRAWN


def test_a_stranger_withdraws_nothing(ledger: Ledger) -> None:
    """A foreign withdrawal is rejected and the consent stands; so is one of nothing at all."""
    consent = ledger.consented()
    assert ledger.write(ledger.withdrawal("amt", consent)).reason == Code.NOT_ENTITLED
    unknown = changed(consent, consent=ConsentId("0" * 32))
    assert ledger.write(ledger.withdrawal("beratung", unknown)).reason == Code.CONSENT_UNKNOWN
    given = ledger.given("kurse", "jobcenter", "kurse")
    assert ledger.write(ledger.withdrawal("kurse", given)).reason == Code.GIVEN_UNKNOWN
    ledger.write(given)
    assert ledger.write(ledger.withdrawal("amt", given)).reason == Code.NOT_ENTITLED
    assert ledger.asked(consent).kind == "exchange.granted"
    assert ledger.asked(given).kind == "exchange.granted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"purpose": Purpose("Z77@1")}, Code.PURPOSE_UNKNOWN),
        ({"recipient": AgencyId("erika-mustermann")}, Code.NOT_A_MEMBER),
    ],
)
def test_a_recorded_no_names_a_purpose_and_a_member(ledger: Ledger, changes: dict[str, object], code: str) -> None:
    """What is refused to whom is known to the federation, so that no other word gets into the log."""
    logged = ledger.write(changed(ledger.refusal("beratung", "jobcenter"), **changes))
    assert logged.kind == ("statement.rejected" if code else "consent.refused")
    assert logged.reason == code


# -- upkeep ---------------------------------------------------------------------------------------------------------


def test_an_acknowledgement_names_a_member(ledger: Ledger) -> None:
    """It is delivered to its holder, so there must be one."""
    exchange = ExchangeId("0" * 32)
    assert ledger.write(ledger.acknowledgement("jobcenter", "kurse", [exchange])).kind == "exchange.acknowledged"
    assert ledger.write(ledger.acknowledgement("jobcenter", "niemand", [exchange])).reason == Code.MISADDRESSED


def test_a_head_names_its_own_number(ledger: Ledger) -> None:
    """A head that says another number than its own closes nothing."""
    assert ledger.write(ledger.agency_head("amt")).kind == "agency.head"
    assert ledger.write(changed(ledger.agency_head("amt"), last=99)).reason == Code.MISADDRESSED


def test_a_void_hides_nothing_that_is_logged(ledger: Ledger) -> None:
    """A key may declare its own numbers dead, huge ranges too; what is logged stands, and only its own numbers end."""
    consent = ledger.consented()
    far = 2**53 - 1
    void = changed(ledger.void("beratung", 1, 1), n=far, last=far - 1)
    assert ledger.write(void).kind == "void"
    assert ledger.state.evidence[consent.consent].withdrawn is None
    assert ledger.asked(consent).kind == "exchange.granted"
    counter = ledger.state.counter(consent.key)
    assert (counter.floor, list(counter.gaps())) == (far + 1, [])
