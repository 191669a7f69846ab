"""FLOW of an outcome at the holding agency (steps 10 to 14): fetch, seal, sign, have it decided again, hand it over.

Everything stands in the store before it is sent: which row is meant, the sealed bytes, the signed outcome. A restart
therefore goes on wherever it was. One outcome is handed in for one exchange: who works on it claims it first.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, Self

from adapters.node.background import Background, Sweep, backoff_ms, each
from adapters.node.core.accept import AcceptedGrant
from adapters.node.core.answer import Closed, close_disclosure, close_unavailable, without_register
from adapters.node.core.compose import Recipient, Seal, seal_context
from adapters.node.core.view import Proven
from adapters.node.covering import Covering
from adapters.node.database import Op
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Handling, Head, Issued, Ours, Outbox, Reply, fault_of
from adapters.node.store import NodeStore
from adapters.node.store.rows import NO_RECEIPT, Disclosed, Handle, Receipt, Received, ReceivedState, basis_of
from adapters.node.withdrawals import ENDED, Withdrawals
from adapters.sources.port import LocalRef, Source
from consent_ledger.core.state import DEADLINE_GRACE_MS
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.calendar import DAY_MS
from schemas.entries import Withheld
from schemas.errors import Code, HandschlagError, Misuse, NotAuthentic
from schemas.ids import AgencyId, ExchangeId, FieldName, Hash, KeyId, Purpose
from schemas.note import from_base64
from schemas.record import SealedPerson
from schemas.seal import load_public, seals
from schemas.topics import ask

WITNESSED_FROM: Final = 3
"""The sensitivity from which on a field leaves only under a grant that the witnesses' quorum has cosigned."""
DELIVER_TIMEOUT_S: Final = 15.0
REDELIVER_AFTER_MS: Final = 30_000
REDELIVER_FOR_MS: Final = 14 * DAY_MS
"""How long the same sealed bytes are handed over again until they are acknowledged (ARCHITECTURE, Late and offline)."""
_ENDS: Final[dict[str, ReceivedState]] = {
    "exchange.disclosed": ReceivedState.DISCLOSED,
    "exchange.unavailable": ReceivedState.UNAVAILABLE,
    "exchange.withheld": ReceivedState.WITHHELD,
    "statement.rejected": ReceivedState.WITHHELD,
}


class Answering(NamedTuple):
    """What an answer needs to know of its grant, fresh or from the store."""

    exchange: ExchangeId
    grant: Hash
    requester: AgencyId
    purpose: Purpose
    fields: tuple[FieldName, ...]
    basis: str
    ref: LocalRef | None
    offer: Hash | None

    @classmethod
    def of(cls, grant: AcceptedGrant, ref: LocalRef, block: SealedPerson) -> Self:
        """Take it from an accepted grant and the row a certain match or a human named."""
        request = grant.request
        basis = basis_of(request.basis)
        return cls(
            request.exchange, grant.hash, grant.requester, request.purpose, grant.fields, basis, ref, block.offer
        )

    @classmethod
    def of_row(cls, row: Received, grant: Hash) -> Self:
        """Take it from the store."""
        return cls(row.exchange, grant, row.requester, row.purpose, row.fields, row.basis, row.ref, row.handle)


class Settled(NamedTuple):
    """What the log decided about an outcome, and its receipt."""

    state: ReceivedState
    receipt: Receipt


