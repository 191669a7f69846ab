"""Decisions about everything that is no exchange: steering, approvals, catalogues, consents, upkeep."""

from collections.abc import Mapping
from typing import Final

from consent_ledger.core.decision import Decision, NotLogged
from consent_ledger.core.signed import STEERING, SignedStatement
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.entries import Recorded
from schemas.errors import Code, Malformed
from schemas.ids import AgencyId, CodeName, ConsentId, GivenId, Hash
from schemas.note import from_base64, parse_vkey
from schemas.registry import PurposeRule, Registry
from schemas.seal import load_public

_KINDS: Final = {shape: name for name, shape in st.STATEMENTS.items()}


def decide_steered(
    state: LedgerState, signed: SignedStatement, time_ms: int, registries: Mapping[Hash, Registry]
) -> Decision | NotLogged:
    """Decide a statement of the steering group: it must continue the chain and fit what is in force."""
    statement = signed.statement
    if not isinstance(statement, st.Steered) or signed.agency != STEERING:
        return NotLogged(Code.NOT_ENTITLED, "statement: only the steering group signs this type")
    if (statement.seq, statement.prev) != (state.chain + 1, state.chain_prev):
        return NotLogged(Code.CHAIN_BROKEN, f"seq, prev: the chain continues with seq {state.chain + 1}")
    objection = _steering_objection(state, statement, registries)
    if objection is not None:
        return NotLogged(Code.MALFORMED, objection)
    return Decision(_KINDS[type(statement)], Recorded(time=time_ms, statement=signed.note.decode()))


def _steering_objection(state: LedgerState, statement: st.Steered, registries: Mapping[Hash, Registry]) -> str | None:
    """Say what keeps a steering statement from taking effect, or None; the first entry opens the shard."""
    if (state.size == 0) != isinstance(statement, st.ShardOpened):
        return "shard.opened: is the first entry of a shard, and only the first"
    match statement:
        case st.ShardOpened():
            return _vkey_objection(statement.log_vkey, state.log)
        case st.RegistrySet():
            return None if statement.registry in registries else "registry: its bundle does not lie beside the log"
        case st.MemberAdmitted():
            return _member_objection(state, statement, registries)
        case st.MemberLeft():
            return None if statement.agency in state.members else "agency: is no member"
        case st.KeyAdded():
            return _key_objection(state, statement)
        case st.KeyRevoked():
            key = state.keys.get(statement.name)
            return None if key is not None and key.revoked is None else "name: no key in force has it"
        case _:
            return "statement: its type is not taken here"


def _vkey_objection(vkey: str, name: str) -> str | None:
    try:
        key = parse_vkey(vkey)
    except Malformed as error:
        return str(error)
    return None if key.name == name else f"vkey: its name must be {name}"


def _member_objection(
    state: LedgerState, statement: st.MemberAdmitted, registries: Mapping[Hash, Registry]
) -> str | None:
    registry = None if state.registry is None else registries.get(state.registry)
    if registry is None or statement.kind not in registry.kinds:
        return "kind: not in the registry in force"
    if statement.agency in state.members or statement.agency == STEERING:
        return "agency: is a member already, or the name is taken"
    if statement.account in state.accounts:
        return "account: belongs to another member"
    if not registry.kinds[statement.kind].public and statement.commitment is None:
        return "commitment: a non-public body must have committed itself to the purpose (§ 78(1) SGB X)"
    return None


def _key_objection(state: LedgerState, statement: st.KeyAdded) -> str | None:
    federation = state.log.partition("/")[0]
    if not statement.name.startswith(f"{federation}/{statement.agency}/{statement.role}-"):
        return f"name: must be {federation}/{statement.agency}/{statement.role}-<n>"
    if statement.agency not in state.members or statement.name in state.keys:
        return "agency, name: the agency must be a member, and a key name is used once"
    if (statement.role == "seal") != (statement.suite != "ed25519"):
        return "suite: ed25519 signs, the others seal"
    if statement.suite == "ed25519":
        return _vkey_objection(statement.public, statement.name)
    try:
        load_public(statement.suite, from_base64(statement.public, "public"))
    except Malformed as error:
        return str(error)
    return None


