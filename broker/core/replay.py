"""Every decision made again: a leaf is checked against the state before it, with the law of its time.

Live recovery and the auditor's replay call the same functions. They need no key, no bus and no running broker.
"""

from consent_ledger.core.decision import Decide, Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.leaf import Leaf
from consent_ledger.core.prove import Broken, Judge, Proven, prove_leaf
from consent_ledger.core.signed import Pins
from consent_ledger.core.state import LedgerState
from schemas.entries import Answered, AnyEntry


def replay_leaf(state: LedgerState, raw: bytes, decide: Decide, pins: Pins) -> tuple[str, str] | None:
    """Check one leaf on the state before it and fold it in; give the first broken rule and what is wrong, or None.

    What is folded is what should have been decided here, whatever the leaf says, so that a withdrawal that was put down
    as rejected still ends its consent, and each disclosure after it is a finding of its own. A leaf that proves nothing
    (no known form, no signature, another log, a number used before) only takes up its index.
    """
    proven = prove_leaf(state, raw, pins)
    if isinstance(proven, Broken):
        state.skip()
        return proven
    return decide_again(decide)(state, proven)


def decide_again(decide: Decide) -> Judge:
    """Give the judge that makes the decision in a proven leaf again and folds in what comes out."""

    def judge(state: LedgerState, proven: Proven) -> Broken | None:
        """Decide at the leaf's own time, or, where it runs backwards, at that of the log."""
        leaf, before = proven.leaf, state.time
        state.advance(leaf.entry.time)
        opened = OpenedBody(leaf.entry.k, leaf.entry.body) if isinstance(leaf.entry, Answered) else None
        decided = decide(state, Submission(proven.signed, opened), state.time)
        finding = _compared(leaf, decided, before)
        if isinstance(decided, Decision):
            state.apply(leaf.raw, decided.entry, leaf.statement)
        else:
            state.skip()
        return finding

    return judge


def _compared(leaf: Leaf, decided: Decision | NotLogged, before: int) -> Broken | None:
    """Compare as values: a leaf is the one spelling of its entry, so that equal entries are equal bytes."""
    if leaf.entry.time < before:
        return Broken("time", f"{leaf.entry.time} is before {before}, the time of an earlier entry")
    if isinstance(decided, NotLogged):
        return Broken("decision", f"{leaf.kind}; nothing is logged here: {decided.code.value}, {decided.detail}")
    if decided.kind != leaf.kind:
        return Broken(
            "decision", f"{_named(leaf.kind, leaf.entry)}; comes out as {_named(decided.kind, decided.entry)}"
        )
    if decided.entry != leaf.entry:
        theirs, ours = leaf.entry.model_dump(), decided.entry.model_dump()
        differing = ", ".join(key for key in ours if ours[key] != theirs.get(key))
        return Broken("decision", f"{_named(leaf.kind, leaf.entry)}; comes out with other values of: {differing}")
    return None


def _named(kind: str, entry: AnyEntry) -> str:
    """Name an entry by its type and, where it has one, its reason."""
    reason = getattr(entry, "reason", None)
    return kind if reason is None else f"{kind} ({reason})"
