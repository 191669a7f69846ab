"""Steps 1 and 2 at the requester: what the law presets, and what a question lacks before anything is signed."""

from typing import Literal

import pytest

from adapters.node.core.compose import Question, Seal, draft, lawbook, person_block, recipient, seal_context
from adapters.node.core.taking import Given, Taken, about, check_asked_again, check_given, check_renewal, check_taken
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, FieldName, GivenId, Norm, Purpose
from schemas.record import PersonBlock
from schemas.seal import fields_hash
from tests.support import examples
from tests.support.node_view import Seen, seen
from tests.support.pens import DAY, NORM, START, seal_id
from tests.support.small_law import LAW

PERSON = PersonBlock(family_name="Beispiel", given_names="Bente", birth_date="1991-03-17")
CONSENT, GIVEN = ConsentId("c" * 32), GivenId("d" * 32)


ASKED = Question(Purpose("Z16@1"), AgencyId("kurse"), CodeName("adviser"), "staff-1")


def test_the_law_presets_what_was_left_out() -> None:
    """Without fields all of the purpose are asked; each kind of basis is named with its evidence."""
    found = seen()
    consent = found.ledger.consent("beratung", "jobcenter")
    drafted = draft(ASKED._replace(consent=consent.consent), consent, found.view)
    assert drafted.fields == tuple(sorted(LAW.purposes[Purpose("Z16@1")].fields))
    assert drafted.basis == st.Basis(kind="consent", consent=consent.consent)
    given = found.ledger.given("beratung", "jobcenter", "kurse")
    asked = ASKED._replace(purpose=Purpose("Z23@1"), fields=(FieldName("course.state"),) * 2, given=given.given)
    drafted = draft(asked, given, found.view)
    assert drafted.fields == ("course.state",)
    assert drafted.basis == st.Basis(kind="client_request", given=given.given)
    drafted = draft(ASKED._replace(purpose=Purpose("Z03@1"), holder=AgencyId("amt"), norm=NORM), None, found.view)
    assert drafted.basis == st.Basis(kind="statute", norm=NORM)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (ASKED._replace(purpose=Purpose("Z99@1"), norm=NORM), Code.PURPOSE_UNKNOWN),
        (ASKED._replace(fields=(FieldName("no.such"),), norm=NORM), Code.FIELD_UNKNOWN),
        (ASKED._replace(holder=AgencyId("nobody"), norm=NORM), Code.NOT_A_MEMBER),
        (ASKED, Code.BASIS_MISMATCH),
        (ASKED._replace(consent=CONSENT, norm=NORM), Code.BASIS_MISMATCH),
        (ASKED._replace(given=GIVEN), Code.BASIS_MISMATCH),
    ],
    ids=["purpose", "field", "holder", "no basis", "two bases", "other kind of basis"],
)
def test_a_question_that_lacks_something_is_refused(asked: Question, code: Code) -> None:
    """Misuse names the rule before anything is signed or numbered."""
    found = seen()
    with pytest.raises(Misuse) as refused:
        draft(asked, found.ledger.consent("beratung", "jobcenter"), found.view)
    assert refused.value.code is code


def test_without_a_law_nothing_is_asked() -> None:
    """Before the registry's bundle is held no question can be made."""
    found = Seen()
    with pytest.raises(Misuse):
        lawbook(found.view)


def test_a_holder_without_a_seal_key_cannot_be_asked() -> None:
    """There must be a key in the chain that the person can be sealed to."""
    found = seen()
    to = recipient(AgencyId("kurse"), found.view)
    assert (to.key, to.suite) == (seal_id("kurse"), "x25519")
    found.learn(found.ledger.write(found.ledger.revocation("kurse", "seal")).index)
    with pytest.raises(Misuse) as refused:
        recipient(AgencyId("kurse"), found.view)
    assert refused.value.code is Code.KEY_NOT_IN_FORCE


def test_a_seal_is_bound_to_log_parties_and_fields() -> None:
    """The context names all that must not be exchanged for something else."""
    found = seen()
    to = recipient(AgencyId("kurse"), found.view)
    fields = (FieldName("course.state"),)
    context = seal_context(found.view, Seal("person", "e" * 32, AgencyId("jobcenter"), to), fields)
    assert (context.origin, context.role, context.exchange) == (found.view.log, "person", "e" * 32)
    assert (context.sender, context.recipient, context.key) == ("jobcenter", "kurse", to.key)
    assert context.fields_hash == fields_hash(fields)


