"""Steps 1 and 2: from a caseworker's question to a request statement and its sealed person."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from adapters.node.core.view import View
from schemas import statements as st
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, ExchangeId, FieldName, GivenId, Hash, KeyId, Norm, Purpose
from schemas.note import from_base64
from schemas.record import ConsentPackage, PersonBlock, SealedPerson
from schemas.registry import PurposeRule, Registry
from schemas.seal import SealContext, SealPublic, SealRole, SealSuite, fields_hash, load_public, seals

REQUEST_LIFE_MS: Final = 120_000
"""How long a request may be admitted after it was signed."""


class Question(NamedTuple):
    """What a caseworker asks: purpose and holder; fields empty means all the purpose allows.

    Exactly one of `consent`, `given` and `norm` is the basis. `person` is only needed on a statute. `exchange` is an id
    that was drawn and kept beforehand; without it the request gets a fresh one.
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
    exchange: ExchangeId | None = None


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


class Seal(NamedTuple):
    """Between whom a seal is, what it holds (`role`), and the id it is bound to: the exchange's, or the consent's."""

    role: SealRole
    name: str
    sender: AgencyId
    to: Recipient


def draft(question: Question, held: st.ConsentGiven | st.BasisGiven | None, view: View) -> Drafted:
    """Preset what the law presets; Misuse names what a question lacks before anything is signed.

    `held` is the consent or given basis the question names, as it was logged.
    """
    registry = lawbook(view)
    rule = purpose_rule(question.purpose, registry)
    if not set(question.fields) <= registry.fields.keys():
        message = "fields: the registry does not know one of them"
        raise Misuse(message, code=Code.FIELD_UNKNOWN)
    if question.holder not in view.state.members:
        message = "holder: is no member of the federation"
        raise Misuse(message, code=Code.NOT_A_MEMBER)
    return Drafted(rule, registry, tuple(sorted(set(question.fields) or rule.fields)), _basis(question, held))


def lawbook(view: View) -> Registry:
    """Give the registry in force; Misuse while no bundle is held."""
    registry = view.registry()
    if registry is None:
        message = "registry: no bundle in force is held"
        raise Misuse(message)
    return registry


def purpose_rule(purpose: Purpose, registry: Registry) -> PurposeRule:
    """Give the law's row of a purpose; Misuse when the registry has none."""
    rule = registry.purposes.get(purpose)
    if rule is None:
        message = "purpose: is not in the registry"
        raise Misuse(message, code=Code.PURPOSE_UNKNOWN)
    return rule


def _basis(question: Question, held: st.ConsentGiven | st.BasisGiven | None) -> st.Basis:
    if [question.consent, question.given, question.norm].count(None) != 2:  # noqa: PLR2004 - one of the three is named
        message = "basis: exactly one of consent, given and norm must be named"
        raise Misuse(message, code=Code.BASIS_MISMATCH)
    if question.norm is not None:
        return st.Basis(kind="statute", norm=question.norm)
    if isinstance(held, st.BasisGiven) and question.given is not None:
        return st.Basis(kind=held.kind, given=question.given)
    if isinstance(held, st.ConsentGiven) and question.consent is not None:
        return st.Basis(kind="consent", consent=question.consent)
    message = "basis: the id names another kind of basis than the question says"
    raise Misuse(message, code=Code.BASIS_MISMATCH)


def recipient(agency: AgencyId, view: View) -> Recipient:
    """Load an agency's newest seal key; Misuse when the chain names none."""
    key = view.seal_key_of(agency)
    if key is None or not seals(key.suite):
        message = "seal key: the chain names none of this agency"
        raise Misuse(message, code=Code.KEY_NOT_IN_FORCE)
    return Recipient(agency, key.suite, load_public(key.suite, from_base64(key.public, "seal key")), key.id)


def seal_context(view: View, about: Seal, fields: Iterable[FieldName]) -> SealContext:
    """Build the context of a seal for another agency over these fields."""
    return SealContext(
        origin=view.log,
        role=about.role,
        exchange=about.name,
        sender=about.sender,
        recipient=about.to.agency,
        key=about.to.key,
        suite=about.to.suite,
        fields_hash=fields_hash(tuple(fields)),
    )


def person_block(
    question: Question, package: ConsentPackage | None, handle: Hash | None, offer: Hash | None
) -> SealedPerson:
    """Choose what the holder is told of the person: the handle where there is one, else the package, else the block.

    `offer` proposes a handle for later contacts.
    """
    if handle is not None:
        return SealedPerson(handle=handle, case=question.case_ref)
    if package is not None:
        return SealedPerson(package=package, offer=offer, case=question.case_ref)
    if question.person is None:
        message = "person: a request on a statute needs the person"
        raise Misuse(message, code=Code.MALFORMED)
    return SealedPerson(person=question.person, offer=offer, case=question.case_ref)