@dataclass
class Outcomes:
    """The holder's hand that signs and hands over."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    source: Source
    withdrawals: Withdrawals
    background: Background
    covering: Covering
    _handles: dict[Hash, Handle] = field(default_factory=dict)
    _claimed: set[ExchangeId] = field(default_factory=set)
    _recipients: dict[KeyId, Recipient] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what comes by the clock, for the answers to resent outcomes, and to forget handles."""
        self.outbox.handle(st.Outcome, Handling(self._take_resent, self._drop))
        self.withdrawals.forget.append(self._forget)
        self._deadlines = Sweep(self.background, self.identity.clock, "deadline", self._end_overdue)
        self._deliveries = Sweep(self.background, self.identity.clock, "hand_over", self._hand_over_due)

    async def start(self) -> None:
        """Take up what an earlier run left: handles, deadlines, records not acknowledged."""
        self._handles = await self.store.bases.handles()
        self._deadlines.now()
        self._deliveries.now()

    async def reconnected(self) -> None:
        """Hand over at once what waits for its time."""
        await self.store.write(self.store.received.hasten(self.identity.clock.now_ms()))
        self._deliveries.now()

    async def hand_over_now(self, exchange: ExchangeId) -> None:
        """Hand over an outcome at once by a call of ours: no other call is open to take it."""
        await self.store.write(self.store.received.hand_over_at(exchange, self.identity.clock.now_ms()))
        self._deliveries.now()

    def close(self) -> None:
        """Do nothing more by the clock."""
        self._deadlines.close()
        self._deliveries.close()

    @contextlib.contextmanager
    def claim(self, exchange: ExchangeId) -> Iterator[None]:
        """Work on an exchange alone; Misuse when somebody does already."""
        if exchange in self._claimed:
            message = "exchange: is being answered this moment"
            raise Misuse(message, code=Code.GRANT_CLOSED)
        self._claimed.add(exchange)
        try:
            yield
        finally:
            self._claimed.discard(exchange)

    def handle(self, name: Hash, requester: AgencyId, basis: str | None) -> LocalRef | None:
        """Give the row a pair handle stands for, if it is this requester's and was opened for this very basis.

        `basis` None asks for a handle that stands on any.
        """
        known = self._handles.get(name)
        if known is None or known.requester != requester:
            return None
        return known.ref if basis is None or basis in known.bases else None

    def watch(self, answer_by: int) -> None:
        """See to it that an open request ends at its deadline."""
        self._deadlines.at(answer_by)

    # -- 10 to 13: fetch, seal, sign, have it decided again --------------------------------------------------------

    async def close_record(self, grant: AcceptedGrant, ref: LocalRef) -> Closed:
        """Read the granted columns of one row and seal them to the key the request names; nothing is signed yet.

        Raises Unavailable while what was proven to this node is not under the witnesses' cosignatures. Fields of the
        highest sensitivity wait until the grant itself is: for them it is not enough that a fork would come out later.
        """
        await self.covering.check()
        if any(grant.registry.fields[name].sensitivity >= WITNESSED_FROM for name in grant.fields):
            await self.covering.wait_for(grant.log_index)
        kind = self.federation.view.state.members[grant.requester].kind
        values = without_register(await self.source.fetch(ref, frozenset(grant.fields)), kind)
        about = Seal("record", grant.request.exchange, self.identity.agency, self._recipient(grant))
        context = seal_context(self.federation.view, about, grant.fields)
        random = (self.identity.random_bytes(32), self.identity.random_bytes(32))
        return close_disclosure(grant, values, about.to, context, random)

    async def hand_in(self, answering: Answering, closed: Closed, *kept: Op, later: bool) -> Settled:
        """Sign a closed outcome, keep it with its sealed bytes, hand it in, and settle what the log says.

        `later` says that no call is open through which a record could go back: it is handed over by a call of ours.
        """

        def compose(head: Head) -> st.Outcome:
            return st.Outcome(
                **head.fields(), exchange=answering.exchange, grant=answering.grant, body=closed.body_hash
            )

        def keep(_: Ours) -> Sequence[Op]:
            sending = self.store.received.sending(answering.exchange, answering.ref, answering.offer, closed.sealed)
            return (*kept, sending)

        body = canonical.encode_model(closed.body)
        take = partial(self._settle, answering, later=later)
        return await self.outbox.send(compose, lambda note: ms.AskOutcome(note, closed.k, body), take, keep)

    async def _settle(self, answering: Answering, issued: Issued, reply: Reply, *, later: bool) -> Settled:
        """Keep what the log decided about our outcome: the receipt, the register line, the pair handle."""
        proven = self.outbox.own_entry(issued, reply)
        state = _ENDS.get(proven.leaf.kind)
        if state is None or not isinstance(reply, ms.Logged):
            message = "receipt: the entry is no answer to an outcome"
            raise NotAuthentic(message)
        now, receipt = self.identity.clock.now_ms(), Receipt(reply.entry, reply.proof)
        handed_over = state in {ReceivedState.DISCLOSED, ReceivedState.UNAVAILABLE}
        due = now + (0 if later else REDELIVER_AFTER_MS) if handed_over else None
        ops = [
            self.store.outgoing.logged(issued.statement, proven),
            self.store.received.ended(answering.exchange, state, receipt, now, due),
        ]
        if state is ReceivedState.DISCLOSED and answering.ref is not None:
            ops += self._disclosed(answering, answering.ref, proven)
        if state is ReceivedState.DISCLOSED and not later:
            # The record need not wait for our own notes: until they are durable the outcome counts as unanswered, is
            # sent again after a crash, and the log gives the same receipt.
            self.background.spawn("settle", self._note(answering, proven, ops, due))
        else:
            await self._note(answering, proven, ops, due)
        return Settled(state, receipt)

    async def _note(self, answering: Answering, proven: Proven, ops: Sequence[Op], due: int | None) -> None:
        """Write down an end, and wake what hands it over; what could not be written is asked for again."""
        try:
            await self._write(answering, proven, ops)
        except HandschlagError:
            self.outbox.resend_later()
            raise
        if due is not None:
            self._deliveries.at(due)

    async def _write(self, answering: Answering, proven: Proven, ops: Sequence[Op]) -> None:
        """Make an end durable, and with a withheld one the end of the basis that it tells of."""
        entry = proven.leaf.entry
        if isinstance(entry, Withheld) and entry.reason in ENDED:
            await self.withdrawals.end(answering.basis, ENDED[entry.reason], *ops)
            return
        if proven.leaf.kind == "exchange.disclosed" and answering.offer is not None and answering.ref is not None:
            known = self._handles.get(answering.offer, Handle(answering.requester, answering.ref, frozenset()))
            if (known.requester, known.ref) == (answering.requester, answering.ref):
                self._handles[answering.offer] = known._replace(bases=known.bases | {answering.basis})
        await self.store.write(*ops)

    def _disclosed(self, answering: Answering, ref: LocalRef, proven: Proven) -> tuple[Op, ...]:
        """Give the line of the disclosure register, and the pair handle that was offered."""
        line = Disclosed(
            exchange=answering.exchange,
            at=proven.leaf.entry.time,
            requester=answering.requester,
            purpose=answering.purpose,
            fields=answering.fields,
            basis=answering.basis,
            ref=ref,
            log_index=proven.index,
        )
        register = self.store.received.register(line)
        if answering.offer is None:
            return (register,)
        return (register, *self.store.bases.keep_handle(answering.offer, answering.requester, ref, answering.basis))

    async def _take_resent(self, issued: Issued, reply: Reply) -> Settled:
        """Take the answer to an outcome that was resent; what it permits is handed over by a call of its own."""
        outcome = issued.statement
        if not isinstance(outcome, st.Outcome):
            message = "outbox: an outcome was expected"
            raise NotAuthentic(message)
        row = await self.store.received.get(outcome.exchange)
        return await self._settle(Answering.of_row(row, outcome.grant), issued, reply, later=True)

    def _drop(self, outcome: Ours, _: Code) -> Sequence[Op]:
        """Leave a request to its deadline whose outcome is never logged."""
        self._deadlines.now()
        return (self.store.received.wait(outcome.exchange, "not_logged"),) if isinstance(outcome, st.Outcome) else ()

    def _forget(self, basis: str) -> None:
        """Forget what an ended basis carried: a handle goes with its last basis."""
        for name, known in list(self._handles.items()):
            left = known.bases - {basis}
            if left:
                self._handles[name] = known._replace(bases=left)
            else:
                del self._handles[name]

    def _recipient(self, grant: AcceptedGrant) -> Recipient:
        """Load the key the request wants its record sealed to, once; it must be the requester's and unrevoked."""
        wanted = grant.request.seal_key
        key = self.federation.view.key_of(grant.requester, wanted)
        if key is None or not seals(key.suite):
            message = "seal_key: is no key of the requester in force"
            raise NotAuthentic(message, code=Code.KEY_NOT_IN_FORCE)
        if wanted not in self._recipients:
            public = load_public(key.suite, from_base64(key.public, "seal key"))
            self._recipients[wanted] = Recipient(grant.requester, key.suite, public, wanted)
        return self._recipients[wanted]

    # -- deadlines -------------------------------------------------------------------------------------------------

    async def _end_overdue(self, now_ms: int) -> int | None:
        """Say "not available" at the law's time for whatever was not answered otherwise by then."""
        await each(self._end, await self.store.received.overdue(now_ms))
        return await self.store.received.next_deadline()

    async def _end(self, row: Received) -> None:
        """Hand in "not available"; what comes too late even for that ends here, as by computation it did in the log."""
        now = self.identity.clock.now_ms()
        if row.exchange in self._claimed:
            return
        with self.claim(row.exchange):
            if now > row.answer_by + DEADLINE_GRACE_MS:
                lapsed = self.store.received.ended(row.exchange, ReceivedState.LAPSED, NO_RECEIPT, now, None)
                await self.store.write(lapsed)
                return
            answering = Answering.of_row(row, self.federation.view.prove(*row.grant).hash)._replace(
                ref=None, offer=None
            )
            closed = close_unavailable(self.identity.random_bytes(32))
            await self.background.tried("deadline", self.hand_in(answering, closed, later=True))

    # -- 14: hand over ---------------------------------------------------------------------------------------------

    async def _hand_over_due(self, now_ms: int) -> int | None:
        """Hand over, without a new decision, the same bytes of what was disclosed and is not acknowledged yet."""
        await each(self._hand_over, await self.store.received.due(now_ms))
        return await self.store.received.next_due()

    async def _hand_over(self, row: Received) -> None:
        now = self.identity.clock.now_ms()
        if now > (row.ended_at or 0) + REDELIVER_FOR_MS:
            await self.store.write(self.store.received.again(row.exchange, None))
            return
        taken = await self.background.tried("hand_over", self._deliver(row))
        told = taken is not None and row.state is ReceivedState.UNAVAILABLE
        due = None if told else now + backoff_ms(row.tries, REDELIVER_AFTER_MS)
        await self.store.write(self.store.received.again(row.exchange, due))

    async def _deliver(self, row: Received) -> ms.Done:
        """Hand an outcome to the requester by a call of its own; a withheld one is never handed on."""
        self.background.check()
        message = ms.pack(ms.AskDeliver(*row.outcome, row.sealed))
        reply = await self.outbox.bus.call(ask("deliver"), message, timeout_s=DELIVER_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Done, ms.Failed)
        if isinstance(answer, ms.Done):
            return answer
        raise fault_of(answer)
