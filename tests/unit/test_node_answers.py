"""Steps 9, 11 and 15: a sealed person opened, an outcome closed, an answer proven and opened; no half-truth passes."""

from dataclasses import dataclass

import pytest

from adapters.node.core.accept import AcceptedGrant, accept
from adapters.node.core.answer import (
    Closed,
    close_disclosure,
    close_unavailable,
    committed_person,
    open_person,
    without_register,
)
from adapters.node.core.compose import Question, Recipient, Seal, person_block, seal_context
from adapters.node.core.open_answer import ProvenAnswer, open_answer, prove_answer, record_context
from adapters.node.core.view import Proven
from schemas import canonical, commitment
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Disclosed, Refused, Unavailable, Withheld
from schemas.errors import Code, Malformed, NotAuthentic
from schemas.ids import AgencyId, CodeName, ConsentId, ExchangeId, FieldName, Hash, Purpose
from schemas.note import from_base64
from schemas.record import ConsentPackage, FieldValues, PersonBlock, Record, SealedPerson, Value
from schemas.seal import load_public, seal
from tests.support.ledger_world import Logged
from tests.support.node_view import Seen, seen
from tests.support.pens import NORM, changed, seal_id, seal_key

PERSON = PersonBlock(family_name="Beispiel", given_names="Bente", birth_date="1991-03-17")
KEY = bytes(range(32))
MASK, K = bytes([1]) * 32, bytes([2]) * 32
VALUES = (FieldValues(field=FieldName("course.state"), values=(Value(value="running"),)),)


def recipient(agency: str) -> Recipient:
    """Give an agency's seal key as the chain has it."""
    published = seal_key(agency).published
    return Recipient(
        AgencyId(agency), "x25519", load_public("x25519", from_base64(published.public, "key")), published.id
    )


@dataclass
class Exchange:
    """A request of the Jobcenter to the provider, up to its accepted grant."""

    found: Seen
    logged: Logged
    package: ConsentPackage
    block: SealedPerson
    sealed: bytes
    grant: AcceptedGrant

    @property
    def grant_entry(self) -> Proven:
        """The grant's entry."""
        return self.found.prove(self.logged.index)


def exchange(block: SealedPerson | None = None) -> Exchange:
    """Let counselling collect, the Jobcenter ask with a block of its own making, and the provider accept."""
    found = seen()
    committed = commitment.commit_person(KEY, PERSON)
    consent = found.ledger.consented(person=committed)
    found.learn(len(found.ledger.leaves) - 1)
    package = ConsentPackage(id=consent.consent, person=PERSON, commitment_key=Hash(KEY.hex()))
    block = block or SealedPerson(package=package)
    request = found.ledger.request("jobcenter", "kurse", consent)
    about = Seal("person", request.exchange, AgencyId("jobcenter"), recipient("kurse"))
    sealed = seal(canonical.encode_model(block), about.to, seal_context(found.view, about, request.fields))
    logged = found.ledger.write(changed(request, person_ct=sha256(sealed)))
    grant = accept(found.prove(logged.index), sealed, found.holding)
    return Exchange(found, logged, package, block, sealed, grant)


def opened(one: Exchange, sealed: bytes | None = None) -> SealedPerson:
    """Open the person block at the provider."""
    openers = {seal_id("kurse"): seal_key("kurse")}
    own = AgencyId("kurse")
    return open_person(one.grant, one.sealed if sealed is None else sealed, openers, one.found.view.log, own)


def test_the_person_is_opened_and_committed() -> None:
    """The holder opens the block and matches on the very person the consent commits to."""
    one = exchange()
    block = opened(one)
    assert block == one.block
    assert committed_person(one.grant, block) == PERSON


def test_a_block_for_another_key_stays_closed() -> None:
    """A block sealed to a key that is not held, or cut short, is not opened."""
    one = exchange()
    with pytest.raises(NotAuthentic):
        opened(one, b"\x02" + bytes(32) + one.sealed[33:])
    with pytest.raises(NotAuthentic):
        opened(one, one.sealed[:-1])


@pytest.mark.parametrize(
    "block",
    [
        SealedPerson(person=PERSON),
        SealedPerson(handle=Hash("a" * 64)),
        SealedPerson(package=ConsentPackage(id=ConsentId("0" * 32), person=PERSON, commitment_key=Hash(KEY.hex()))),
    ],
    ids=["no package", "a handle", "the package of another consent"],
)
def test_under_a_consent_only_its_package_names_the_person(block: SealedPerson) -> None:
    """Without the package of this very consent nobody is matched."""
    one = exchange(block)
    with pytest.raises(NotAuthentic):
        committed_person(one.grant, opened(one))


def test_another_person_than_consented_is_not_matched() -> None:
    """A package with another person does not open the commitment in the ledger."""
    one = exchange()
    other = one.package.model_copy(update={"person": PERSON.model_copy(update={"family_name": "Anders"})})
    with pytest.raises(NotAuthentic):
        committed_person(one.grant, SealedPerson(package=other))


