"""The steering group's pen: it continues the chain of admissions, keys and registries, signed by two keys or more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from consent_ledger.core.state import text_hash
from consent_ledger.ports import Clock
from schemas import statements as st
from schemas.ids import Hash, LogId
from schemas.note import Signer, sign_note


class Continuation(TypedDict):
    """The fields every steering statement begins with."""

    log: LogId
    at: int
    seq: int
    prev: Hash


@dataclass
class SteeringDesk:
    """Signs steering statements one after the other; `seq` and `prev` say where the chain stands."""

    log: LogId
    signers: Sequence[Signer]
    clock: Clock
    seq: int = 0
    prev: Hash = st.NO_PREVIOUS

    def next(self) -> Continuation:
        """Give the fields with which the next statement continues the chain."""
        return {"log": self.log, "at": self.clock.now_ms(), "seq": self.seq + 1, "prev": self.prev}

    def sign(self, statement: st.Statement) -> bytes:
        """Sign the next statement with every key and move the chain on."""
        note = sign_note(st.statement_text(statement).encode(), self.signers)
        self.seq, self.prev = self.seq + 1, text_hash(note)
        return note
