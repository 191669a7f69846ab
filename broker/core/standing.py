"""The law's answer to one request, asked for the grant and asked again, wholly, for the disclosure.

The checks stand in the order in which they are made; the first that fails is the rule the refusal names.
"""

from typing import Final, NamedTuple

from consent_ledger.core.state import Approval, Evidence, LedgerState
from schemas import statements as st
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName
from schemas.minimise import Limits, Minimised, minimise
from schemas.registry import AgencyKind, PurposeRule, Registry, prohibited_by

CLOCK_SKEW_MS: Final = 120_000
MODES: Final = ("single",)
"""The modes of exchange that are built; a purpose in another mode is refused with `mode_not_available`."""


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


class _Parties(NamedTuple):
    requester: AgencyId
    requester_kind: AgencyKind
    holder_kind: AgencyKind


def standing(
    state: LedgerState, registry: Registry, request: st.Request, requester: AgencyId, time_ms: int, *, reserved: bool = False
) -> Standing | Denial:
    """Decide whether a request stands at this index; `reserved` says that its own grant already holds a use."""
    parties = _parties(state, registry, request, requester)
    if isinstance(parties, Denial):
        return parties
    rule = _purpose(registry, request, parties, time_ms)
    if isinstance(rule, Denial):
        return rule
    approval = _approval(state, request, requester, time_ms)
    if isinstance(approval, Denial):
        return approval
    evidence = _basis(state, request, requester, time_ms, reserved=reserved)
    if isinstance(evidence, Denial):
        return evidence
    denial = _conditions(state, registry, request, rule, parties, evidence)
    if denial is not None:
        return denial
    return _fields(state, registry, request, rule, parties, approval, evidence)


def _denied(code: Code, rule: str | None = None) -> Denial:
    return Denial(code, CodeName(rule or code.value))


def _parties(state: LedgerState, registry: Registry, request: st.Request, requester: AgencyId) -> _Parties | Denial:
    """Check membership, the registry the request was composed with, and the key the answer is to be sealed to."""
    asking, holding = state.members.get(requester), state.members.get(request.holder)
    if asking is None or holding is None or asking.kind not in registry.kinds or holding.kind not in registry.kinds:
        return _denied(Code.NOT_A_MEMBER)
    if request.registry != registry.hash:
        return _denied(Code.REGISTRY_MISMATCH)
    key = state.key_by_id(requester, request.seal_key)
    if key is None or key.role != "seal":
        return _denied(Code.KEY_NOT_IN_FORCE)
    return _Parties(requester, registry.kinds[asking.kind], registry.kinds[holding.kind])


def _purpose(registry: Registry, request: st.Request, parties: _Parties, time_ms: int) -> PurposeRule | Denial:
    """Check prohibitions first, then purpose, dates, mode, pair of kinds, kind of basis and the answer's deadline."""
    kinds = (parties.requester_kind.name, parties.holder_kind.name)
    prohibition = prohibited_by(registry, *kinds, request.purpose, request.basis.kind)
    if prohibition is not None:
        return _denied(Code.PROHIBITED, prohibition)
    rule = registry.purposes.get(request.purpose)
    if rule is None:
        return _denied(Code.PURPOSE_UNKNOWN)
    row = rule.row
    checks = (
        (rule.in_force(time_ms), Code.PURPOSE_NOT_IN_FORCE),
        (row.mode in MODES, Code.MODE_NOT_AVAILABLE),
        (kinds[0] in row.requester_kinds and kinds[1] in row.holder_kinds, Code.PAIR_NOT_ALLOWED),
        (request.basis.kind in row.basis, Code.BASIS_MISMATCH),
        (request.basis.norm is None or request.basis.norm in row.norm, Code.BASIS_MISMATCH),
        (request.answer_by <= request.at + row.answer_within_s * 1000 + CLOCK_SKEW_MS, Code.DEADLINE_PASSED),
    )
    failed = next((code for holds, code in checks if not holds), None)
    return rule if failed is None else _denied(failed)