def test_a_statute_needs_the_person() -> None:
    """A request on a norm without a person is refused before anything is sealed."""
    with pytest.raises(Misuse):
        person_block(ASKED._replace(norm=NORM), None, None, None)


# -- consents as they are taken -------------------------------------------------------------------------------------


TAKEN = Taken(
    purpose=Purpose("Z16@1"),
    recipient=AgencyId("jobcenter"),
    holders=(AgencyId("kurse"),),
    fields=(FieldName("course.state"),),
    person=PERSON,
    expires=START + DAY,
    uses=1,
    text_sha256=sha256(b"text"),
    language="ar",
    medium="screen",
    capacity="own",
    secrecy_release=False,
    interpreter="none",
    understood="first",
    staff="staff-7",
    role=CodeName("adviser"),
)


def test_a_lawful_consent_passes() -> None:
    """What the log would take passes the check."""
    check_taken(TAKEN, AgencyId("beratung"), seen().view, START)


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        (TAKEN._replace(purpose=Purpose("Z99@1")), Code.PURPOSE_UNKNOWN),
        (TAKEN._replace(purpose=Purpose("Z03@1")), Code.BASIS_MISMATCH),
        (TAKEN._replace(fields=()), Code.FIELD_UNKNOWN),
        (TAKEN._replace(fields=(FieldName("cv.school"),)), Code.FIELD_UNKNOWN),
        (TAKEN._replace(expires=START), Code.STALE),
        (TAKEN._replace(holders=()), Code.MISADDRESSED),
        (TAKEN._replace(holders=(AgencyId("jobcenter"),)), Code.MISADDRESSED),
        (TAKEN._replace(holders=(AgencyId("nobody"),)), Code.NOT_A_MEMBER),
        (TAKEN._replace(holders=(AgencyId("amt"),)), Code.PAIR_NOT_ALLOWED),
        (TAKEN._replace(recipient=AgencyId("amt")), Code.PAIR_NOT_ALLOWED),
    ],
)
def test_a_consent_that_breaks_a_rule_is_not_signed(taken: Taken, code: Code) -> None:
    """Each slip is named by its rule, so that it costs no number."""
    with pytest.raises(Misuse) as refused:
        check_taken(taken, AgencyId("beratung"), seen().view, START)
    assert refused.value.code is code


def test_a_purpose_out_of_force_is_not_signed() -> None:
    """A consent is taken only while its purpose is in force."""
    with pytest.raises(Misuse) as refused:
        check_taken(TAKEN, AgencyId("beratung"), seen().view, 0)
    assert refused.value.code is Code.PURPOSE_NOT_IN_FORCE


def test_who_could_sanction_does_not_collect() -> None:
    """For a recipient that must get consents from elsewhere, an agency with power to sanction takes none."""
    with pytest.raises(Misuse) as refused:
        check_taken(TAKEN, AgencyId("jobcenter"), seen().view, START)
    assert refused.value.code is Code.COLLECTOR_MAY_SANCTION


def test_a_no_holds_for_ninety_days_unless_the_client_wishes() -> None:
    """To the very millisecond; who never said no is asked."""
    assert about(TAKEN) == (TAKEN.person, TAKEN.purpose, TAKEN.recipient)
    check_asked_again(None, START, wished=False)
    check_asked_again(START, START + 90 * DAY, wished=False)
    check_asked_again(START, START, wished=True)
    with pytest.raises(Misuse) as refused:
        check_asked_again(START, START + 90 * DAY - 1, wished=False)
    assert refused.value.code is Code.ASKED_TOO_SOON


