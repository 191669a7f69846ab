"""Every decision made again: a leaf is checked against the state before it, with the law of its time.

Live recovery and the auditor's replay call the same function. It needs no key, no bus and no running broker.
"""

from typing import Final

from consent_ledger.core.decision import Decide, Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.signed import Pins, SignedStatement, verify_statement
from consent_ledger.core.state import LedgerState
from schemas.entries import Answered, encode_entry
from schemas.errors import HandschlagError

RULES: Final = ("form", "signature", "log", "counter", "time", "decision")
"""What a finding can name, in the order in which a leaf is checked."""


def replay_leaf(state: LedgerState, raw: bytes, decide: Decide, pins: Pins) -> tuple[str, str] | None:
    """Check one leaf on the state before it and fold it in; give the first broken rule and what is wrong, or None.

    What is folded is what should have been decided here, whatever the leaf says, so that a withdrawal that was put down
    as rejected still ends its consent, and each disclosure after it is a finding of its own. A leaf that proves nothing
    (no known form, no signature, another log, a number used before) only takes up its index.
    """
    try:
        leaf = read_leaf(raw)
    except HandschlagError as error:
        state.skip()
        return "form", str(error)
    try:
        signed = verify_statement(leaf.entry.statement.encode(), state.keys, pins)
    except HandschlagError as error:
        state.skip()
        return "signature", str(error)
    finding = _misplaced(state, leaf)
    if finding is not None:
        state.skip()
        return finding
    return _decided_again(state, leaf, signed, decide)


def _misplaced(state: LedgerState, leaf: Leaf) -> tuple[str, str] | None:
    """Check that a statement belongs into this log and has not stood in it before."""
    if leaf.statement.log != state.log:
        return "log", f"a statement for {leaf.statement.log} in {state.log}"
    place = state.place(leaf.statement)
    return None if place == "next" else ("counter", f"its number is {place}")


def _decided_again(state: LedgerState, leaf: Leaf, signed: SignedStatement, decide: Decide) -> tuple[str, str] | None:
    """Decide at the leaf's own time, or, where it runs backwards, at that of the log; fold the decision in."""
    before = state.time
    state.advance(leaf.entry.time)
    opened = OpenedBody(leaf.entry.k, leaf.entry.body) if isinstance(leaf.entry, Answered) else None
    decided = decide(state, Submission(signed, opened), state.time)
    finding = _compared(leaf, decided, before)
    if isinstance(decided, Decision):
        state.apply(leaf.raw, decided.entry, leaf.statement)
    else:
        state.skip()
    return finding


def _compared(leaf: Leaf, decided: Decision | NotLogged, before: int) -> tuple[str, str] | None:
    if leaf.entry.time < before:
        return "time", f"{leaf.entry.time} is before {before}, the time of an earlier entry"
    if isinstance(decided, NotLogged):
        return "decision", f"nothing is logged here: {decided.code.value}, {decided.detail}"
    if encode_entry(decided.kind, decided.entry) != leaf.raw:
        return "decision", f"comes out as {decided.kind}, or with other inputs, and not as this {leaf.kind}"
    return None
