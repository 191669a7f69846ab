"""A leaf of the log proven on the state before it: its form, its signer, its place, and what it opens.

What was decided about it is another question: `fold_claimed` takes the leaf's word for that, replay decides it again.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple

from consent_ledger.core.leaf import Leaf, SignedLeaf, parse_leaf
from consent_ledger.core.signed import Check, Pins, SignedStatement, signing_roles, verify_signers
from consent_ledger.core.state import LedgerState
from schemas import commitment
from schemas.entries import Answered
from schemas.errors import Code, HandschlagError, NotAuthentic
from schemas.note import verify_split
from schemas.statements import ClientWithdrawn, Numbered, Outcome, Statement, Steered


class Broken(NamedTuple):
    """The first rule a leaf breaks, by its id in `findings.RULES`, and what is wrong."""

    rule: str
    found: str


class Proven(NamedTuple):
    """A leaf whose statement is validly signed, stands in the log it was made for, and uses a free number."""

    leaf: Leaf
    signed: SignedStatement


Judge = Callable[[LedgerState, Proven], Broken | None]
"""Folds a proven leaf into the state before it, and says what is wrong with the decision in it, or None."""


def read_form(raw: bytes) -> SignedLeaf | Broken:
    """Take a leaf apart, or say what is wrong with its form."""
    try:
        return parse_leaf(raw)
    except HandschlagError as error:
        return Broken("form", str(error))


def prove_leaf(state: LedgerState, raw: bytes, pins: Pins) -> Proven | Broken:
    """Prove a leaf on the state before it, which stays as it is; a broken leaf proves nothing."""
    read = read_form(raw)
    return read if isinstance(read, Broken) else prove_read(state, read, pins)


def prove_read(state: LedgerState, read: SignedLeaf, pins: Pins, check: Check = verify_split) -> Proven | Broken:
    """Prove a leaf that has been taken apart, as `prove_leaf` does.

    `check` is for signatures that were verified beforehand, see `verify_signers`.
    """
    leaf, note = read
    statement = leaf.statement
    try:
        agency = verify_signers(note, statement, state.keys, pins, check)
    except HandschlagError as error:
        return Broken("key" if error.code is Code.KEY_NOT_IN_FORCE else "signature", str(error))
    broken = _misplaced(state, statement) or _unopened(leaf)
    return broken or Proven(leaf, SignedStatement(leaf.entry.statement.encode(), statement, agency))


def _misplaced(state: LedgerState, statement: Statement) -> Broken | None:
    """Check that a statement belongs into this log, has not stood in it before, and that its key is in force."""
    if statement.log != state.log:
        return Broken("log", f"a statement for {statement.log} in {state.log}")
    if state.closed is not None:
        return Broken("log", f"stands behind the entry that closed {state.log}")
    place = state.place(statement)
    if place != "next":
        number = f"number {statement.n}" if isinstance(statement, Numbered) else "what stands here"
        number = f"seq {statement.seq}" if isinstance(statement, Steered) else number
        return Broken("counter", f"{number} of this signer is {place}")
    if isinstance(statement, ClientWithdrawn) and not opens(state, statement):
        return Broken("signature", "the code is none of a receipt of this basis")
    if isinstance(statement, Numbered) and state.key_in_force(statement.key, *signing_roles(statement)) is None:
        return Broken("key", f"{statement.key} was revoked before, or its agency is no member")
    return None


def opens(state: LedgerState, statement: ClientWithdrawn) -> bool:
    """Tell whether the code of a client's withdrawal is the one on the receipt of what it ends; in constant time."""
    evidence = state.evidence.get(statement.basis)
    found = hashlib.sha256(statement.code.encode()).digest()
    return evidence is not None and hmac.compare_digest(found, evidence.withdraw)


def _unopened(leaf: Leaf) -> Broken | None:
    """Check that key and body beside an outcome are those its holder signed; replay itself takes them as inputs."""
    entry, statement = leaf.entry, leaf.statement
    if not isinstance(entry, Answered) or not isinstance(statement, Outcome):
        return None
    try:
        commitment.check(statement.body, commitment.commit_body(bytes.fromhex(entry.k), entry.body), "body")
    except NotAuthentic as error:
        return Broken("body", str(error))
    return None


def fold_claimed(state: LedgerState, proven: Proven) -> Broken | None:
    """Fold a leaf in as it claims to have been decided; check only that chain and time go on. A `Judge`."""
    leaf, before = proven.leaf, state.time
    broken = _chain_broken(state, leaf.statement)
    if leaf.entry.time < before:
        broken = Broken("time", f"{leaf.entry.time} is before {before}, the time of an earlier entry")
    return fold(state, leaf) or broken


def fold(state: LedgerState, leaf: Leaf) -> Broken | None:
    """Fold a leaf in that nobody decided again; one that cannot be folded takes up its index only."""
    statement = leaf.statement
    try:
        if not isinstance(statement, Numbered) or statement.key in state.keys:
            state.apply(leaf.raw, leaf.entry, statement)
            return None
    except HandschlagError as error:
        state.skip()
        return Broken("form", str(error))
    state.skip()
    return Broken("key", f"{statement.key} is no key of this federation")


def _chain_broken(state: LedgerState, statement: Statement) -> Broken | None:
    if not isinstance(statement, Steered) or (statement.seq, statement.prev) == (state.chain + 1, state.chain_prev):
        return None
    return Broken("chain", f"seq {statement.seq} with another seq or prev than what follows on seq {state.chain}")
