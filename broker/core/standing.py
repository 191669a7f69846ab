"""The law's answer to one request, asked for the grant and asked again, wholly, for the disclosure.

The checks stand in the order in which they are made; the first that fails is the rule the refusal names.
"""

from typing import Final, NamedTuple

from consent_ledger.core.approval import Approval
from consent_ledger.core.evidence import Evidence
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName
from schemas.minimise import Limits, Minimised, minimise
from schemas.registry import MODES, AgencyKind, PurposeRule, Registry, prohibited_by

CLOCK_SKEW_MS: Final = 120_000
"""How far a signer's clock may run ahead of the log's."""

ALLOWING: Final = ("purpose", "pair", "approval")
"""The rules that allow every grant, beside its basis and the minimising."""


class Case(NamedTuple):
    """One request to be judged, and all that the judgement rests on.

    `reserved` says that it is judged for its disclosure: its own grant already holds a use of the basis, and the law of
    this index counts, whichever registry the request was composed with.
    """

    state: LedgerState
    registry: Registry
    request: st.Request
    requester: AgencyId
    time_ms: int
    reserved: bool = False


class Denial(NamedTuple):
    """A no of the law: its stable code and the rule that said it."""

    code: Code
    rule: CodeName


class Standing(NamedTuple):
    """A yes of the law: the fields that may flow and the inputs it rests on."""

    fields: Minimised
    rules: tuple[CodeName, ...]
    approval: int
    basis: int | None


class Kinds(NamedTuple):
    """What the law says of the two agencies."""

    requester: AgencyKind
    holder: AgencyKind


def standing(case: Case) -> Standing | Denial:
    """Decide whether a request stands at this index."""
    kinds = _kinds(case)
    return kinds if isinstance(kinds, Denial) else lawful(case, kinds)


def lawful(case: Case, kinds: Kinds) -> Standing | Denial:
    """Decide what the law says of a request between two kinds of agencies, whose membership and keys are in order."""
    rule = _purpose(case, kinds)
    if isinstance(rule, Denial):
        return rule
    approval = _approval(case)
    if isinstance(approval, Denial):
        return approval
    evidence = _basis(case)
    if isinstance(evidence, Denial):
        return evidence
    denial = _conditions(case, rule, kinds, evidence)
    if denial is not None:
        return denial
    if not approval.to_declare <= set(case.request.declared):
        return _denied(Code.APPROVAL_CONDITION)
    return _fields(case, rule, kinds, approval, evidence)


def _denied(code: Code, rule: str | None = None) -> Denial:
    return Denial(code, CodeName(rule or code.value))


def _kinds(case: Case) -> Kinds | Denial:
    """Check membership, the registry the request was composed with, and the requester's two keys."""
    state, registry, request = case.state, case.registry, case.request
    asking, holding = state.members.get(case.requester), state.members.get(request.holder)
    if asking is None or holding is None:
        return _denied(Code.NOT_A_MEMBER)
    if request.registry != registry.hash and not case.reserved:
        return _denied(Code.REGISTRY_MISMATCH)
    seal_key = state.key_by_id(case.requester, request.seal_key)
    if seal_key is None or seal_key.role != "seal" or state.key_in_force(request.key, "statement") is None:
        return _denied(Code.KEY_NOT_IN_FORCE)
    return Kinds(registry.kinds[asking.kind], registry.kinds[holding.kind])


def _purpose(case: Case, kinds: Kinds) -> PurposeRule | Denial:
    """Check prohibitions first, then purpose, dates, mode, pair of kinds, kind of basis and the answer's deadline."""
    request = case.request
    pair = (kinds.requester.name, kinds.holder.name)
    prohibition = prohibited_by(case.registry, *pair, request.purpose, request.basis.kind)
    if prohibition is not None:
        return _denied(Code.PROHIBITED, prohibition)
    rule = case.registry.purposes.get(request.purpose)
    if rule is None:
        return _denied(Code.PURPOSE_UNKNOWN)
    row = rule.row
    checks = (
        (rule.in_force(case.time_ms), Code.PURPOSE_NOT_IN_FORCE),
        (row.mode in MODES, Code.MODE_NOT_AVAILABLE),
        (rule.pairs(*pair), Code.PAIR_NOT_ALLOWED),
        (request.basis.kind in row.basis, Code.BASIS_MISMATCH),
        (request.basis.norm is None or request.basis.norm in row.norm, Code.BASIS_MISMATCH),
        (request.answer_by <= case.time_ms + row.answer_within_s * 1000 + CLOCK_SKEW_MS, Code.DEADLINE_PASSED),
    )
    failed = next((code for holds, code in checks if not holds), None)
    return rule if failed is None else _denied(failed)


