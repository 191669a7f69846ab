"""Decisions about everything that is no exchange: steering, approvals, catalogues, consents, upkeep."""

from collections.abc import Mapping
from typing import Final, assert_never

from broker.core.shard_admission import shard_objection, vkey_objection
from consent_ledger.core.decision import Decision, NotLogged
from consent_ledger.core.evidence import evidence_id
from consent_ledger.core.prove import opens
from consent_ledger.core.signed import CLIENT, STEERING, SignedStatement
from consent_ledger.core.state import LedgerState, Steering
from consent_ledger.core.succession import closing_state
from schemas import statements as st
from schemas.calendar import DAY_MS
from schemas.entries import RECORDED_AS, Closed, Recorded
from schemas.errors import Code, Malformed
from schemas.ids import AgencyId, CodeName, ConsentId, GivenId, Hash
from schemas.note import SignatureType, from_base64, parse_vkey
from schemas.registry import PurposeRule, Registry, conditions_of
from schemas.seal import load_public, seals

RESERVED: Final = (STEERING, CLIENT, AgencyId("log"))
"""Names that stand in key names in place of an agency's: no agency is admitted under one of them."""

MAX_APPROVAL_MS: Final = 366 * DAY_MS
"""An approval holds for twelve months at most (b.8)."""

_SIGNATURES: Final[Mapping[tuple[st.KeyRole, st.Suite], SignatureType]] = {
    ("statement", "ed25519"): SignatureType.ED25519,
    ("dpo", "ed25519"): SignatureType.ED25519,
    ("witness", "ed25519"): SignatureType.COSIGNATURE,
    ("witness", "mldsa44"): SignatureType.MLDSA44_COSIGNATURE,
}
"""What a key of each role and suite signs; the role `seal` has suites of its own."""


def decide_steered(
    state: LedgerState, signed: SignedStatement, time_ms: int, registries: Mapping[Hash, Registry]
) -> Decision | NotLogged:
    """Decide a statement of the steering group: it must continue the chain and fit what is in force."""
    statement = signed.statement
    if not isinstance(statement, st.Steered) or signed.agency != STEERING:
        return NotLogged(Code.NOT_ENTITLED, "statement: only the steering group signs this type")
    if (statement.seq, statement.prev) != (state.chain + 1, state.chain_prev):
        return NotLogged(Code.CHAIN_BROKEN, f"seq, prev: the chain continues with seq {state.chain + 1}")
    try:
        objection = _steering_objection(state, statement, registries)
    except Malformed as error:
        objection = str(error)
    if objection is not None:
        return NotLogged(Code.MALFORMED, objection)
    if isinstance(statement, st.ShardClosed):
        note = signed.note.decode()
        found = closing_state(state, statement, note, time_ms)
        return Decision("shard.closed", Closed(time=time_ms, statement=note, state=found))
    return Decision(RECORDED_AS[type(statement)], Recorded(time=time_ms, statement=signed.note.decode()))


def _steering_objection(state: LedgerState, statement: Steering, registries: Mapping[Hash, Registry]) -> str | None:
    """Say what keeps a steering statement from taking effect, or None; the first entry opens the shard.

    Raises Malformed for a public key that is none.
    """
    if (state.entries == 0) != isinstance(statement, st.Opening):
        return "shard.opened, log.key: one of them is the first entry of a shard, and only the first"
    match statement:
        case st.ShardOpened() | st.LogKey() | st.ShardClosed() | st.ShardPruned():
            return shard_objection(state, statement)
        case st.RegistrySet():
            return _registry_objection(state, statement, registries)
        case st.TextReviewed():
            return _text_objection(state, statement, registries)
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
            assert_never(statement)


def _registry_objection(
    state: LedgerState, statement: st.RegistrySet, registries: Mapping[Hash, Registry]
) -> str | None:
    registry = registries.get(statement.registry)
    if registry is None:
        return "registry: its bundle does not lie beside the log"
    in_force = None if state.registry is None else registries.get(state.registry)
    grown = _grown(in_force, registry)
    if grown is not None:
        return grown
    lost = {member.kind for member in state.members.values()} - registry.kinds.keys()
    return f"registry: it lacks {min(lost)}, the kind of a member" if lost else None


def _grown(before: Registry | None, after: Registry) -> str | None:
    """Name a purpose that got more fields under its old version, or None.

    An approval is of a purpose with its version: more fields are a new version, for which there is no approval (b.8).
    """
    known = {} if before is None else before.purposes
    for name, rule in after.purposes.items():
        if name in known and not rule.fields <= known[name].fields:
            return f"registry: {name} has got more fields; they need a new version, and that new approvals"
    return None