def test_on_a_statute_the_person_comes_as_it_is() -> None:
    """A request on a norm brings the person itself; a package or handle alone is not enough."""
    found = seen()
    request = changed(
        found.ledger.request("jobcenter", "amt", NORM, "Z03@1"), declared=(CodeName("reason_not_from_client"),)
    )
    logged = found.ledger.write(request)
    catalogue = frozenset({FieldName("person.status")})
    holding = found.holding._replace(agency=AgencyId("amt"), catalogue=catalogue)
    grant = accept(found.prove(logged.index), None, holding)
    assert committed_person(grant, SealedPerson(person=PERSON)) == PERSON
    with pytest.raises(NotAuthentic):
        committed_person(grant, SealedPerson(handle=Hash("a" * 64)))


# -- the answer -----------------------------------------------------------------------------------------------------


def closed(one: Exchange, values: tuple[FieldValues, ...] = VALUES) -> Closed:
    """Close a disclosure for the Jobcenter."""
    about = Seal("record", one.grant.request.exchange, AgencyId("kurse"), recipient("jobcenter"))
    context = seal_context(one.found.view, about, one.grant.fields)
    return close_disclosure(one.grant, values, about.to, context, (MASK, K))


def entry_of(one: Exchange, close: Closed, agency: str = "kurse", /, **changes: object) -> Proven:
    """Have the log hold an outcome, as a broker writes it that checks nothing."""
    outcome = st.Outcome(
        **one.found.ledger.head(agency),
        exchange=one.grant.request.exchange,
        grant=one.grant.hash,
        body=close.body_hash,
    )
    shape, kind = (Disclosed, "disclosed") if close.sealed else (Unavailable, "unavailable")
    entry = shape(
        time=one.found.ledger.clock.ms,
        statement=one.found.ledger.sign(changed(outcome, **changes)).decode(),
        k=Hash(close.k.hex()),
        body=close.body,
        grant=one.grant.log_index,
        chain=one.found.view.chain,
    )
    return one.found.forge(f"exchange.{kind}", entry)


def answer(one: Exchange, close: Closed) -> ProvenAnswer:
    """Prove an answer at the requester."""
    return prove_answer(one.grant_entry, entry_of(one, close))


def read(one: Exchange, proven: ProvenAnswer, sealed: bytes) -> Record:
    """Open a record at the requester."""
    return open_answer(proven, sealed, seal_key("jobcenter"), record_context(proven, one.found.view.log, "x25519"))


def test_a_record_is_opened() -> None:
    """What the holder sealed is what the requester reads."""
    one = exchange()
    close = closed(one)
    proven = answer(one, close)
    assert proven.granted == one.grant.fields
    assert read(one, proven, close.sealed).fields == VALUES


def test_not_available_is_proven_like_a_disclosure() -> None:
    """An outcome without a record is an answer, too, and names no field."""
    one = exchange()
    proven = answer(one, close_unavailable(K))
    assert (proven.body.kind, proven.body.fields) == ("unavailable", ())
    with pytest.raises(NotAuthentic):
        read(one, proven, b"")


def test_an_answer_must_belong_to_the_grant() -> None:
    """Two entries that do not belong together prove nothing, whichever of the two is the wrong one."""
    one = exchange()
    true = entry_of(one, closed(one))
    for grant, entry in ((true, true), (one.grant_entry, one.grant_entry)):
        with pytest.raises(NotAuthentic):
            prove_answer(grant, entry)
    other = entry_of(one, closed(one), exchange=ExchangeId("f" * 32))
    with pytest.raises(NotAuthentic, match="another grant"):
        prove_answer(one.grant_entry, other)


def test_a_refused_request_has_no_answer() -> None:
    """The entry of a refusal embeds a request as a grant does, and is none."""
    one = exchange()
    ledger = one.found.ledger
    refused = ledger.write(ledger.request("jobcenter", "kurse", NORM, "Z16@1"))
    assert isinstance(refused.leaf.entry, Refused)
    with pytest.raises(NotAuthentic, match="the grant is none"):
        prove_answer(one.found.prove(refused.index), entry_of(one, closed(one)))


def test_what_was_withheld_is_no_answer() -> None:
    """The entry of a withheld outcome embeds the holder's statement as a disclosure does, and gives nothing."""
    one = exchange()
    note = entry_of(one, closed(one)).leaf.entry.statement
    withheld = Withheld(
        time=one.found.ledger.clock.ms, statement=note, grant=one.grant.log_index, reason=Code.CONSENT_WITHDRAWN
    )
    with pytest.raises(NotAuthentic, match="no answer"):
        prove_answer(one.grant_entry, one.found.forge("exchange.withheld", withheld))


