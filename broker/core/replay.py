"""Every decision made again: a leaf is checked against the state before it, with the law of its time.

Live recovery and the auditor's replay call the same function. It needs no key, no bus and no running broker.
"""

from consent_ledger.core.decision import Decide, Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.signed import Pins, verify_statement
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.entries import Answered, encode_entry
from schemas.errors import HandschlagError

RULES = ("form", "signature", "log", "time", "counter", "decision")
"""What a finding can name, in the order in which a leaf is checked."""


def replay_leaf(state: LedgerState, raw: bytes, decide: Decide, pins: Pins) -> tuple[str, str] | None:
    """Check one leaf on the state before it and fold it in; give the broken rule and what was expected, or None.

    A leaf that is out of form cannot be folded: the log is not replayed beyond it.
    """
    try:
        leaf = read_leaf(raw)
    except HandschlagError as error:
        return "form", str(error)
    finding = _check(state, raw, decide, pins)
    state.apply(raw, leaf.entry, leaf.statement)
    return finding


def _check(state: LedgerState, raw: bytes, decide: Decide, pins: Pins) -> tuple[str, str] | None:
    leaf = read_leaf(raw)
    note = leaf.entry.statement.encode()
    try:
        signed = verify_statement(note, state.keys, pins)
    except HandschlagError as error:
        return "signature", str(error)
    if signed.statement.log != state.log:
        return "log", f"a statement for {signed.statement.log} in {state.log}"
    if leaf.entry.time < state.time:
        return "time", f"not before {state.time}, but {leaf.entry.time}"
    if isinstance(signed.statement, st.Numbered):
        place = state.counter(signed.statement.key).place(signed.statement.n)
        if place != "next":
            return "counter", f"number {signed.statement.n} of {signed.statement.key} is {place}"
    opened = OpenedBody(leaf.entry.k, leaf.entry.body) if isinstance(leaf.entry, Answered) else None
    return _decided_alike(raw, decide(state, Submission(signed, opened), leaf.entry.time))


def _decided_alike(raw: bytes, decided: Decision | NotLogged) -> tuple[str, str] | None:
    if isinstance(decided, NotLogged):
        return "decision", f"nothing is logged here: {decided.code}, {decided.detail}"
    if encode_entry(decided.kind, decided.entry) != raw:
        return "decision", f"the decision comes out as {decided.kind}, or with other inputs"
    return None