def _text_objection(state: LedgerState, statement: st.TextReviewed, registries: Mapping[Hash, Registry]) -> str | None:
    if state.has_text(statement.language, statement.text, statement.purpose) == (statement.verdict == "approved"):
        return "verdict: changes nothing"
    registry = None if state.registry is None else registries.get(state.registry)
    known = statement.purpose is None or (registry is not None and statement.purpose in registry.purposes)
    return None if known or statement.verdict == "withdrawn" else "purpose: not in the registry in force"


def _member_objection(
    state: LedgerState, statement: st.MemberAdmitted, registries: Mapping[Hash, Registry]
) -> str | None:
    registry = None if state.registry is None else registries.get(state.registry)
    if registry is None or statement.kind not in registry.kinds:
        return "kind: not in the registry in force"
    if statement.agency in (*state.members, *state.former, *RESERVED):
        return "agency: the name is in use, or was, or is reserved; an agency that comes back takes another"
    if statement.account in state.accounts:
        return "account: belongs to another member"
    if not registry.kinds[statement.kind].public and statement.commitment is None:
        return "commitment: a non-public body must have committed itself to the purpose (§ 78(1) SGB X)"
    return None


def _key_objection(state: LedgerState, statement: st.KeyAdded) -> str | None:
    """Check a new key: its name, its kind, and that it never was in use.

    A revoked key must not come back under a new name; and a cosignature does not name its cosigner, so that two
    agencies with one key would pass for two witnesses (tlog-cosignature, Format).
    """
    federation = state.log.partition("/")[0]
    if not statement.name.startswith(f"{federation}/{statement.agency}/{statement.role}-"):
        return f"name: must be {federation}/{statement.agency}/{statement.role}-<n>"
    if statement.agency not in state.members or statement.name in state.keys:
        return "agency, name: the agency must be a member, and a key name is used once"
    if (statement.role == "seal") != seals(statement.suite):
        return "suite: ed25519 signs, mldsa44 cosigns, the others seal"
    if seals(statement.suite):
        wrong, public = None, from_base64(statement.public, "public")
        load_public(statement.suite, public)
    else:
        signature = _SIGNATURES.get((statement.role, statement.suite))
        if signature is None:
            return "suite: mldsa44 is for witnesses only"
        key = parse_vkey(statement.public)
        wrong, public = vkey_objection(key, statement.name, signature), key.public
    return wrong or ("public: the key is in use already, or was" if public in state.publics else None)


def decide_client(state: LedgerState, note: bytes, statement: st.ClientWithdrawn, time_ms: int) -> Decision | NotLogged:
    """Decide what a client says by a code; a wrong one leaves no trace, so that nobody fills the log by guessing."""
    if not opens(state, statement):
        return NotLogged(Code.NOT_ENTITLED, "code: is none of a receipt of this basis")
    return Decision(RECORDED_AS[type(statement)], Recorded(time=time_ms, statement=note.decode()))


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
        case st.ConsentRefused():
            return _refused_objection(state, statement, registry)
        case st.CatalogueSet():
            return None if set(statement.fields) <= registry.fields.keys() else Code.FIELD_UNKNOWN
        case st.ConsentGiven() | st.BasisGiven():
            return _evidence_objection(state, statement, agency, time_ms, registry)
        case st.ConsentWithdrawn() | st.BasisWithdrawn() | st.ConsentCodes():
            return _change_objection(state, statement, agency)
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
    if statement.valid_until > time_ms + MAX_APPROVAL_MS:
        return Code.APPROVAL_TOO_LONG
    if not set(statement.conditions or ()) <= conditions_of(registry):
        return Code.CONDITION_UNKNOWN
    return None if set(statement.fields) <= rule.fields else Code.FIELD_UNKNOWN


def _refused_objection(state: LedgerState, statement: st.ConsentRefused, registry: Registry) -> Code | None:
    if statement.purpose not in registry.purposes:
        return Code.PURPOSE_UNKNOWN
    return None if statement.recipient in state.members else Code.NOT_A_MEMBER


