"""FLOW of one request through the middle, top to bottom; the steps are those of ARCHITECTURE.md.

`request` is called by the requester's node (steps 4 to 8), which calls the holder's node; while that call is open the
holder calls `outcome` (steps 12 and 13) and only then answers it with the sealed record (step 14). What comes later
than the open call takes the same way by `deliver`. The broker keeps nothing of what passes: no sealed block, no record.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from broker.core.authenticate import Gate, authenticate, caller_agency, recordable, request_submission
from broker.core.check_outcome import check_outcome
from broker.core.route import addressees, signer_of
from consent_ledger.core.decision import NotLogged, Submission
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.sequencer import Receipt, Sequencer
from schemas import messages as ms
from schemas import statements as st
from schemas.bus import Bus
from schemas.commitment import sha256
from schemas.entries import Answered, Disclosed, Granted, Recorded
from schemas.errors import Code, HandschlagError, Malformed, NotAuthentic
from schemas.ids import AgencyId, Hash, NatsAccount
from schemas.topics import node_call

PERMIT_TIMEOUT_S: Final = 14.5
"""How long a holder may take over its first word; below the 15 s in which the server lets it answer."""
DELIVER_TIMEOUT_S: Final = 10.0


async def _all_held(_registry: Hash) -> None:
    """Hold no more registry bundles than are held already."""


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The middle of every exchange: the log, the bus, and the gate that proves who calls.

    `tell` sends news to a node; `hold_registry` fetches a bundle that is about to be put into force.
    """

    sequencer: Sequencer
    bus: Bus
    gate: Gate
    tell: Callable[[AgencyId, ms.Deliver], None]
    hold_registry: Callable[[Hash], Awaitable[None]] = _all_held

    async def request(self, asked: ms.AskRequest, account: NatsAccount) -> ms.Message:
        """Decide and record a request, pass a permitted one on, and bring back what the holder says at once."""
        # 4. Who asks? 5.-6. Decide in log order, record, make the receipt.
        signed = authenticate(asked.statement, account, self.sequencer.state, self.gate)
        decided = await self.sequencer.submit(request_submission(signed, sha256(asked.person)))
        # 7. A no goes back with its rule and receipt; a permit goes on to the holder.
        if isinstance(decided, NotLogged):
            return ms.fault(decided.code, decided.detail)
        granted, request = decided.leaf.entry, decided.leaf.statement
        if not isinstance(granted, Granted) or not isinstance(request, st.Request):
            return ms.Logged(decided.leaf.raw, decided.proof)
        answer = await self._permit(decided, request.holder, granted.basis, asked.person)
        # 14. The sealed record, if the holder disclosed at once; else the grant alone.
        if answer is None:
            return ms.Later(decided.leaf.raw, decided.proof)
        return ms.Delivered(decided.leaf.raw, decided.proof, answer.entry, answer.proof, answer.sealed)

    async def _permit(
        self, granted: Receipt, holder: AgencyId, basis_index: int | None, person: bytes
    ) -> ms.Delivered | None:
        """Call the holder with the grant and the evidence it rests on.

        None for "later", for a holder out of reach, and for one whose answer the ledger does not carry.
        """
        basis, basis_proof = b"", b""
        if basis_index is not None:
            evidence = await self.sequencer.receipt(basis_index)
            basis, basis_proof = evidence.leaf.raw, evidence.proof
        permit = ms.Permit(granted.leaf.raw, granted.proof, person, basis, basis_proof)
        try:
            reply = await self.bus.call(node_call(holder, "permit"), ms.pack(permit), timeout_s=PERMIT_TIMEOUT_S)
            answer = ms.unpack(reply, ms.Delivered, ms.Later, ms.Failed)
            if not isinstance(answer, ms.Delivered):
                return None
            # What the holder had logged a moment ago is recognised by its bytes; the proof passed on is our own then.
            recent = self.sequencer.recent(answer.entry)
            leaf = self._proven(answer.entry, answer.proof) if recent is None else recent.leaf
        except HandschlagError:
            return None
        entry = leaf.entry
        if not isinstance(entry, Disclosed) or entry.grant != granted.index or not _payload_fits(entry, answer.sealed):
            return None
        return answer if recent is None else replace(answer, proof=recent.proof)

    async def outcome(self, asked: ms.AskOutcome, account: NatsAccount) -> ms.Message:
        """Check a holder's outcome, decide it wholly again in log order, and answer with the receipt (steps 12, 13)."""
        signed = authenticate(asked.statement, account, self.sequencer.state, self.gate)
        return await self._logged(check_outcome(signed, asked.k, asked.body))

    async def deliver(self, asked: ms.AskDeliver, account: NatsAccount) -> ms.Message:
        """Pass on what a logged entry permits: an outcome to its requester, a consent package to its recipient."""
        sender = caller_agency(account, self.sequencer.state, self.gate)
        leaf = self._proven(asked.entry, asked.proof)
        if signer_of(leaf.statement, self.sequencer.state.keys) != sender:
            message = "entry: its statement is not the caller's"
            raise NotAuthentic(message)
        match leaf.entry, leaf.statement:
            case Answered() as answered, _:
                if not _payload_fits(answered, asked.payload):
                    message = "payload: is not the sealed record the entry names"
                    raise Malformed(message)
                grant = await self.sequencer.receipt(answered.grant)
                receiver = signer_of(grant.leaf.statement, self.sequencer.state.keys)
            case Recorded(), (st.ConsentGiven() | st.BasisGiven()) as given:
                receiver = given.recipient
            case _:
                message = "entry: nothing is delivered with an entry of this type"
                raise Malformed(message)
        return await self._pass_on(receiver, ms.Deliver(asked.entry, asked.proof, asked.payload))

    def _proven(self, entry: bytes, proof: bytes) -> Leaf:
        """Read an entry that stands in this log; NotAuthentic or Malformed when its proof does not show it."""
        self.sequencer.prove(entry, proof)
        return read_leaf(entry)

    async def record(self, asked: ms.AskRecord, account: NatsAccount) -> ms.Message:
        """Record a statement that is no exchange, and tell at once whom it concerns."""
        signed = authenticate(asked.statement, account, self.sequencer.state, self.gate)
        if isinstance(signed.statement, st.RegistrySet):
            await self.hold_registry(signed.statement.registry)
        return await self._logged(recordable(signed))

    async def _logged(self, submission: Submission) -> ms.Message:
        decided = await self.sequencer.submit(submission)
        if isinstance(decided, NotLogged):
            return ms.fault(decided.code, decided.detail)
        if decided.leaf.kind != "statement.rejected":
            for agency in addressees(decided.leaf, self.sequencer.state):
                self.tell(agency, ms.Deliver(decided.leaf.raw, decided.proof, b""))
        return ms.Logged(decided.leaf.raw, decided.proof)

    async def _pass_on(self, receiver: AgencyId, delivery: ms.Deliver) -> ms.Message:
        reply = await self.bus.call(node_call(receiver, "deliver"), ms.pack(delivery), timeout_s=DELIVER_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Done, ms.Failed)
        return ms.Done() if isinstance(answer, ms.Done) else ms.fault(Code.UNAVAILABLE, "receiver: did not take it")


def _payload_fits(entry: Answered, payload: bytes) -> bool:
    """Tell whether a payload is the one an outcome names: the sealed record, or nothing where nothing is disclosed."""
    return payload == b"" if entry.body.ct is None else entry.body.ct == sha256(payload)
