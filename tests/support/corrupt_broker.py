"""A broker that grants and discloses whatever it should refuse, in a log that is proper in every other way."""

from collections.abc import Callable

from consent_ledger.core.decision import Decide, Decision, NotLogged, Submission
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.entries import AnyEntry, Disclosed, Granted, Refused, Withheld
from schemas.ids import CodeName, FieldName


def granting(*more: FieldName) -> Callable[[Decide], Decide]:
    """Make of an honest broker's decisions those of one that grants what it should refuse, and some fields more."""

    def corrupt(honest: Decide) -> Decide:
        def decide(state: LedgerState, submission: Submission, time_ms: int) -> Decision | NotLogged:
            decided = honest(state, submission, time_ms)
            if not isinstance(decided, Decision):
                return decided
            statement = submission.signed.statement
            if isinstance(statement, st.Request):
                return _granted(state, submission, statement, decided.entry, more) or decided
            return _disclosed(state, submission, decided.entry) or decided

        return decide

    return corrupt


def _granted(
    state: LedgerState, submission: Submission, request: st.Request, entry: AnyEntry, more: tuple[FieldName, ...]
) -> Decision | None:
    """Grant all that consent and catalogue have in common, and `more`."""
    if not isinstance(entry, Granted | Refused):
        return None
    evidence = state.evidence[request.basis.consent or request.basis.given or ""]  # type: ignore[index]  # one is named
    approval = state.approved[submission.signed.agency, request.purpose, request.role]
    lawful = set(request.fields) & evidence.fields & state.catalogues[request.holder]
    granted = Granted(
        time=entry.time,
        statement=entry.statement,
        registry=entry.registry,
        fields=tuple(sorted({*lawful, *more})),
        cut=(),
        rules=(CodeName("purpose"),),
        approval=approval.index,
        basis=evidence.index,
        chain=state.chain,
    )
    return Decision("exchange.granted", granted)


def _disclosed(state: LedgerState, submission: Submission, entry: AnyEntry) -> Decision | None:
    """Record as disclosed what should be withheld."""
    opened = submission.opened
    if not isinstance(entry, Withheld) or opened is None or opened.body.kind != "disclosed":
        return None
    disclosed = Disclosed(
        time=entry.time, statement=entry.statement, k=opened.k, body=opened.body, grant=entry.grant, chain=state.chain
    )
    return Decision("exchange.disclosed", disclosed)