def test_only_the_holder_answers() -> None:
    """An outcome that another agency signed is not the holder's, whatever the log says."""
    one = exchange()
    with pytest.raises(NotAuthentic, match="not the holder's"):
        prove_answer(one.grant_entry, entry_of(one, closed(one), "amt"))


def test_the_body_must_be_the_one_the_holder_closed() -> None:
    """A body beside a statement that commits to another is refused."""
    one = exchange()
    with pytest.raises(NotAuthentic, match="body"):
        prove_answer(one.grant_entry, entry_of(one, closed(one), body=Hash("0" * 64)))


def test_no_grant_goes_beyond_the_question() -> None:
    """A grant of a field that nobody asked for is no grant of this request."""
    one = exchange()
    wide = one.found.granted(one.logged, fields=(*one.grant.fields, FieldName("course.zzz")))
    with pytest.raises(NotAuthentic, match="not asked for"):
        prove_answer(wide, entry_of(one, closed(one)))


def test_an_answer_with_one_field_too_many_is_refused() -> None:
    """Neither in the ledger's body nor in the sealed record may a field stand that was not granted."""
    one = exchange()
    close = closed(one)
    body = changed(close.body, fields=(*close.body.fields, FieldName("course.zzz")))
    wide = close._replace(body=body, body_hash=commitment.commit_body(K, body))
    with pytest.raises(NotAuthentic, match="field that was not granted"):
        answer(one, wide)
    more = (*VALUES, FieldValues(field=FieldName("cv.school"), values=()))
    secret = closed(one, more)
    with pytest.raises(NotAuthentic, match="field that was not granted"):
        read(one, answer(one, secret), secret.sealed)


def test_other_bytes_than_the_ledger_names_are_refused() -> None:
    """The sealed record must have the hash that stands in the ledger."""
    one = exchange()
    close = closed(one)
    with pytest.raises(NotAuthentic, match="not the one the ledger names"):
        read(one, answer(one, close), close.sealed + b"!")


def test_a_record_must_fit_its_commitment_and_its_exchange() -> None:
    """A record under another mask than committed to, or of another exchange, is refused."""
    one = exchange()
    close = closed(one)
    body = changed(close.body, commitment=Hash("0" * 64))
    wrong = close._replace(body=body, body_hash=commitment.commit_body(K, body))
    with pytest.raises(NotAuthentic, match="record"):
        read(one, answer(one, wrong), close.sealed)
    about = Seal("record", one.grant.request.exchange, AgencyId("kurse"), recipient("jobcenter"))
    strange = Record(exchange=ExchangeId("e" * 32), fields=VALUES, mask=Hash(MASK.hex()))
    sealed = seal(canonical.encode_model(strange), about.to, seal_context(one.found.view, about, one.grant.fields))
    body = changed(close.body, ct=sha256(sealed))
    moved = Closed(body, K, commitment.commit_body(K, body), sealed)
    with pytest.raises(NotAuthentic, match="another exchange"):
        read(one, answer(one, moved), sealed)


def test_a_record_out_of_form_is_refused() -> None:
    """What opens and is no record is malformed."""
    one = exchange()
    about = Seal("record", one.grant.request.exchange, AgencyId("kurse"), recipient("jobcenter"))
    sealed = seal(canonical.encode_model(PERSON), about.to, seal_context(one.found.view, about, one.grant.fields))
    close = closed(one)
    body = changed(close.body, ct=sha256(sealed))
    with pytest.raises(Malformed):
        read(one, answer(one, Closed(body, K, commitment.commit_body(K, body), sealed)), sealed)


def test_the_block_names_the_person_in_the_shortest_way() -> None:
    """The handle where there is one, else the package, else the person, which a statute needs."""
    handle, offer = Hash("a" * 64), Hash("b" * 64)
    package = exchange().package
    asked = Question(Purpose("Z16@1"), AgencyId("kurse"), CodeName("adviser"), "staff-1", person=PERSON, case_ref="A-1")
    assert person_block(asked, package, handle, None) == SealedPerson(handle=handle, case="A-1")
    assert person_block(asked, package, None, offer) == SealedPerson(package=package, offer=offer, case="A-1")
    assert person_block(asked, None, None, None) == SealedPerson(person=PERSON, case="A-1")


def test_what_comes_from_the_register_goes_to_the_immigration_office_alone() -> None:
    """A value of the AZR is dropped for everybody else, the field stays; what the agency knows itself travels (V12)."""
    own, register = Value(value="running"), Value(value="ended", origin="azr")
    field = FieldName("course.state")
    values = (FieldValues(field=field, values=(own, register)), FieldValues(field=field, values=(register,)))
    assert without_register(values, CodeName("auslaenderbehoerde")) == values
    kept = without_register(values, CodeName("jobcenter"))
    assert kept == (FieldValues(field=field, values=(own,)), FieldValues(field=field, values=()))
