"""Steps 1 and 2: from a caseworker's question to a request statement and its sealed person; all inputs are arguments."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from adapters.node.core.view import View
from schemas import statements as st
from schemas.errors import Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, FieldName, GivenId, Hash, KeyId, Norm, Purpose
from schemas.note import from_base64
from schemas.record import ConsentPackage, PersonBlock, SealedPerson
from schemas.registry import PurposeRule, Registry
from schemas.seal import SealContext, SealPublic, SealRole, SealSuite, fields_hash, load_public

REQUEST_LIFE_MS: Final = 120_000
"""How long a request may be admitted after it was signed."""


class Question(NamedTuple):
    """What a caseworker asks: purpose and holder; fields empty means all the purpose allows.

    Exactly one of `consent`, `given` and `norm` is the basis. `person` is only needed on a statute.
    """

    purpose: Purpose
    holder: AgencyId
    role: CodeName
    staff: str
    fields: tuple[FieldName, ...] = ()
    consent: ConsentId | None = None
    given: GivenId | None = None
    norm: Norm | None = None
    declared: tuple[CodeName, ...] = ()
    person: PersonBlock | None = None
    case_ref: str | None = None
    view_code_hash: Hash | None = None


class Recipient(NamedTuple):
    """Another agency's seal key from a proven `key.added` entry, loaded once; satisfies `schemas.seal.SealTo`."""

    agency: AgencyId
    suite: SealSuite
    public: SealPublic
    key: KeyId


class Drafted(NamedTuple):
    """A question made concrete with the registry: the law's row, the fields asked, the basis."""

    rule: PurposeRule
    registry: Registry
    fields: tuple[FieldName, ...]
    basis: st.Basis


def draft(question: Question, view: View) -> Drafted:
    """Preset what the law presets; Misuse names what a question lacks before anything is signed."""
    registry = view.registry()
    if registry is None:
        message = "registry: no bundle in force is held"
        raise Misuse(message)
    rule = registry.purposes.get(question.purpose)
    if rule is None:
        message = f"purpose: {question.purpose} is not in the registry"
        raise Misuse(message)
    unknown = sorted(set(question.fields) - registry.fields.keys())
    if unknown:
        message = f"fields: {unknown[0]} is not in the registry"
        raise Misuse(message)
    if question.holder not in view.state.members:
        message = f"holder: {question.holder} is no member of the federation"
        raise Misuse(message)
    kinds = [(question.consent, "consent"), (question.given, "given"), (question.norm, "statute")]
    named = [kind for evidence, kind in kinds if evidence is not None]
    if len(named) != 1:
        message = "basis: exactly one of consent, given and norm must be named"
        raise Misuse(message)
    return Drafted(rule, registry, tuple(sorted(question.fields or rule.fields)), _basis(question, rule))


def _basis(question: Question, rule: PurposeRule) -> st.Basis:
    if question.consent is not None:
        return st.Basis(kind="consent", consent=question.consent)
    if question.norm is not None:
        return st.Basis(kind="statute", norm=question.norm)
    kind = next((kind for kind in rule.row.basis if kind in {"client_request", "cooperation_duty"}), "client_request")
    return st.Basis(kind=kind, given=question.given)


def recipient(agency: AgencyId, view: View) -> Recipient:
    """Load an agency's newest seal key; Misuse when the chain names none."""
    key = view.seal_key_of(agency)
    if key is None or key.suite == "ed25519":
        message = f"seal key: the chain names none of {agency}"
        raise Misuse(message)
    return Recipient(agency, key.suite, load_public(key.suite, from_base64(key.public, "seal key")), key.id)


def seal_context(view: View, role: SealRole, name: str, sender: AgencyId, to: Recipient, fields: Iterable[FieldName]) -> SealContext:
    """Build the context of a seal for another agency; `name` is the exchange's id, or the consent's."""
    return SealContext(
        origin=view.log,
        role=role,
        exchange=name,
        sender=sender,
        recipient=to.agency,
        key=to.key,
        suite=to.suite,
        fields_hash=fields_hash(tuple(fields)),
    )


def person_block(question: Question, package: ConsentPackage | None, handle: Hash | None, offer: Hash | None) -> SealedPerson:
    """Choose what the holder is told of the person: the pair handle where there is one, else the package or the block."""
    if handle is not None:
        return SealedPerson(handle=handle, case=question.case_ref)
    if package is not None:
        return SealedPerson(package=package, offer=offer, case=question.case_ref)
    if question.person is None:
        message = "person: a request on a statute needs the person"
        raise Misuse(message)
    return SealedPerson(person=question.person, offer=offer, case=question.case_ref)
