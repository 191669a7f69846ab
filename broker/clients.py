"""FLOW of a client at the broker: see by the view code what happened under a consent or notice, end it by the other.

Nobody logs in: who holds the receipt holds two codes of 80 random bits each, of which the ledger has the hashes. What
is shown comes from the ledger alone and names no person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from broker.core.client_story import Step, Story
from broker.core.route import addressees
from broker.log_files import LogFiles
from consent_ledger.core.decision import NotLogged, Submission
from consent_ledger.core.evidence import Evidence, evidence_id
from consent_ledger.core.signed import CLIENT, SignedStatement
from consent_ledger.ports import Clock
from consent_ledger.sequencer import Receipt, Sequencer
from schemas import messages as ms
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code, Unavailable
from schemas.ids import AgencyId, ConsentId, GivenId


class Opened(NamedTuple):
    """What a view code opens: a consent or given basis, or for a notice the one request it is about, and what happened.

    `basis` and `evidence` are None for a notice; `consent` says how one was taken. What was withheld shows once its
    deadline has passed.
    """

    basis: ConsentId | GivenId | None
    evidence: Evidence | None
    consent: st.ConsentGiven | None
    steps: tuple[Step, ...]
    now_ms: int

    @property
    def language(self) -> str:
        """The language of a consent's text."""
        return "de" if self.consent is None else self.consent.language


@dataclass(frozen=True)
class Clients:
    """What clients may see and end; `tell` sends an entry to a node at once."""

    sequencer: Sequencer
    files: LogFiles
    clock: Clock
    tell: Callable[[AgencyId, ms.Deliver], None]

    async def open(self, code: str) -> Opened | None:
        """Give what a view code opens; None for a code that opens nothing, whatever is the matter with it."""
        view = sha256(plain(code).encode())
        state = self.sequencer.state
        index = state.views.get(bytes.fromhex(view))
        if index is None:
            return None
        await self.sequencer.durable()
        story, size = Story(view), self.sequencer.end
        while index < size:
            index = await self.files.walk(index, size, story.see)
        evidence = None if story.basis is None else state.evidence.get(story.basis)
        now = self.clock.now_ms()
        steps = tuple(step for step in story.steps if step.index >= 0 or step.at_ms <= now)
        return Opened(story.basis, evidence, story.consent, steps, now)

    async def withdraw(self, view_code: str, code: str) -> Receipt | None:
        """End what a view code opens; give the receipt from whose index on it is over, None for a wrong code.

        A client that says it again gets the same receipt. Raises Busy or Unavailable while the log cannot take it: then
        it is not over.
        """
        state = self.sequencer.state
        index = state.views.get(bytes.fromhex(sha256(plain(view_code).encode())))
        if index is None:
            return None
        await self.sequencer.durable()
        begun = (await self.sequencer.receipt(index)).leaf.statement
        typed = plain(code)
        if not isinstance(begun, st.ConsentGiven | st.BasisGiven) or not st.CODE.fullmatch(typed):
            return None
        basis = ConsentId(evidence_id(begun))
        statement = st.ClientWithdrawn(log=state.log, at=self.clock.now_ms(), basis=basis, code=typed)
        signed = SignedStatement(st.statement_text(statement).encode(), statement, CLIENT)
        decided = await self.sequencer.submit(Submission(signed))
        if isinstance(decided, NotLogged) and decided.code in {Code.WRONG_LOG, Code.UNAVAILABLE}:
            message = "log: goes on in its next shard, and takes nothing meanwhile"
            raise Unavailable(message)
        if isinstance(decided, NotLogged):
            return None
        for agency in addressees(decided.leaf, self.sequencer.state):
            self.tell(agency, ms.Deliver(decided.leaf.raw, decided.proof, b""))
        return decided


def plain(code: str) -> str:
    """Give a code as it was made, whatever blanks, hyphens and case it is typed with; 0 and 1 are taken for O and I."""
    return "".join(code.upper().replace("0", "O").replace("1", "I").split()).replace("-", "")
