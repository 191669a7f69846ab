"""FLOW at the holding agency: from a permit to a sealed record, or to "later" (steps 8 to 14).

Whatever the holder cannot or must not answer by machine is outwardly the same: "later" after one fixed delay, then
"not available" at the deadline the law sets (promise 8). A human's release travels when it is released.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from adapters.node.core.accept import AcceptedGrant, accept, needed
from adapters.node.core.answer import Closed, close_disclosure, close_unavailable, committed_person, open_person
from adapters.node.core.compose import Recipient, seal_context
from adapters.node.core.match import Match, match
from adapters.node.core.release import Release, decide_release
from adapters.node.core.view import Proven
from adapters.node.database import Op
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Head, Issued, Outbox, Reply, fault_of
from adapters.node.store import Disclosed, Handle, NodeStore, Received, ReceivedState, basis_of
from adapters.sources.port import LocalRef, Source
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.entries import Granted
from schemas.errors import Code, HandschlagError, LedgerInconsistent, Misuse, NotAuthentic, Unavailable
from schemas.ids import AgencyId, ExchangeId, FieldName, Hash, Purpose
from schemas.note import from_base64
from schemas.record import SealedPerson
from schemas.seal import load_public
from schemas.topics import ask

DELIVER_TIMEOUT_S: Final = 15.0
_ENDS: Final[dict[str, ReceivedState]] = {
    "exchange.disclosed": "disclosed",
    "exchange.unavailable": "unavailable",
    "exchange.withheld": "withheld",
    "statement.rejected": "withheld",
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
    def of(cls, grant: AcceptedGrant, ref: LocalRef, offer: Hash | None) -> Self:
        """Take it from a grant just accepted."""
        request = grant.request
        basis = basis_of(request.basis)
        return cls(request.exchange, grant.hash, grant.requester, request.purpose, grant.fields, basis, ref, offer)

    @classmethod
    def of_row(cls, row: Received, grant: Hash) -> Self:
        """Take it from the store."""
        return cls(row.exchange, grant, row.requester, row.purpose, row.fields, row.basis, row.ref, row.handle)


@dataclass
class Responder:
    """The answering side of a node."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    source: Source
    report: Callable[[str, Code], None]
    _handles: dict[Hash, Handle] = field(default_factory=dict)
    _seen: set[ExchangeId] = field(default_factory=set)
    _deadlines: dict[ExchangeId, asyncio.TimerHandle] = field(default_factory=dict)
    _recipients: dict[str, Recipient] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Take up what an earlier run left: handles, open requests with their deadlines, records not acknowledged."""
        self.outbox.on_reply(st.Outcome, self._take)
        self._handles = await self.store.handles()
        self._seen = await self.store.received_ids()
        for row in await self.store.all_received("waiting", "human"):
            self._set_deadline(row.exchange, row.answer_by)
        self._spawn(self.redeliver())

    async def permit(self, permit: ms.Permit) -> ms.Message:
        """Work on a grant: the record at once, or "later" after the purpose's fixed delay."""
        arrived = asyncio.get_running_loop().time()
        # 8. Accept: receipts, signatures, basis, fields, all of it again.
        grant = await self._accept(permit)
        if grant.request.exchange in self._seen:
            return await self._repeat(grant, arrived)
        self._seen.add(grant.request.exchange)
        # 9. Open the person, find the row, ask the vetoes.
        block, found, release = await self._examine(grant, permit.person)
        receipt = (permit.entry, permit.proof)
        if release.way == "automatic":
            # 10.-13. Only the granted columns; seal; sign; have it decided again and recorded.
            kept = self.store.receive(grant, receipt, self.identity.clock.now_ms(), "sending", release.why)
            answer = await self._disclose(grant, found.candidates[0].ref, block, kept)
            # 14. The receipt is the permit: only now does the ciphertext leave.
            if answer is not None:
                return answer
        else:
            await self._park(grant, receipt, block, found, release)
        await self._pace(arrived, grant.rule.row.later_after_ms)
        return ms.Later(b"", b"")

    async def release(self, exchange: ExchangeId, ref: LocalRef) -> None:
        """A human decided that `ref` is the person and may be answered for; the record travels now.

        Raises Misuse when the request is not waiting for a human or the row is none of its candidates.
        """
        row = await self._waiting_for_human(exchange)
        if ref not in row.candidates:
            message = "ref: is none of the rows this request may be about"
            raise Misuse(message)
        grant = await self._accepted_before(row)
        block = canonical.decode_model(SealedPerson, row.person.encode())
        await self._disclose(grant, ref, block)
        await self._deliver(await self._row(exchange))

    async def refuse(self, exchange: ExchangeId, reason: str) -> None:
        """A human decided against it: outwardly nothing happens until the deadline."""
        await self._waiting_for_human(exchange)
        await self.store.write(self.store.received_state(exchange, "waiting", f"refused_{reason}"))

    async def withdrawn(self, basis: str) -> None:
        """A consent or given basis has ended: nothing under it is released any more, and its handles end."""
        for handle, known in list(self._handles.items()):
            left = known.bases - {basis}
            if left:
                self._handles[handle] = known._replace(bases=left)
            else:
                del self._handles[handle]
        ops = self.store.end_handles(basis)
        for row in await self.store.all_received("human"):
            if row.basis == basis:
                ops.append(self.store.received_state(row.exchange, "waiting", "withdrawn"))
        await self.store.write(*ops)

    async def acknowledged(self, statement: st.Acknowledged, requester: AgencyId) -> None:
        """The requester has these records: their sealed bytes go."""
        await self.store.write(*self.store.received_acknowledged(statement.exchanges, requester))

    async def redeliver(self) -> None:
        """Send again, without a new decision, the same bytes of what was disclosed and never acknowledged."""
        for row in await self.store.all_received("disclosed"):
            try:
                await self._deliver(row)
            except LedgerInconsistent:
                raise
            except HandschlagError as error:
                self.report("redeliver", error.code)

    async def close(self) -> None:
        """Stop the timers and wait for what they started."""
        for timer in self._deadlines.values():
            timer.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- 8: accept -------------------------------------------------------------------------------------------------

    async def _accept(self, permit: ms.Permit) -> AcceptedGrant:
        if permit.basis_entry:
            self.federation.view.learn(permit.basis_entry, permit.basis_proof)
        proven = self.federation.view.prove(permit.entry, permit.proof)
        if isinstance(proven.leaf.entry, Granted):
            lacking = needed(proven.leaf.entry, self.federation.view)
            if lacking.chain:
                await self.federation.catch_up()
            if lacking.registry is not None:
                await self.federation.hold_registry(lacking.registry)
            if lacking.approval is not None:
                await self.federation.hold_entry(lacking.approval)
        grant = accept(proven, permit.person, self.identity.agency, self.source.catalogue, self.federation.view)
        if grant.request.answer_by <= self.identity.clock.now_ms():
            message = "grant: its deadline has passed"
            raise NotAuthentic(message, code=Code.DEADLINE_PASSED)
        return grant

    async def _accepted_before(self, row: Received) -> AcceptedGrant:
        """Prove a kept grant again before it is worked on again."""
        proven = self.federation.view.prove(row.grant_entry, row.grant_proof)
        return accept(proven, None, self.identity.agency, self.source.catalogue, self.federation.view)

    # -- 9: who is it, and may the machine answer ------------------------------------------------------------------

    async def _examine(self, grant: AcceptedGrant, sealed: bytes) -> tuple[SealedPerson | None, Match, Release]:
        """Open, match, decide the way of release; whatever fails here is "later" like everything else."""
        view = self.federation.view
        try:
            block = open_person(grant, sealed, self.identity.openers, view.log, self.identity.agency)
            found = await self._find(grant, block)
        except Unavailable:
            return None, Match("none", ()), Release("none", "source_down")
        except HandschlagError as error:
            self.report("person_block", error.code)
            return None, Match("none", ()), Release("none", "unreadable")
        kinds = grant.registry.kinds
        members = view.state.members
        release = decide_release(
            grant,
            found,
            kinds[members[grant.requester].kind],
            kinds[members[self.identity.agency].kind],
            view.automatic_approval(self.identity.agency, grant.request.purpose),
            first=block.handle is None,
        )
        return block, found, release

    async def _find(self, grant: AcceptedGrant, block: SealedPerson) -> Match:
        """Find the row: by the pair handle if it is this requester's and opened for this basis, else by matching."""
        if block.handle is None:
            return match(committed_person(grant, block), await self.source.candidates(committed_person(grant, block)))
        handle = self._handles.get(block.handle)
        if handle is None or handle.requester != grant.requester or basis_of(grant.request.basis) not in handle.bases:
            return Match("none", ())
        return Match("certain", (await self.source.lookup(handle.ref),))

    async def _park(
        self,
        grant: AcceptedGrant,
        receipt: tuple[bytes, bytes],
        block: SealedPerson | None,
        found: Match,
        release: Release,
    ) -> None:
        """Keep what cannot be answered now, and set the clock for its deadline."""
        exchange = grant.request.exchange
        human = release.way == "human" and block is not None
        ops = [
            self.store.receive(
                grant, receipt, self.identity.clock.now_ms(), "human" if human else "waiting", release.why
            )
        ]
        if human and block is not None:
            refs = [candidate.ref for candidate in found.candidates]
            ops.append(self.store.received_for_human(exchange, canonical.encode_model(block).decode(), refs, block.offer))
        await self.store.write(*ops)
        self._set_deadline(exchange, grant.request.answer_by)

    # -- 10 to 14: answer ------------------------------------------------------------------------------------------

    async def _disclose(
        self, grant: AcceptedGrant, ref: LocalRef, block: SealedPerson | None, *kept: Op
    ) -> ms.Delivered | None:
        """Fetch, seal, sign, have it decided again; give the sealed record with its receipt, None when withheld."""
        values = await self.source.fetch(ref, frozenset(grant.fields))
        to = self._recipient(grant)
        name = grant.request.exchange
        context = seal_context(self.federation.view, "record", name, self.identity.agency, to, grant.fields)
        random = (self.identity.random_bytes(32), self.identity.random_bytes(32))
        closed = close_disclosure(grant, values, to, context, random)
        answering = Answering.of(grant, ref, None if block is None else block.offer)
        proven, reply = await self._send(answering, closed, *kept)
        if proven.leaf.kind != "exchange.disclosed":
            return None
        return ms.Delivered(b"", b"", reply.entry, reply.proof, closed.sealed)

    async def _send(self, answering: Answering, closed: Closed, *kept: Op) -> tuple[Proven, ms.Logged]:
        """Sign a closed outcome, keep it with its sealed bytes, hand it in, and settle what the log says."""

        def compose(head: Head) -> st.Outcome:
            return st.Outcome(**head.fields(), exchange=answering.exchange, grant=answering.grant, body=closed.body_hash)

        def keep(_: st.Numbered) -> tuple[Op, ...]:
            sending = self.store.received_sending(answering.exchange, answering.ref, answering.offer, closed.sealed)
            return (*kept, sending)

        body = canonical.encode_model(closed.body)
        issued, reply = await self.outbox.send(
            "outcome", compose, lambda note: ms.AskOutcome(note, closed.k, body), keep
        )
        return await self._settle(answering, issued, reply)

    async def _settle(self, answering: Answering, issued: Issued, reply: Reply) -> tuple[Proven, ms.Logged]:
        """Keep what the log decided about our outcome: the receipt, the register line, the pair handle."""
        if not isinstance(reply, ms.Logged):
            message = "broker: an outcome is answered with its entry"
            raise NotAuthentic(message)
        proven = self.federation.view.prove(reply.entry, reply.proof)
        if proven.leaf.entry.statement.encode() != issued.note:
            message = "receipt: embeds another outcome than the one sent"
            raise NotAuthentic(message)
        ops = [
            self.store.logged(issued.statement, proven),
            self.store.received_ended(answering.exchange, _ENDS[proven.leaf.kind], reply.entry, reply.proof),
        ]
        if proven.leaf.kind == "exchange.disclosed" and answering.ref is not None:
            ops += self._disclosed(answering, answering.ref, proven)
        await self.store.write(*ops)
        return proven, reply

    def _disclosed(self, answering: Answering, ref: LocalRef, proven: Proven) -> list[Op]:
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
        ops = [self.store.register_disclosure(line)]
        if answering.offer is not None:
            known = self._handles.get(answering.offer, Handle(answering.requester, ref, frozenset()))
            self._handles[answering.offer] = known._replace(bases=known.bases | {answering.basis})
            ops += self.store.keep_handle(answering.offer, answering.requester, ref, answering.basis)
        return ops

    async def _take(self, issued: Issued, reply: Reply) -> None:
        """Take the answer to an outcome that was resent, and send what it permits."""
        outcome = issued.statement
        if not isinstance(outcome, st.Outcome):
            message = "outbox: an outcome was expected"
            raise NotAuthentic(message)
        row = await self._row(outcome.exchange)
        await self._settle(Answering.of_row(row, outcome.grant), issued, reply)
        await self._deliver(await self._row(outcome.exchange))

    # -- later -----------------------------------------------------------------------------------------------------

    async def _repeat(self, grant: AcceptedGrant, arrived: float) -> ms.Message:
        """A grant that came before gets the same bytes, or "later" again."""
        row = await self.store.received(grant.request.exchange)
        if row is not None and row.state == "disclosed":
            return ms.Delivered(b"", b"", row.entry, row.proof, row.sealed)
        await self._pace(arrived, grant.rule.row.later_after_ms)
        return ms.Later(b"", b"")

    def _set_deadline(self, exchange: ExchangeId, answer_by: int) -> None:
        """Say "not available" at the law's time for it, if nothing else was said by then."""
        delay_s = max(0, answer_by - self.identity.clock.now_ms()) / 1000
        loop = asyncio.get_running_loop()
        self._deadlines[exchange] = loop.call_later(delay_s, lambda: self._spawn(self._end(exchange)))

    async def _end(self, exchange: ExchangeId) -> None:
        """The deadline has come: hand in "not available", and hand on what the log makes of it."""
        self._deadlines.pop(exchange, None)
        row = await self._row(exchange)
        if row.state not in {"waiting", "human"}:
            return
        answering = Answering.of_row(row, self.federation.view.prove(row.grant_entry, row.grant_proof).hash)
        await self._send(answering, close_unavailable(self.identity.random_bytes(32)))
        await self._deliver(await self._row(exchange))

    async def _deliver(self, row: Received) -> None:
        """Hand an outcome to the requester by a call of its own; a withheld one is not handed on."""
        if row.state not in {"disclosed", "unavailable"}:
            return
        message = ms.pack(ms.AskDeliver(row.entry, row.proof, row.sealed))
        reply = await self.outbox.bus.call(ask("deliver"), message, timeout_s=DELIVER_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Done, ms.Failed)
        if isinstance(answer, ms.Failed):
            raise fault_of(answer)

    async def _pace(self, arrived: float, later_after_ms: int) -> None:
        """Wait until the purpose's fixed delay after the arrival, whatever the work before took."""
        await asyncio.sleep(max(0.0, arrived + later_after_ms / 1000 - asyncio.get_running_loop().time()))

    async def _waiting_for_human(self, exchange: ExchangeId) -> Received:
        row = await self._row(exchange)
        if row.state != "human":
            message = "exchange: is not waiting for a decision"
            raise Misuse(message)
        return row

    async def _row(self, exchange: ExchangeId) -> Received:
        row = await self.store.received(exchange)
        if row is None:
            message = "exchange: was never asked of this agency"
            raise Misuse(message)
        return row

    def _recipient(self, grant: AcceptedGrant) -> Recipient:
        """Load the key the request wants its record sealed to, once; it must be the requester's and unrevoked."""
        wanted = grant.request.seal_key
        key = self.federation.view.key_of(grant.requester, wanted)
        if key is None or key.suite == "ed25519":
            message = "seal_key: is no key of the requester in force"
            raise NotAuthentic(message)
        if wanted not in self._recipients:
            public = load_public(key.suite, from_base64(key.public, "seal key"))
            self._recipients[wanted] = Recipient(grant.requester, key.suite, public, wanted)
        return self._recipients[wanted]

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside the calls; what goes wrong is reported by its code and taken up at the next start."""

        async def guarded() -> None:
            try:
                await work
            except HandschlagError as error:
                self.report("responder", error.code)

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
