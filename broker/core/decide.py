"""Every decision of the broker: on the state as of one index, at one log time, and on nothing else.

Replay calls the same function with the same inputs; a decision that rested on anything outside its arguments could not
be made again. The law itself (who may ask whom, for what, on which basis) is `broker/core/standing.py`.
"""

from collections.abc import Mapping
from typing import Final

from broker.core import admission
from broker.core.standing import Denial, Standing, standing
from consent_ledger.core.decision import Decide, Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.signed import STEERING
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.entries import Disclosed, Granted, Recorded, Refused, Rejected, Unavailable, Withheld
from schemas.errors import Code
from schemas.ids import AgencyId, Hash
from schemas.registry import Registry

CLOCK_SKEW_MS: Final = 120_000
"""How far a signer's clock may run ahead of the log's."""


def decider(registries: Mapping[Hash, Registry]) -> Decide:
    """Give the decision function over the registry bundles that exist; the log says which is in force."""

    def decide(state: LedgerState, submission: Submission, time_ms: int) -> Decision | NotLogged:
        state.free_overdue(time_ms)
        statement = submission.signed.statement
        if isinstance(statement, st.Steered):
            return admission.decide_steered(state, submission.signed, time_ms, registries)
        if submission.signed.agency != STEERING and state.key_in_force(statement.key, st_role(statement)) is None:
            return NotLogged(Code.KEY_NOT_IN_FORCE, "key: revoked, or its agency is no member")
        registry = None if state.registry is None else registries.get(state.registry)
        if registry is None:
            return NotLogged(Code.UNAVAILABLE, "registry: no bundle is in force at this broker")
        return _decide_numbered(state, submission, time_ms, registry)

    return decide


def st_role(statement: st.Statement) -> st.KeyRole:
    """Give the key role a statement is signed with."""
    return "dpo" if isinstance(statement, st.ApprovalGiven | st.ApprovalEnded) else "statement"


def _decide_numbered(state: LedgerState, submission: Submission, time_ms: int, registry: Registry) -> Decision:
    signed = submission.signed
    statement, agency, note = signed.statement, signed.agency, signed.note.decode()
    if is_stale(statement, time_ms):
        return _rejected(note, Code.STALE, time_ms)
    match statement:
        case st.Request():
            return _decide_request(state, statement, agency, note, time_ms, registry)
        case st.Outcome():
            return _decide_outcome(state, statement, submission, time_ms, registry)
        case _:
            reason = admission.objection(state, statement, agency, time_ms, registry)
    if reason is not None:
        return _rejected(note, reason, time_ms)
    return Decision(ENTRY_OF[type(statement)], Recorded(time=time_ms, statement=note))


ENTRY_OF: Final = {
    shape: "exchange.acknowledged" if name == "acknowledged" else name for name, shape in st.STATEMENTS.items()
}
"""The entry type under which a statement is recorded as it stands."""


def is_stale(statement: st.Statement, time_ms: int) -> bool:
    """Tell whether a statement comes too late or too early; withdrawals, voids and heads never do."""
    if isinstance(statement, st.NEVER_EXPIRE):
        return False
    late = isinstance(statement, st.Request) and (time_ms > statement.exp or time_ms >= statement.answer_by)
    return late or statement.at > time_ms + CLOCK_SKEW_MS


def _rejected(note: str, reason: Code, time_ms: int) -> Decision:
    return Decision("statement.rejected", Rejected(time=time_ms, statement=note, reason=reason))


def _decide_request(
    state: LedgerState, request: st.Request, agency: AgencyId, note: str, time_ms: int, registry: Registry
) -> Decision:
    if bytes.fromhex(request.exchange) in state.exchanges:
        return _rejected(note, Code.ID_IN_USE, time_ms)
    if request.holder == agency:
        return _rejected(note, Code.MISADDRESSED, time_ms)
    match standing(state, registry, request, agency, time_ms):
        case Denial(code=code, rule=rule):
            return Decision(
                "exchange.refused",
                Refused(time=time_ms, statement=note, registry=registry.hash, reason=code, rules=(rule,)),
            )
        case Standing() as stands:
            return Decision(
                "exchange.granted",
                Granted(
                    time=time_ms,
                    statement=note,
                    registry=registry.hash,
                    fields=stands.fields.granted,
                    cut=stands.fields.cut,
                    rules=stands.rules,
                    approval=stands.approval,
                    basis=stands.basis,
                    chain=state.chain,
                ),
            )


def _decide_outcome(
    state: LedgerState, outcome: st.Outcome, submission: Submission, time_ms: int, registry: Registry
) -> Decision:
    note, agency = submission.signed.note.decode(), submission.signed.agency
    grant = state.grants.get(outcome.exchange)
    if grant is None:
        known = bytes.fromhex(outcome.exchange) in state.exchanges
        return _rejected(note, Code.GRANT_CLOSED if known else Code.GRANT_UNKNOWN, time_ms)
    if grant.statement.holder != agency:
        return _rejected(note, Code.NOT_ENTITLED, time_ms)
    if outcome.grant != grant.leaf:
        return _rejected(note, Code.MISADDRESSED, time_ms)
    # Withheld rests on the grant's fields alone: the entry holds no body, and replay must come to the same answer.
    stands = standing(state, registry, grant.statement, grant.requester, time_ms, reserved=True)
    if isinstance(stands, Denial) or not set(grant.fields) <= set(stands.fields.granted):
        reason = stands.code if isinstance(stands, Denial) else Code.NOTHING_LEFT
        return Decision("exchange.withheld", Withheld(time=time_ms, statement=note, grant=grant.index, reason=reason))
    opened = submission.opened
    if opened is None or not set(opened.body.fields) <= set(grant.fields):
        return _rejected(note, Code.NOT_ENTITLED, time_ms)
    return _answered(opened, note, grant.index, state.chain, time_ms)


def _answered(opened: OpenedBody, note: str, grant: int, chain: int, time_ms: int) -> Decision:
    shape, kind = (
        (Disclosed, "exchange.disclosed") if opened.body.kind == "disclosed" else (Unavailable, "exchange.unavailable")
    )
    return Decision(
        kind, shape(time=time_ms, statement=note, k=opened.k, body=opened.body, grant=grant, chain=chain)
    )
