"""FLOW at the asking agency: from a caseworker's question to a record on the screen (steps 1 to 3, 15 and 16).

What cannot be answered at once comes later through `delivered`, the node's end of the call `adapter.deliver`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from adapters.node.consents import Consents
from adapters.node.core.compose import REQUEST_LIFE_MS, Question, Recipient, draft, person_block, recipient, seal_context
from adapters.node.core.open_answer import ProvenAnswer, open_answer, prove_answer, record_context
from adapters.node.core.view import Proven
from adapters.node.database import Op
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Head, Issued, Outbox, Reply
from adapters.node.staff import Staff
from adapters.node.store import Asked, NodeStore
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Granted, Refused, Rejected
from schemas.errors import Code, HandschlagError, LedgerInconsistent, NotAuthentic, Unavailable
from schemas.ids import AgencyId, ExchangeId, Hash
from schemas.record import Record
from schemas.seal import seal

MAX_ACKNOWLEDGED: Final = 256
ACKNOWLEDGE_AFTER_S: Final = 1.0


@dataclass
class Requester:
    """The asking side of a node."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    consents: Consents
    staff: Staff
    report: Callable[[str, Code], None]
    _recipients: dict[tuple[AgencyId, int], Recipient] = field(default_factory=dict)
    _to_acknowledge: dict[AgencyId, set[ExchangeId]] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Take up what an earlier run left: answers to resent requests, and acknowledgements not sent."""
        self.outbox.on_reply(st.Request, self._take)
        for holder, exchange in await self.store.unacknowledged():
            self._acknowledge_soon(holder, exchange)

    async def ask(self, question: Question) -> Asked:
        """Ask, and give what is known when the broker has answered: a record, "later" (`granted`), or a refusal.

        Raises Misuse when the question lacks something, Unavailable when the broker did not answer; a request that was
        signed is then resent until it is answered or stale, and stays `sent` meanwhile.
        """
        # 1. Preset fields, basis and deadline from the law.
        view = self.federation.view
        drafted = draft(question, view)
        consent = self.consents.find(question.consent or question.given)
        to = self._recipient(question.holder)
        exchange = ExchangeId(self.identity.random_bytes(16).hex())
        # 2. Seal the person for the holder; number, sign, make durable.
        handle = None if consent is None else self.consents.handle(consent.id)
        offer = None if handle else Hash(self.identity.random_bytes(32).hex())
        block = person_block(question, None if consent is None else consent.package, handle, offer)
        context = seal_context(view, "person", exchange, self.identity.agency, to, drafted.fields)
        sealed = seal(canonical.encode_model(block), to, context)
        pseudonym = await self.staff.pseudonym(question.staff)
        now = self.identity.clock.now_ms()

        def compose(head: Head) -> st.Request:
            return st.Request(
                **head.fields(),
                exchange=exchange,
                staff=pseudonym,
                role=question.role,
                purpose=question.purpose,
                holder=question.holder,
                fields=drafted.fields,
                basis=drafted.basis,
                declared=tuple(sorted(question.declared)),
                view=question.view_code_hash,
                registry=drafted.registry.hash,
                person_ct=sha256(sealed),
                seal_key=self.identity.seal_key,
                answer_by=now + drafted.rule.row.answer_within_s * 1000,
                exp=now + REQUEST_LIFE_MS,
            )

        def keep(request: st.Numbered) -> tuple[Op, ...]:
            return (self.store.ask(request, question.staff, question.case_ref, offer),) if isinstance(request, st.Request) else ()

        # 3. Send; take the answer.
        issued, reply = await self.outbox.send("request", compose, lambda note: ms.AskRequest(note, sealed), keep)
        return await self._take_reply(issued, reply)

    async def _take(self, issued: Issued, reply: Reply) -> None:
        """Take the answer to a request that was resent."""
        await self._take_reply(issued, reply)

    async def _take_reply(self, issued: Issued, reply: Reply) -> Asked:
        request = issued.statement
        if not isinstance(request, st.Request):
            message = "outbox: a request was expected"
            raise NotAuthentic(message)
        match reply:
            case ms.Delivered():
                grant = self._own_grant(reply.grant_entry, reply.grant_proof, issued)
                logged = self.store.logged(request, grant)
                await self._take_answer((reply.grant_entry, reply.grant_proof), grant, reply, logged)
            case ms.Later():
                grant = self._own_grant(reply.grant_entry, reply.grant_proof, issued)
                await self.store.write(
                    self.store.logged(request, grant),
                    self.store.asked_granted(request.exchange, reply.grant_entry, reply.grant_proof),
                )
            case ms.Logged():
                await self._take_refusal(issued, request, reply)
        return await self.result(request.exchange)

    async def result(self, exchange: ExchangeId) -> Asked:
        """Give what is known of a request; Misuse for an id this node never asked under."""
        return await self.store.known_asked(exchange)

    async def delivered(self, delivery: ms.Deliver, entry: Proven) -> None:
        """Take an outcome that comes later: prove it against the grant held, open it, keep it, acknowledge it."""
        outcome = entry.leaf.statement
        if not isinstance(outcome, st.Outcome):
            message = "deliver: an outcome was expected"
            raise NotAuthentic(message)
        asked = await self.store.known_asked(outcome.exchange)
        if asked.state == "answered":
            self._acknowledge_soon(asked.holder, asked.exchange)
            return
        if not asked.grant_entry:
            message = "deliver: the grant has not arrived yet"
            raise Unavailable(message)
        grant = self.federation.view.prove(asked.grant_entry, asked.grant_proof)
        answer = ms.Delivered(asked.grant_entry, asked.grant_proof, delivery.entry, delivery.proof, delivery.payload)
        await self._take_answer((asked.grant_entry, asked.grant_proof), grant, answer)

    async def close(self) -> None:
        """Send the acknowledgements that wait."""
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._acknowledge()

    # -- taking answers --------------------------------------------------------------------------------------------

    def _own_grant(self, entry: bytes, proof: bytes, issued: Issued) -> Proven:
        """Prove the grant of the very statement this node signed."""
        proven = self.federation.view.prove(entry, proof)
        if not isinstance(proven.leaf.entry, Granted) or proven.leaf.entry.statement.encode() != issued.note:
            message = "grant: embeds another statement than the one sent"
            raise NotAuthentic(message)
        return proven

    async def _take_answer(self, receipt: tuple[bytes, bytes], grant: Proven, answer: ms.Delivered, *also: Op) -> None:
        """Step 15: both receipts, the holder's signature, the ciphertext's hash, the seal, the commitment, the fields."""
        view = self.federation.view
        entry = view.prove(answer.entry, answer.proof)
        proven = prove_answer(grant, entry)
        exchange = proven.request.exchange
        if proven.body.kind == "unavailable":
            await self.store.write(
                *also, self.store.asked_ended(exchange, "not_available", Code.NOT_AVAILABLE.value, answer.entry, answer.proof)
            )
            return
        record = self._open(proven, answer.sealed)
        handle = await self._handle_ops(proven)
        await self.store.write(
            *also, self.store.asked_answered(exchange, receipt, (answer.entry, answer.proof), record), *handle
        )
        self._acknowledge_soon(proven.request.holder, exchange)

    def _open(self, proven: ProvenAnswer, sealed: bytes) -> Record:
        opener = self.identity.openers.get(proven.request.seal_key)
        if opener is None:
            message = "seal key: the key the record was sealed to is not held any more"
            raise NotAuthentic(message)
        return open_answer(proven, sealed, opener, record_context(proven, self.federation.view.log, opener.suite))

    async def _handle_ops(self, proven: ProvenAnswer) -> tuple[Op, ...]:
        """After a first disclosure under a consent the offered handle stands for the person."""
        basis = proven.request.basis.consent or proven.request.basis.given
        if basis is None or self.consents.handle(basis) is not None:
            return ()
        offer = (await self.store.known_asked(proven.request.exchange)).offer
        return () if offer is None else (self.consents.bind(basis, offer),)

    async def _take_refusal(self, issued: Issued, request: st.Request, reply: ms.Logged) -> None:
        proven = self.federation.view.prove(reply.entry, reply.proof)
        entry = proven.leaf.entry
        if not isinstance(entry, Refused | Rejected) or entry.statement.encode() != issued.note:
            message = "refusal: embeds another statement than the one sent"
            raise NotAuthentic(message)
        state = "refused" if isinstance(entry, Refused) else "rejected"
        await self.store.write(
            self.store.logged(request, proven),
            self.store.asked_ended(request.exchange, state, entry.reason.value, reply.entry, reply.proof),
        )

    # -- step 16 ---------------------------------------------------------------------------------------------------

    def _acknowledge_soon(self, holder: AgencyId, exchange: ExchangeId) -> None:
        """Collect acknowledgements for a moment, so that one statement tells of many."""
        self._to_acknowledge.setdefault(holder, set()).add(exchange)
        if len(self._to_acknowledge[holder]) >= MAX_ACKNOWLEDGED:
            self._start_acknowledging()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ACKNOWLEDGE_AFTER_S, self._start_acknowledging)

    def _start_acknowledging(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task = asyncio.get_running_loop().create_task(self._acknowledge())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self) -> None:
        """Tell each holder what arrived; what cannot be sent now is taken up at the next start."""
        waiting, self._to_acknowledge = self._to_acknowledge, {}
        for holder, exchanges in waiting.items():
            names = tuple(sorted(exchanges))
            try:
                for first in range(0, len(names), MAX_ACKNOWLEDGED):
                    await self._acknowledge_some(holder, names[first : first + MAX_ACKNOWLEDGED])
            except LedgerInconsistent:
                raise
            except HandschlagError as error:
                self.report("acknowledge", error.code)

    async def _acknowledge_some(self, holder: AgencyId, names: tuple[ExchangeId, ...]) -> None:
        await self.outbox.settle_record(
            *await self.outbox.send(
                "record",
                lambda head: st.Acknowledged(**head.fields(), holder=holder, exchanges=names),
                ms.AskRecord,
                lambda _: tuple(self.store.asked_acknowledged(names)),
            )
        )

    def _recipient(self, agency: AgencyId) -> Recipient:
        """Load a holder's seal key once per state of the chain."""
        key = (agency, self.federation.view.chain)
        if key not in self._recipients:
            self._recipients = {key: recipient(agency, self.federation.view)} | {
                other: loaded for other, loaded in self._recipients.items() if other[1] == key[1]
            }
        return self._recipients[key]
