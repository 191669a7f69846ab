"""Step 8: a holder works on a request only against proof that the grant, and what it rests on, stand in the log."""

from typing import NamedTuple, NoReturn

from adapters.node.core.view import Proven, View
from consent_ledger.core.approval import Approval
from consent_ledger.core.evidence import Evidence
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Granted
from schemas.errors import Code, NotAuthentic, Unavailable
from schemas.ids import AgencyId, FieldName, Hash
from schemas.minimise import Limits, minimise
from schemas.registry import MODES, PurposeRule, Registry, prohibited_by


class AcceptedGrant(NamedTuple):
    """A grant this node has proven and decided again; nothing else may be worked on."""

    log_index: int
    hash: Hash
    requester: AgencyId
    request: st.Request
    fields: tuple[FieldName, ...]
    rule: PurposeRule
    registry: Registry
    evidence: Evidence | None


class Needed(NamedTuple):
    """What the node must fetch before it can accept a grant: steering entries, an approval, a registry bundle."""

    chain: bool
    approval: int | None
    registry: Hash | None


class Holding(NamedTuple):
    """What a holder decides a grant with: who it is, what its source can deliver, what it knows of the federation."""

    agency: AgencyId
    catalogue: frozenset[FieldName]
    view: View


def needed(granted: Granted, view: View) -> Needed:
    """Say what a proven grant refers to that this node does not hold."""
    return Needed(
        chain=granted.chain > view.chain,
        approval=None if view.approval_at(granted.approval) else granted.approval,
        registry=None if granted.registry in view.registries else granted.registry,
    )


def accept(proven: Proven, person: bytes | None, holding: Holding) -> AcceptedGrant:
    """Decide a proven grant again at the holder; `person` is None when it was accepted with its block before.

    Raises NotAuthentic when it is not a grant for this agency, its evidence does not carry it, or its fields are not
    what this node's own minimising gives; Unavailable when the node lacks what it would need to judge.
    """
    granted, request, view = proven.leaf.entry, proven.leaf.statement, holding.view
    if not isinstance(granted, Granted) or not isinstance(request, st.Request):
        _refuse("is no grant")
    if request.holder != holding.agency:
        _refuse("is for another holder")
    if person is not None and request.person_ct != sha256(person):
        _refuse("names another sealed person block")
    registry = view.registries.get(granted.registry)
    approval = view.approval_at(granted.approval)
    if registry is None or approval is None or granted.chain > view.chain:
        message = "grant: registry, approval or chain it rests on is not held"
        raise Unavailable(message)
    if view.law_at(granted.chain) != granted.registry:
        _refuse("rests on a registry that was not in force")
    rule = _lawful(request, proven.agency, registry, holding)
    if not rule.in_force(granted.time):
        _refuse("its purpose was not in force")
    _check_approval(approval, granted, request, proven.agency)
    evidence = _evidence(granted, request, proven.agency, view)
    _check_conditions(rule, request, evidence, registry, holding)
    limits = Limits(
        purpose=rule.fields,
        basis=None if evidence is None else evidence.fields,
        approval=approval.fields,
        catalogue=holding.catalogue,
        definitions=registry.fields,
        ceiling=approval.ceiling_for(registry.kinds[view.state.members[proven.agency].kind].ceiling),
    )
    if not set(granted.fields) <= set(minimise(request.fields, limits).granted):
        _refuse("grants more than this node's own minimising")
    return AcceptedGrant(proven.index, proven.hash, proven.agency, request, granted.fields, rule, registry, evidence)


def _refuse(why: str) -> NoReturn:
    message = f"grant: {why}"
    raise NotAuthentic(message, code=Code.NOT_ENTITLED)


def _lawful(request: st.Request, requester: AgencyId, registry: Registry, holding: Holding) -> PurposeRule:
    """Ask the registry again: members, prohibitions, purpose, pair and kind of basis."""
    members = holding.view.state.members
    if requester not in members or holding.agency not in members:
        _refuse("one of the two agencies is no member")
    asking, holder = members[requester].kind, members[holding.agency].kind
    rule = registry.purposes.get(request.purpose)
    if rule is None or prohibited_by(registry, asking, holder, request.purpose, request.basis.kind) is not None:
        _refuse("its purpose is unknown or prohibited between these two")
    if not rule.pairs(asking, holder) or request.basis.kind not in rule.row.basis:
        _refuse("its purpose does not allow this pair or basis")
    if rule.row.mode not in MODES or (request.basis.norm is not None and request.basis.norm not in rule.row.norm):
        _refuse("its purpose is not of this mode or norm")
    return rule


def _check_approval(approval: Approval, granted: Granted, request: st.Request, requester: AgencyId) -> None:
    if (approval.agency, approval.purpose, approval.role) != (requester, request.purpose, request.role):
        _refuse("names an approval of something else")
    if approval.valid_until <= granted.time:
        _refuse("its approval had run out")
    if not approval.to_declare <= set(request.declared):
        _refuse("its approval's conditions are not declared")


def _check_conditions(
    rule: PurposeRule, request: st.Request, evidence: Evidence | None, registry: Registry, holding: Holding
) -> None:
    """Check what must be declared, and that the client released from secrecy and stood under no power to sanction."""
    members, kinds = holding.view.state.members, registry.kinds
    if not set(rule.row.conditions) <= set(request.declared):
        _refuse("a condition its purpose needs was not declared")
    if evidence is None:
        return
    if rule.needs_release(kinds[members[holding.agency].kind]) and not evidence.secrecy_release:
        _refuse("its basis does not release from secrecy")
    collector = members.get(evidence.collector)
    neutral = None if collector is None else kinds[collector.kind]
    if not rule.may_collect(neutral, members[evidence.recipient].kind):
        _refuse("its consent was collected by an agency that may sanction the client")


def _evidence(granted: Granted, request: st.Request, requester: AgencyId, view: View) -> Evidence | None:
    """Check that the consent or given basis is the one named, for these parties and purpose, and not over."""
    if request.basis.kind == "statute":
        return None
    evidence = view.evidence(request.basis)
    if evidence is None or evidence.index != granted.basis or evidence.kind != request.basis.kind:
        _refuse("the basis it names was not proven")
    parties = (evidence.recipient, evidence.purpose)
    if parties != (requester, request.purpose) or request.holder not in evidence.holders:
        _refuse("its basis is for other parties or another purpose")
    if evidence.withdrawn is not None or not evidence.not_before <= granted.time < evidence.expires:
        _refuse("its basis is over, or has not begun")
    return evidence
