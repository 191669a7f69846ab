"""What goes into the sequencer and what the decision about it can be; the deciding itself comes as an argument."""

from collections.abc import Callable
from dataclasses import dataclass

from consent_ledger.core.signed import SignedStatement
from consent_ledger.core.state import LedgerState
from schemas.entries import AnyEntry
from schemas.errors import Code
from schemas.ids import Hash
from schemas.statements import OutcomeBody


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """An outcome's body with the key that opens the statement's commitment to it; the two were checked to fit."""

    k: Hash
    body: OutcomeBody


@dataclass(frozen=True, slots=True)
class Submission:
    """A proven statement on its way into the log; `opened` comes with outcomes and only with them."""

    signed: SignedStatement
    opened: OpenedBody | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """An entry to be appended, with its type."""

    kind: str
    entry: AnyEntry


@dataclass(frozen=True, slots=True)
class NotLogged:
    """A decided no that changes nothing, not even a counter; `detail` names field and rule."""

    code: Code
    detail: str


Decide = Callable[[LedgerState, Submission, int], Decision | NotLogged]
"""Decides a submission on the state as of its index, advanced to the log time in ms that is the third argument.

Pure: it changes nothing, not even the state, so that replay can call it again with what the entry holds.
"""