def objection(
    state: LedgerState, statement: st.Statement, agency: AgencyId, time_ms: int, registry: Registry
) -> Code | None:
    """Give the reason why an agency's statement has no effect (`statement.rejected`), or None."""
    match statement:
        case st.ApprovalGiven():
            return _approval_objection(state, statement, time_ms, registry)
        case st.ApprovalEnded():
            approval = state.approvals.get(statement.approval)
            return None if approval is not None and approval.agency == agency else Code.NO_APPROVAL
        case st.CatalogueSet():
            return None if set(statement.fields) <= registry.fields.keys() else Code.FIELD_UNKNOWN
        case st.ConsentGiven() | st.BasisGiven():
            return _evidence_objection(state, statement, agency, time_ms, registry)
        case st.ConsentWithdrawn():
            return _withdrawal_objection(state, statement.consent, agency, Code.CONSENT_UNKNOWN)
        case st.BasisWithdrawn():
            return _withdrawal_objection(state, statement.given, agency, Code.GIVEN_UNKNOWN)
        case st.Acknowledged():
            return None if statement.holder in state.members else Code.MISADDRESSED
        case st.AgencyHead():
            return None if statement.last == statement.n else Code.MISADDRESSED
        case _:
            return None


def _approval_objection(
    state: LedgerState, statement: st.ApprovalGiven, time_ms: int, registry: Registry
) -> Code | None:
    rule = registry.purposes.get(statement.purpose)
    if rule is None:
        return Code.PURPOSE_UNKNOWN
    if statement.approval in state.approvals:
        return Code.ID_IN_USE
    if statement.valid_until <= time_ms:
        return Code.STALE
    return None if set(statement.fields) <= rule.fields else Code.FIELD_UNKNOWN


def _evidence_objection(
    state: LedgerState,
    statement: st.ConsentGiven | st.BasisGiven,
    agency: AgencyId,
    time_ms: int,
    registry: Registry,
) -> Code | None:
    """Check a consent or given basis when it is taken: id, dates, parties, purpose, and who collected it."""
    name = statement.consent if isinstance(statement, st.ConsentGiven) else statement.given
    rule = registry.purposes.get(statement.purpose)
    if name in state.evidence:
        return Code.ID_IN_USE
    if rule is None:
        return Code.PURPOSE_UNKNOWN
    if not rule.in_force(time_ms):
        return Code.PURPOSE_NOT_IN_FORCE
    if statement.expires <= time_ms:
        return Code.STALE
    if ("consent" if isinstance(statement, st.ConsentGiven) else statement.kind) not in rule.row.basis:
        return Code.BASIS_MISMATCH
    if not set(statement.fields) <= rule.fields:
        return Code.FIELD_UNKNOWN
    return _parties_objection(state, statement, state.members[agency].kind, rule, registry)


def _parties_objection(
    state: LedgerState,
    statement: st.ConsentGiven | st.BasisGiven,
    collector: CodeName,
    rule: PurposeRule,
    registry: Registry,
) -> Code | None:
    """Check that recipient and holders are members of the kinds the purpose names, and who took the consent."""
    members = [state.members.get(name) for name in (statement.recipient, *statement.holders)]
    if any(member is None for member in members):
        return Code.NOT_A_MEMBER
    kinds = [member.kind for member in members if member is not None]
    if kinds[0] not in rule.row.requester_kinds or not set(kinds[1:]) <= set(rule.row.holder_kinds):
        return Code.PAIR_NOT_ALLOWED
    consent = isinstance(statement, st.ConsentGiven)
    if consent and kinds[0] in rule.row.neutral_collector and registry.kinds[collector].sanction_power:
        return Code.COLLECTOR_MAY_SANCTION
    return None


def _withdrawal_objection(state: LedgerState, name: ConsentId | GivenId, agency: AgencyId, unknown: Code) -> Code | None:
    evidence = state.evidence.get(name)
    if evidence is None:
        return unknown
    entitled = {evidence.collector, evidence.recipient, *evidence.holders}
    return None if agency in entitled else Code.NOT_ENTITLED