def _evidence_objection(
    state: LedgerState,
    statement: st.ConsentGiven | st.BasisGiven,
    agency: AgencyId,
    time_ms: int,
    registry: Registry,
) -> Code | None:
    """Check a consent or given basis when it is taken: id, purpose, dates, parties, and who collected it."""
    rule = registry.purposes.get(statement.purpose)
    if evidence_id(statement) in state.evidence:
        return Code.ID_IN_USE
    if rule is None:
        return Code.PURPOSE_UNKNOWN
    if not rule.in_force(time_ms):
        return Code.PURPOSE_NOT_IN_FORCE
    if statement.expires <= time_ms:
        return Code.STALE
    if not set(statement.fields) <= rule.fields:
        return Code.FIELD_UNKNOWN
    reason = _kind_objection(state, statement, agency, time_ms, rule)
    return reason or _parties_objection(state, statement, state.members[agency].kind, rule, registry)


def _kind_objection(
    state: LedgerState,
    statement: st.ConsentGiven | st.BasisGiven,
    agency: AgencyId,
    time_ms: int,
    rule: PurposeRule,
) -> Code | None:
    """Check what only consents or only given bases have: a norm, a notice given already, a consent that is replaced."""
    if isinstance(statement, st.BasisGiven):
        if statement.kind not in rule.row.basis or statement.norm not in rule.row.norm:
            return Code.BASIS_MISMATCH
        return Code.CONDITION_MISSING if (statement.notice_date or 0) > time_ms else None
    if "consent" not in rule.row.basis:
        return Code.BASIS_MISMATCH
    return None if statement.replaces is None else _renewal_objection(state, statement, agency, time_ms)


def _renewal_objection(state: LedgerState, statement: st.ConsentGiven, agency: AgencyId, time_ms: int) -> Code | None:
    """Check what a consent renews: its collector's own, of the same purpose and recipient, and still valid.

    One that was withdrawn or has run out is not renewed: then the client is asked for a new one.
    """
    evidence = None if statement.replaces is None else state.evidence.get(statement.replaces)
    if evidence is None or evidence.kind != "consent":
        return Code.CONSENT_UNKNOWN
    if evidence.collector != agency:
        return Code.NOT_ENTITLED
    if (evidence.purpose, evidence.recipient) != (statement.purpose, statement.recipient):
        return Code.CONSENT_FOREIGN
    if evidence.withdrawn is not None:
        return Code.CONSENT_RENEWED if evidence.renewed else Code.CONSENT_WITHDRAWN
    return Code.CONSENT_EXPIRED if evidence.expires <= time_ms else None


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
    if statement.recipient in statement.holders:
        return Code.MISADDRESSED
    kinds = [member.kind for member in members if member is not None]
    if not all(rule.pairs(kinds[0], holder) for holder in kinds[1:]):
        return Code.PAIR_NOT_ALLOWED
    consent = isinstance(statement, st.ConsentGiven)
    if consent and kinds[0] in rule.row.neutral_collector and registry.kinds[collector].sanction_power:
        return Code.COLLECTOR_MAY_SANCTION
    return None


def _change_objection(
    state: LedgerState, statement: st.ConsentWithdrawn | st.BasisWithdrawn | st.ConsentCodes, agency: AgencyId
) -> Code | None:
    """Check what an agency wants changed of a consent or given basis that is in the log."""
    match statement:
        case st.ConsentWithdrawn():
            return _withdrawal_objection(state, statement.consent, agency, Code.CONSENT_UNKNOWN)
        case st.BasisWithdrawn():
            return _withdrawal_objection(state, statement.given, agency, Code.GIVEN_UNKNOWN)
        case st.ConsentCodes():
            return _codes_objection(state, statement, agency)
        case _:
            assert_never(statement)


def _withdrawal_objection(
    state: LedgerState, name: ConsentId | GivenId, agency: AgencyId, unknown: Code
) -> Code | None:
    """Check that an agency is party to what it ends; which of the two statement types it chose makes no difference."""
    evidence = state.evidence.get(name)
    if evidence is None:
        return unknown
    entitled = {evidence.collector, evidence.recipient, *evidence.holders}
    return None if agency in entitled else Code.NOT_ENTITLED


def _codes_objection(state: LedgerState, statement: st.ConsentCodes, agency: AgencyId) -> Code | None:
    """Check that the collector of a basis in force gives it new codes."""
    evidence = state.evidence.get(statement.basis)
    if evidence is None:
        return Code.CONSENT_UNKNOWN
    if evidence.collector != agency:
        return Code.NOT_ENTITLED
    return None if evidence.withdrawn is None else Code.CONSENT_WITHDRAWN
