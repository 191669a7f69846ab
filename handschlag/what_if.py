"""What would be decided: a question between two kinds of agencies, put to the law by the broker's own pure function.

What is not said is supposed to be in order: the approval covers the whole purpose, the holder keeps every field, and
the consent or given basis is valid and covers what is asked.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from broker.core.standing import Case, Denial, Kinds, lawful
from consent_ledger.core.approval import Approval
from consent_ledger.core.evidence import Evidence
from consent_ledger.core.state import LedgerState, Member
from schemas import statements as st
from schemas.calendar import DAY_MS
from schemas.errors import Misuse
from schemas.explain import Judged, Matter, refused
from schemas.ids import (
    AgencyId,
    CodeName,
    ConsentId,
    ExchangeId,
    FieldName,
    GivenId,
    Hash,
    KeyId,
    KeyName,
    LogId,
    NatsAccount,
    Norm,
    Purpose,
)
from schemas.registry import AgencyKind, BasisKind, Registry
from schemas.wire import Wire

BasisState = Literal["given", "unknown", "foreign", "withdrawn", "renewed", "expired", "not_yet", "used_up"]
"""What has become of a consent or given basis; `foreign` is one for another agency."""
ApprovalState = Literal["given", "none", "over"]
"""What has become of the officer's approval."""

_LOG: Final = LogId("what-if/log/1")
_ASKS, _HOLDS, _TAKES, _OTHER = map(AgencyId, ("requester", "holder", "collector", "another"))
_ROLE: Final = CodeName("adviser")
_ID: Final = "0" * 32
_HASH: Final = Hash("0" * 64)


class Supposed(Wire):
    """A question, and how things stand when it is asked; None means all that is asked, or all of the purpose."""

    requester: CodeName
    holder: CodeName
    purpose: Purpose
    basis: BasisKind
    at_ms: int
    fields: tuple[FieldName, ...] = ()
    declared: tuple[CodeName, ...] = ()
    collector: CodeName | None = None
    basis_state: BasisState = "given"
    covered: tuple[FieldName, ...] | None = None
    secrecy_release: bool = False
    approval: ApprovalState = "given"
    approved: tuple[FieldName, ...] | None = None
    conditions: tuple[CodeName, ...] = ()
    ceiling: Annotated[int, Field(ge=0, le=3)] = 2
    held: tuple[FieldName, ...] | None = None


def suppose(one: Supposed, law: Registry) -> tuple[Judged, Matter]:
    """Decide a supposed question; Misuse where it names a kind or field the registry does not have."""
    kinds = Kinds(_kind(one.requester, law), _kind(one.holder, law))
    unknown = {*one.fields, *(one.covered or ()), *(one.approved or ()), *(one.held or ())} - law.fields.keys()
    if unknown:
        message = f"field: {min(unknown)} is not in the registry"
        raise Misuse(message)
    request = _request(one, law)
    stands = lawful(Case(_state(one, request, law), law, request, _ASKS, one.at_ms), kinds)
    if isinstance(stands, Denial):
        told = refused(stands.code, (stands.rule,))
    else:
        told = Judged(allowed=stands.rules, cut=stands.fields.cut, fields=stands.fields.granted)
    return told, Matter(kinds.requester.label, kinds.holder.label, one.purpose, request.fields, law)


def _kind(name: CodeName, law: Registry) -> AgencyKind:
    kind = law.kinds.get(name)
    if kind is None:
        message = f"kind: {name} is not in the registry, which has {', '.join(sorted(law.kinds))}"
        raise Misuse(message)
    return kind


def _request(one: Supposed, law: Registry) -> st.Request:
    rule = law.purposes.get(one.purpose)
    norm = Norm("no norm") if rule is None else rule.row.norm[0]
    preset = sorted(law.fields) if rule is None or not rule.fields else sorted(rule.fields)
    bases = {
        "statute": st.Basis(kind="statute", norm=norm),
        "consent": st.Basis(kind="consent", consent=ConsentId(_ID)),
        "client_request": st.Basis(kind="client_request", given=GivenId(_ID)),
        "cooperation_duty": st.Basis(kind="cooperation_duty", given=GivenId(_ID)),
    }
    return st.Request(
        log=_LOG,
        key=KeyName("what-if/requester/statement-1"),
        n=1,
        at=one.at_ms,
        exchange=ExchangeId(_ID),
        staff=_HASH,
        role=_ROLE,
        purpose=one.purpose,
        holder=_HOLDS,
        fields=tuple(sorted(set(one.fields))) or tuple(preset),
        basis=bases[one.basis],
        declared=tuple(sorted(set(one.declared))),
        registry=law.hash,
        person_ct=_HASH,
        seal_key=KeyId(_HASH),
        answer_by=one.at_ms + 1,
        exp=one.at_ms + 1,
    )


def _state(one: Supposed, request: st.Request, law: Registry) -> LedgerState:
    """Make the state of a log in which things stand as supposed."""
    collector = one.holder if one.collector is None else _kind(one.collector, law).name
    kinds = {_ASKS: one.requester, _HOLDS: one.holder, _TAKES: collector}
    state = LedgerState(
        _LOG,
        members={name: Member(name, kind, NatsAccount("A" * 56), 0) for name, kind in kinds.items()},
        catalogues={_HOLDS: frozenset(law.fields if one.held is None else one.held)},
    )
    if one.approval != "none":
        state.approved[_ASKS, one.purpose, _ROLE] = Approval(
            index=0,
            agency=_ASKS,
            role=_ROLE,
            purpose=one.purpose,
            fields=frozenset(law.fields if one.approved is None else one.approved),
            valid_until=one.at_ms + (DAY_MS if one.approval == "given" else 0),
            ceiling=one.ceiling,
            automatic=False,
            conditions=frozenset(one.conditions),
        )
    if one.basis != "statute" and one.basis_state != "unknown":
        state.evidence[ConsentId(_ID)] = _evidence(one, request)
    return state


def _evidence(one: Supposed, request: st.Request) -> Evidence:
    return Evidence(
        index=0,
        kind=one.basis,
        collector=_TAKES,
        recipient=_OTHER if one.basis_state == "foreign" else _ASKS,
        holders=(_HOLDS,),
        purpose=one.purpose,
        fields=frozenset(request.fields if one.covered is None else one.covered),
        not_before=one.at_ms + 1 if one.basis_state == "not_yet" else 0,
        expires=one.at_ms if one.basis_state == "expired" else one.at_ms + DAY_MS,
        uses=0 if one.basis_state == "used_up" else 1,
        person=_HASH,
        secrecy_release=one.secrecy_release,
        view=b"",
        withdraw=b"",
        withdrawn=0 if one.basis_state in {"withdrawn", "renewed"} else None,
        renewed=one.basis_state == "renewed",
    )
