"""Every decision of the broker: on the state as of one index, at one log time, and on nothing else.

Replay calls the same function with the same inputs; a decision that rested on anything outside its arguments could not
be made again. The law itself (who may ask whom, for what, on which basis) is `broker/core/standing.py`.
"""

from collections.abc import Mapping

from broker.core import admission
from broker.core.standing import CLOCK_SKEW_MS, Case, Denial, Standing, standing
from consent_ledger.core.decision import Decide, Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.signed import signing_roles
from consent_ledger.core.state import Grant, LedgerState
from schemas import statements as st
from schemas.entries import RECORDED_AS, Disclosed, Granted, Recorded, Refused, Rejected, Unavailable, Withheld
from schemas.errors import Code
from schemas.ids import AgencyId, Hash
from schemas.registry import Registry


def decider(registries: Mapping[Hash, Registry]) -> Decide:
    """Give the decision function over the registry bundles that exist; the log says which is in force."""

    def decide(state: LedgerState, submission: Submission, time_ms: int) -> Decision | NotLogged:
        statement = submission.signed.statement
        if state.closed is not None:
            return NotLogged(Code.WRONG_LOG, f"log: {state.log} is closed, it goes on as {state.closed.next}")
        if isinstance(statement, st.Steered):
            return admission.decide_steered(state, submission.signed, time_ms, registries)
        if state.log not in state.shards:
            return NotLogged(Code.UNAVAILABLE, "log: its shard is not opened yet")
        if isinstance(statement, st.ClientWithdrawn):
            return admission.decide_client(state, submission.signed.note, statement, time_ms)
        if state.key_in_force(statement.key, *signing_roles(statement)) is None:
            return NotLogged(Code.KEY_NOT_IN_FORCE, "key: revoked, or its agency is no member")
        registry = None if state.registry is None else registries.get(state.registry)
        if registry is None:
            return NotLogged(Code.UNAVAILABLE, "registry: no bundle is in force at this broker")
        return _decide_numbered(state, submission, time_ms, registry)

    return decide


def _decide_numbered(
    state: LedgerState, submission: Submission, time_ms: int, registry: Registry
) -> Decision | NotLogged:
    signed = submission.signed
    statement, agency, note = signed.statement, signed.agency, signed.note.decode()
    if is_stale(statement, time_ms):
        return _rejected(note, Code.STALE, time_ms)
    match statement:
        case st.Request():
            return _decide_request(Case(state, registry, statement, agency, time_ms), note)
        case st.Outcome():
            return _decide_outcome(state, statement, submission, time_ms, registry)
        case _:
            reason = admission.objection(state, statement, agency, time_ms, registry)
    if reason is not None:
        return _rejected(note, reason, time_ms)
    return Decision(RECORDED_AS[type(statement)], Recorded(time=time_ms, statement=note))


def is_stale(statement: st.Statement, time_ms: int) -> bool:
    """Tell whether a statement comes too late or too early; withdrawals, voids and heads never do."""
    if isinstance(statement, st.NEVER_EXPIRE):
        return False
    late = isinstance(statement, st.Request) and (time_ms > statement.exp or time_ms >= statement.answer_by)
    return late or statement.at > time_ms + CLOCK_SKEW_MS


def _rejected(note: str, reason: Code, time_ms: int) -> Decision:
    return Decision("statement.rejected", Rejected(time=time_ms, statement=note, reason=reason))


def _decide_request(case: Case, note: str) -> Decision:
    if bytes.fromhex(case.request.exchange) in case.state.exchanges:
        return _rejected(note, Code.ID_IN_USE, case.time_ms)
    if case.request.holder == case.requester:
        return _rejected(note, Code.MISADDRESSED, case.time_ms)
    stands = standing(case)
    if isinstance(stands, Denial):
        refused = Refused(
            time=case.time_ms, statement=note, registry=case.registry.hash, reason=stands.code, rules=(stands.rule,)
        )
        return Decision("exchange.refused", refused)
    granted = Granted(
        time=case.time_ms,
        statement=note,
        registry=case.registry.hash,
        fields=stands.fields.granted,
        cut=stands.fields.cut,
        rules=stands.rules,
        approval=stands.approval,
        basis=stands.basis,
        chain=case.state.chain,
    )
    return Decision("exchange.granted", granted)


def _decide_outcome(
    state: LedgerState, outcome: st.Outcome, submission: Submission, time_ms: int, registry: Registry
) -> Decision | NotLogged:
    """Decide an outcome; whatever rests on its body alone is not logged, because replay may never see the body."""
    note = submission.signed.note.decode()
    grant = state.grants.get(outcome.exchange)
    if grant is None:
        known = bytes.fromhex(outcome.exchange) in state.exchanges
        return _rejected(note, Code.GRANT_CLOSED if known else Code.GRANT_UNKNOWN, time_ms)
    objection = _party_objection(grant, outcome, submission.signed.agency)
    if objection is not None:
        return _rejected(note, objection, time_ms)
    # Withheld rests on the grant's fields alone, for the same reason: its entry holds no body.
    stands = standing(Case(state, registry, grant.statement, grant.requester, time_ms, reserved=True))
    reason = _fallen_away(grant, stands)
    if reason is not None:
        return Decision("exchange.withheld", Withheld(time=time_ms, statement=note, grant=grant.index, reason=reason))
    opened = submission.opened
    if opened is None or not set(opened.body.fields) <= set(grant.fields):
        return NotLogged(Code.NOT_ENTITLED, "body: is missing, or names a field that was not granted")
    return _answered(opened, note, grant.index, state.chain, time_ms)


def _party_objection(grant: Grant, outcome: st.Outcome, agency: AgencyId) -> Code | None:
    if grant.statement.holder != agency:
        return Code.NOT_ENTITLED
    return None if outcome.grant == grant.leaf else Code.MISADDRESSED


def _fallen_away(grant: Grant, stands: Standing | Denial) -> Code | None:
    """Say why a grant no longer stands in full, or None."""
    if isinstance(stands, Denial):
        return stands.code
    return None if set(grant.fields) <= set(stands.fields.granted) else Code.NOTHING_LEFT


def _answered(opened: OpenedBody, note: str, grant: int, chain: int, time_ms: int) -> Decision:
    disclosed = opened.body.kind == "disclosed"
    shape, kind = (Disclosed, "exchange.disclosed") if disclosed else (Unavailable, "exchange.unavailable")
    return Decision(kind, shape(time=time_ms, statement=note, k=opened.k, body=opened.body, grant=grant, chain=chain))