def _approval(case: Case) -> Approval | Denial:
    """Check that the requester's DPO approved this kind of access for this role, and that it has not run out."""
    approval = case.state.approved.get((case.requester, case.request.purpose, case.request.role))
    if approval is None or approval.valid_until <= case.time_ms:
        return _denied(Code.NO_APPROVAL)
    return approval


def _basis(case: Case) -> Evidence | Denial | None:
    """Check the consent or given basis the request names; a statute needs none and gives None."""
    request, time_ms = case.request, case.time_ms
    name = request.basis.consent or request.basis.given
    if name is None:
        return None
    consent = request.basis.kind == "consent"
    evidence = case.state.evidence.get(name)
    if evidence is None or evidence.kind != request.basis.kind:
        return _denied(Code.CONSENT_UNKNOWN if consent else Code.GIVEN_UNKNOWN)
    between = (evidence.recipient, evidence.purpose) == (case.requester, request.purpose)
    if not between or request.holder not in evidence.holders:
        return _denied(Code.CONSENT_FOREIGN if consent else Code.GIVEN_FOREIGN)
    if evidence.withdrawn is not None:
        ended = Code.CONSENT_RENEWED if evidence.renewed else Code.CONSENT_WITHDRAWN
        return _denied(ended if consent else Code.GIVEN_WITHDRAWN)
    if evidence.expires <= time_ms:
        return _denied(Code.CONSENT_EXPIRED if consent else Code.GIVEN_EXPIRED)
    if time_ms < evidence.not_before:
        return _denied(Code.CONSENT_NOT_YET)
    if evidence.uses - evidence.reserved + case.reserved < 1:
        return _denied(Code.CONSENT_EXHAUSTED if consent else Code.GIVEN_EXHAUSTED)
    return evidence


def _conditions(case: Case, rule: PurposeRule, kinds: Kinds, evidence: Evidence | None) -> Denial | None:
    """Check declared conditions, the release from secrecy, and that no power to sanction stood behind the consent."""
    if not set(rule.row.conditions) <= set(case.request.declared):
        return _denied(Code.CONDITION_MISSING)
    if evidence is None:
        return None
    if rule.needs_release(kinds.holder) and not evidence.secrecy_release:
        return _denied(Code.SECRECY_RELEASE_MISSING)
    collector = case.state.members.get(evidence.collector)
    if not rule.may_collect(None if collector is None else case.registry.kinds[collector.kind], kinds.requester.name):
        return _denied(Code.COLLECTOR_MAY_SANCTION)
    return None


def _fields(
    case: Case, rule: PurposeRule, kinds: Kinds, approval: Approval, evidence: Evidence | None
) -> Standing | Denial:
    """Minimise; a request of which nothing is left is refused."""
    catalogue = case.state.catalogues.get(case.request.holder)
    if catalogue is None:
        return _denied(Code.NO_CATALOGUE)
    limits = Limits(
        purpose=rule.fields,
        basis=None if evidence is None else evidence.fields,
        approval=approval.fields,
        catalogue=catalogue,
        definitions=case.registry.fields,
        ceiling=approval.ceiling_for(kinds.requester.ceiling),
    )
    fields = minimise(case.request.fields, limits)
    if not fields.granted:
        return _denied(Code.NOTHING_LEFT, fields.cut[0].rule)
    rules = (*ALLOWING, case.request.basis.kind, "minimised")
    basis = None if evidence is None else evidence.index
    return Standing(fields, tuple(map(CodeName, rules)), approval.index, basis)