def test_a_renewal_is_of_the_same_person_purpose_and_recipient_while_it_is_valid() -> None:
    """Anything else is a new consent."""
    old = examples.STATEMENTS["consent.given"]
    assert isinstance(old, st.ConsentGiven)
    same = TAKEN._replace(purpose=old.purpose, recipient=old.recipient)
    check_renewal(same, old, PERSON, old.expires - 1)
    given = examples.STATEMENTS["basis.given"]
    assert isinstance(given, st.BasisGiven)
    for renewal, of, person, at, code in (
        (same._replace(purpose=Purpose("Z99@1")), old, PERSON, old.expires - 1, Code.CONSENT_FOREIGN),
        (same._replace(recipient=AgencyId("fort")), old, PERSON, old.expires - 1, Code.CONSENT_FOREIGN),
        (same, old, PERSON.model_copy(update={"given_names": "Andere"}), old.expires - 1, Code.CONSENT_FOREIGN),
        (same, given, PERSON, old.expires - 1, Code.CONSENT_FOREIGN),
        (same, old, PERSON, old.expires, Code.CONSENT_EXPIRED),
    ):
        with pytest.raises(Misuse) as refused:
            check_renewal(renewal, of, person, at)
        assert refused.value.code is code


@pytest.mark.parametrize(("capacity", "guardian"), [("own", "carer"), ("guardian", None)])
def test_who_consents_for_a_client_is_said_and_only_then(
    capacity: Literal["own", "guardian"], guardian: Literal["carer"] | None
) -> None:
    """A kind of guardian belongs to a consent that a guardian gave, and to no other."""
    with pytest.raises(Misuse, match="in the client's place") as refused:
        check_taken(TAKEN._replace(capacity=capacity, guardian=guardian), AgencyId("beratung"), seen().view, START)
    assert refused.value.code is Code.CONDITION_MISSING


@pytest.mark.parametrize(
    ("born", "capacity", "passes"),
    [
        ("2011-11-20", "own", True),
        ("2011-11-21", "own", False),
        ("2011-11-21", "guardian", True),
        ("2011", "own", True),
        ("2012", "own", False),
        ("2012-03", "own", False),
        (None, "own", True),
    ],
)
def test_for_a_child_a_guardian_consents(
    born: str | None, capacity: Literal["own", "guardian"], *, passes: bool
) -> None:
    """From the day a person is 15 they consent for themself; where the date is not known, the collector knows (V08)."""
    person = PERSON.model_copy(update={"birth_date": born})
    taken = TAKEN._replace(person=person, capacity=capacity, guardian="parent" if capacity == "guardian" else None)
    if passes:
        check_taken(taken, AgencyId("beratung"), seen().view, START)
        return
    with pytest.raises(Misuse, match="guardian") as refused:
        check_taken(taken, AgencyId("beratung"), seen().view, START)
    assert refused.value.code is Code.CONDITION_MISSING


# -- given bases ----------------------------------------------------------------------------------------------------


OWED = Given(
    kind="cooperation_duty",
    purpose=Purpose("Z23@1"),
    recipient=AgencyId("jobcenter"),
    holders=(AgencyId("kurse"),),
    fields=(FieldName("course.state"),),
    person=PERSON,
    expires=START + DAY,
    uses=2,
    norm=Norm("SGB X § 67"),
    notice_date=START - DAY,
)
ASKED_FOR = OWED._replace(kind="client_request", uses=1, notice_date=None)


@pytest.mark.parametrize("given", [OWED, ASKED_FOR])
def test_a_lawful_given_basis_passes(given: Given) -> None:
    """A duty after its notice for several uses, a request of the client for one."""
    check_given(given, seen().view, START)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (OWED._replace(purpose=Purpose("Z16@1")), Code.BASIS_MISMATCH),
        (OWED._replace(norm=Norm("SGB I § 1")), Code.BASIS_MISMATCH),
        (OWED._replace(notice_date=None), Code.CONDITION_MISSING),
        (OWED._replace(notice_date=START + DAY), Code.CONDITION_MISSING),
        (ASKED_FOR._replace(uses=2), Code.MALFORMED),
        (ASKED_FOR._replace(holders=(AgencyId("kurse"), AgencyId("beratung"))), Code.MALFORMED),
        (OWED._replace(expires=START), Code.STALE),
        (OWED._replace(recipient=AgencyId("beratung")), Code.PAIR_NOT_ALLOWED),
    ],
)
def test_a_given_basis_that_breaks_a_rule_is_not_signed(given: Given, code: Code) -> None:
    """Each slip is named by its rule; what is owed needs its written notice before (§ 66(3) SGB I)."""
    with pytest.raises(Misuse) as refused:
        check_given(given, seen().view, START)
    assert refused.value.code is code