def _approval(state: LedgerState, request: st.Request, requester: AgencyId, time_ms: int) -> Approval | Denial:
    """Check that the requester's DPO approved this kind of access for this role, and that it has not run out."""
    approval = state.approved.get((requester, request.purpose, request.role))
    if approval is None or approval.valid_until < time_ms:
        return _denied(Code.NO_APPROVAL)
    return approval


def _basis(
    state: LedgerState, request: st.Request, requester: AgencyId, time_ms: int, *, reserved: bool
) -> Evidence | Denial | None:
    """Check the consent or given basis the request names; a statute needs none and gives None."""
    name = request.basis.consent or request.basis.given
    if name is None:
        return None
    consent = request.basis.kind == "consent"
    evidence = state.evidence.get(name)
    if evidence is None or evidence.kind != request.basis.kind:
        return _denied(Code.CONSENT_UNKNOWN if consent else Code.GIVEN_UNKNOWN)
    foreign = (evidence.recipient, evidence.purpose) != (requester, request.purpose) or request.holder not in evidence.holders
    if foreign:
        return _denied(Code.CONSENT_FOREIGN if consent else Code.GIVEN_FOREIGN)
    if evidence.withdrawn is not None:
        return _denied(Code.CONSENT_WITHDRAWN if consent else Code.GIVEN_WITHDRAWN)
    if evidence.expires <= time_ms:
        return _denied(Code.CONSENT_EXPIRED if consent else Code.GIVEN_EXPIRED)
    if time_ms < evidence.not_before:
        return _denied(Code.CONSENT_NOT_YET)
    if evidence.uses - evidence.reserved + reserved < 1:
        return _denied(Code.CONSENT_EXHAUSTED if consent else Code.GIVEN_EXHAUSTED)
    return evidence


def _conditions(
    state: LedgerState,
    registry: Registry,
    request: st.Request,
    rule: PurposeRule,
    parties: _Parties,
    evidence: Evidence | None,
) -> Denial | None:
    """Check declared conditions, the release from secrecy, and that no power to sanction stood behind the consent."""
    row = rule.row
    if not set(row.conditions) <= set(request.declared):
        return _denied(Code.CONDITION_MISSING)
    if evidence is None:
        return None
    secret = row.secrecy_release == "always" or (row.secrecy_release == "if_holder_203" and parties.holder_kind.secrecy_203)
    if secret and not evidence.secrecy_release:
        return _denied(Code.SECRECY_RELEASE_MISSING)
    collector = state.members.get(evidence.collector)
    sanctions = collector is None or registry.kinds[collector.kind].sanction_power
    if parties.requester_kind.name in row.neutral_collector and sanctions:
        return _denied(Code.COLLECTOR_MAY_SANCTION)
    return None


def _fields(
    state: LedgerState,
    registry: Registry,
    request: st.Request,
    rule: PurposeRule,
    parties: _Parties,
    approval: Approval,
    evidence: Evidence | None,
) -> Standing | Denial:
    """Minimise; a request of which nothing is left is refused."""
    catalogue = state.catalogues.get(request.holder)
    if catalogue is None:
        return _denied(Code.NO_CATALOGUE)
    limits = Limits(
        purpose=rule.fields,
        basis=None if evidence is None else evidence.fields,
        approval=approval.fields,
        catalogue=catalogue,
        definitions=registry.fields,
        ceiling=max(parties.requester_kind.ceiling, approval.ceiling if approval.ceiling == 3 else 0),  # noqa: PLR2004
    )
    fields = minimise(request.fields, limits)
    if not fields.granted:
        return _denied(Code.NOTHING_LEFT, fields.cut[0].rule)
    rules = tuple(CodeName(rule) for rule in ("purpose", "pair", "approval", request.basis.kind, "minimised"))
    return Standing(fields, rules, approval.index, None if evidence is None else evidence.index)
