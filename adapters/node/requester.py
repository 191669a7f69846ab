"""FLOW at the asking agency: from a caseworker's question to a record on the screen (steps 1 to 3 and 15).

What cannot be answered at once comes later through `delivered`, the node's end of the call `adapter.deliver`. Until it
comes or its deadline passes, the same bytes are asked again at growing intervals: a holder that was out of reach hears
of the request when it is back, and nothing waits in the middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from adapters.node.acknowledging import Acknowledging
from adapters.node.background import Background, Sweep, backoff_ms
from adapters.node.codes import code_hash, fresh_code
from adapters.node.consents import Consents
from adapters.node.core.compose import (
    REQUEST_LIFE_MS,
    Drafted,
    Question,
    Recipient,
    Seal,
    draft,
    person_block,
    recipient,
    seal_context,
)
from adapters.node.core.open_answer import ProvenAnswer, open_answer, prove_answer, record_context
from adapters.node.core.opening import open_under
from adapters.node.core.view import Proven
from adapters.node.database import Op
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Handling, Head, Issued, Ours, Outbox, Reply
from adapters.node.staff import Staff
from adapters.node.store import NodeStore
from adapters.node.store.rows import NO_RECEIPT, Asked, AskedState, Consent, Receipt, basis_of
from adapters.node.withdrawals import ENDED, Withdrawals
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Granted, Refused, Rejected
from schemas.errors import Code, HandschlagError, LedgerInconsistent, Malformed, Misuse, NotAuthentic, Unavailable
from schemas.ids import AgencyId, ExchangeId, Hash, LogId
from schemas.record import PersonBlock, Record
from schemas.seal import seal

ASK_AGAIN_AFTER_MS: Final = 60_000
_STALE_VIEW: Final = frozenset({Code.REGISTRY_MISMATCH, Code.KEY_NOT_IN_FORCE, Code.NOT_A_MEMBER})
"""Refusals that say this node's view of the federation is out of date."""


class Came(NamedTuple):
    """What the broker's answer to a request made of it; the same stands in the store by then."""

    request: st.Request
    state: AskedState
    grant: Receipt = NO_RECEIPT
    answer: Receipt = NO_RECEIPT
    reason: str | None = None
    record: Record | None = None

    def asked(self, question: Question, offer: Hash | None) -> Asked:
        """Give the request as the store would, without reading it back."""
        return Asked(
            exchange=self.request.exchange,
            at=self.request.at,
            staff=question.staff,
            purpose=self.request.purpose,
            holder=self.request.holder,
            basis=basis_of(self.request.basis),
            fields=self.request.fields,
            case_ref=question.case_ref,
            offer=offer,
            answer_by=self.request.answer_by,
            state=self.state,
            reason=self.reason,
            grant=self.grant,
            answer=self.answer,
            record=self.record,
        )


@dataclass
class Requester:
    """The asking side of a node."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    consents: Consents
    withdrawals: Withdrawals
    staff: Staff
    background: Background
    _recipients: dict[AgencyId, tuple[int, Recipient]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what comes by the clock, and for the answers to requests that are resent."""
        self.outbox.handle(st.Request, Handling(self._take, self._drop))
        self.acknowledging = Acknowledging(self.identity, self.outbox, self.store, self.background)
        self._again = Sweep(self.background, self.identity.clock, "ask_again", self._ask_again)

    async def start(self) -> None:
        """Take up what an earlier run left: open requests, and acknowledgements not sent."""
        self._again.now()
        await self.acknowledging.start()

    async def ask(self, question: Question) -> Asked:
        """Ask, and give what is known when the broker has answered: a record, "later" (`granted`), or a refusal.

        A request that was signed and not answered is resent until it is answered or stale, and stays `sent` meanwhile.
        Raises Misuse when the question lacks something, Unavailable when nothing was signed.
        """
        # 1. Preset fields, basis and deadline from the law.
        drafted, consent = await self._draft(question)
        to = self._recipient(question.holder)
        exchange = question.exchange or ExchangeId(self.identity.random_bytes(16).hex())
        # 2. Seal the person for the holder.
        person = None if question.norm is None or question.person is None else _hash_of(question.person)
        handle = await self._handle(question.holder, consent, person)
        # Who gave no consent has no receipt: the notice they get opens the client's page instead.
        code = None if question.norm is None else fresh_code(self.identity.random_bytes)
        offer = None if handle else Hash(self.identity.random_bytes(32).hex())
        block = person_block(question, None if consent is None else consent.package, handle, offer)
        about = Seal("person", exchange, self.identity.agency, to)
        sealed = seal(canonical.encode_model(block), to, seal_context(self.federation.view, about, drafted.fields))
        pseudonym = await self.staff.pseudonym(question.staff)

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
                declared=tuple(sorted(set(question.declared))),
                view=None if code is None else code_hash(code),
                registry=drafted.registry.hash,
                person_ct=sha256(sealed),
                seal_key=self.identity.seal_key,
                answer_by=head.at + drafted.rule.row.answer_within_s * 1000,
                exp=head.at + REQUEST_LIFE_MS,
            )

        def keep(request: Ours) -> Sequence[Op]:
            if not isinstance(request, st.Request):
                return ()
            told = () if code is None else (self.store.notices.keep(exchange, code),)
            return (self.store.asked.sent(request, question.staff, question.case_ref, offer, person), *told)

        # 3. Number, sign, make durable, send; take the answer.
        try:
            came = await self.outbox.send(compose, lambda note: ms.AskRequest(note, sealed), self._take, keep)
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            if await self.store.asked.find(exchange) is None:
                raise
            self.background.report("ask", error.code)
            return await self.result(exchange)
        return self._as_of_now(came.asked(question, offer))

    async def result(self, exchange: ExchangeId) -> Asked:
        """Give what is known of a request; Misuse for an id this node never asked under."""
        return self._as_of_now(await self.store.asked.get(exchange))

    async def results(self, *staff: str) -> list[Asked]:
        """Give the latest requests of these members of staff, newest first."""
        return [self._as_of_now(asked) for asked in await self.store.asked.of_staff(*staff)]

    async def delivered(self, delivery: ms.Deliver, entry: Proven) -> None:
        """Take an outcome that comes later: prove it against the grant held, open it, keep it, acknowledge it."""
        outcome = entry.leaf.statement
        if not isinstance(outcome, st.Outcome):
            message = "deliver: an outcome was expected"
            raise NotAuthentic(message)
        asked = await self.store.asked.get(outcome.exchange)
        if asked.state is AskedState.ANSWERED:
            self.acknowledging.soon(asked.holder, asked.exchange)
            return
        if asked.grant == NO_RECEIPT:
            message = "deliver: the grant has not arrived yet"
            raise Unavailable(message)
        grant = self.federation.view.prove(*asked.grant)
        answer = ms.Delivered(*asked.grant, delivery.entry, delivery.proof, delivery.payload)
        await self._take_answer(grant, answer)

    def reconnected(self) -> None:
        """Ask again what is due."""
        self._again.now()

    async def close(self) -> None:
        """Ask nothing more by the clock, and send the acknowledgements that wait."""
        self._again.close()
        await self.acknowledging.close()

    # -- asking ----------------------------------------------------------------------------------------------------

    async def _draft(self, question: Question) -> tuple[Drafted, Consent | None]:
        """Make a question concrete; what this node does not know it looks up once before it says so."""
        name = question.consent or question.given
        consent = None if name is None else await self.consents.get(name)
        held = None if consent is None else consent.statement
        try:
            drafted = draft(question, held, self.federation.view)
            self._recipient(question.holder)
        except Misuse:
            await self.federation.catch_up()
            drafted = draft(question, held, self.federation.view)
        return drafted, consent

    async def _handle(self, holder: AgencyId, consent: Consent | None, person: Hash | None) -> Hash | None:
        """Give the pair handle of an earlier contact: the consent's, or on a statute the person's at this holder."""
        if consent is not None:
            return consent.handle
        return None if person is None else await self.store.bases.paired(holder, person)

    def _recipient(self, agency: AgencyId) -> Recipient:
        """Load a holder's seal key once for each length of the chain."""
        chain = self.federation.view.chain
        known = self._recipients.get(agency)
        if known is None or known[0] != chain:
            known = (chain, recipient(agency, self.federation.view))
            self._recipients[agency] = known
        return known[1]

    async def _ask_again(self, now_ms: int) -> int | None:
        """Send the open requests that are due again: the log has them, so the answer is the first one, or news."""
        for exchange, message, answer_by, tries in await self.store.asked.due(now_ms):
            due = now_ms + backoff_ms(tries + 1, ASK_AGAIN_AFTER_MS)
            await self.store.write(self.store.asked.again(exchange, due if due < answer_by else None))
            await self.background.tried("ask_again", self.outbox.repeat(message, self._take))
        return await self.store.asked.next_due()

    def _as_of_now(self, asked: Asked) -> Asked:
        """After its deadline a granted request without an answer is over, by computation (LEDGER section 5)."""
        if asked.state is AskedState.GRANTED and asked.answer_by <= self.identity.clock.now_ms():
            return asked._replace(state=AskedState.NOT_AVAILABLE, reason=Code.NOT_AVAILABLE.value)
        return asked

    # -- taking answers --------------------------------------------------------------------------------------------

    async def _take(self, issued: Issued, reply: Reply) -> Came:
        """Take the broker's answer to a request, the first time or again."""
        request = issued.statement
        if not isinstance(request, st.Request):
            message = "outbox: a request was expected"
            raise NotAuthentic(message)
        if isinstance(reply, ms.Logged):
            return await self._take_refusal(issued, request, reply)
        grant = self._own_grant(Receipt(reply.grant_entry, reply.grant_proof), issued)
        receipt, due = Receipt(reply.grant_entry, reply.grant_proof), self.identity.clock.now_ms() + ASK_AGAIN_AFTER_MS
        logged = self.store.outgoing.logged(request, grant)
        if isinstance(reply, ms.Delivered):
            try:
                return await self._take_answer(grant, reply, logged)
            except (NotAuthentic, Malformed) as error:
                # The grant stands; an answer that fits it may still come by a call of its own.
                self.background.report("answer", error.code)
        self._again.at(due)
        await self.store.write(logged, self.store.asked.granted(request.exchange, receipt, issued.message, due))
        return Came(request, AskedState.GRANTED, receipt)

    def _own_grant(self, receipt: Receipt, issued: Issued) -> Proven:
        """Prove the grant of the very statement this node signed."""
        proven = self.federation.view.prove(*receipt, sent=issued.note)
        if not isinstance(proven.leaf.entry, Granted):
            message = "grant: the entry that came is none"
            raise NotAuthentic(message)
        return proven

    async def _take_answer(self, grant: Proven, answer: ms.Delivered, *also: Op) -> Came:
        """Step 15: check both receipts, the holder's signature, the ciphertext's hash, seal, commitment and fields."""
        entry = self.federation.view.prove(answer.entry, answer.proof)
        proven = prove_answer(grant, entry)
        exchange, receipt = proven.request.exchange, Receipt(answer.entry, answer.proof)
        granted = Receipt(answer.grant_entry, answer.grant_proof)
        if proven.body.kind == "unavailable":
            state, reason = AskedState.NOT_AVAILABLE, Code.NOT_AVAILABLE.value
            await self.store.write(*also, self.store.asked.ended(exchange, state, reason, receipt, granted))
            return Came(proven.request, state, granted, receipt, reason)
        record = self._open(proven, answer.sealed)
        answered = self.store.asked.answered(exchange, granted, receipt, record)
        await self._bind(proven, *also, answered)
        self.acknowledging.soon(proven.request.holder, exchange)
        return Came(proven.request, AskedState.ANSWERED, granted, receipt, record=record)

    def _open(self, proven: ProvenAnswer, sealed: bytes) -> Record:
        opener = self.identity.openers.get(proven.request.seal_key)
        if opener is None:
            message = "seal key: the key the record was sealed to is not held any more"
            raise NotAuthentic(message)

        def opened(log: LogId) -> Record:
            """Open it as sealed while this shard was open."""
            return open_answer(proven, sealed, opener, record_context(proven, log, opener.suite))

        return open_under(self.federation.view.logs, opened)

    async def _bind(self, proven: ProvenAnswer, *also: Op) -> None:
        """After a first disclosure the offered handle stands for the person; kept in one step."""
        if proven.request.basis.norm is not None:
            await self.store.write(*also, self.store.bases.pair(proven.request.exchange))
            return
        name = proven.request.basis.consent or proven.request.basis.given
        consent = None if name is None else await self.consents.find(name)
        first = consent is not None and consent.handle is None
        asked = await self.store.asked.find(proven.request.exchange) if first else None
        if consent is None or asked is None or asked.offer is None:
            await self.store.write(*also)
        else:
            await self.consents.write(consent.id, *also, self.store.bases.bind(consent.id, asked.offer))

    async def _take_refusal(self, issued: Issued, request: st.Request, reply: ms.Logged) -> Came:
        """Keep the broker's no with its receipt, and learn from it what this node had missed."""
        proven = self.outbox.own_entry(issued, reply)
        entry, basis = proven.leaf.entry, request.basis.consent or request.basis.given
        if not isinstance(entry, Refused | Rejected):
            message = "refusal: the entry is none"
            raise NotAuthentic(message)
        state = AskedState.REFUSED if isinstance(entry, Refused) else AskedState.REJECTED
        receipt = Receipt(reply.entry, reply.proof)
        ops = (
            self.store.outgoing.logged(request, proven),
            self.store.asked.ended(request.exchange, state, entry.reason.value, receipt),
        )
        if entry.reason in ENDED and basis is not None:
            await self.withdrawals.end(basis, ENDED[entry.reason], *ops)
        else:
            await self.store.write(*ops)
        if entry.reason in _STALE_VIEW:
            self.federation.reconnected()
        return Came(request, state, answer=receipt, reason=entry.reason.value)

    def _drop(self, request: Ours, code: Code) -> Sequence[Op]:
        """Note that a request was never logged."""
        if not isinstance(request, st.Request):
            return ()
        return (self.store.asked.ended(request.exchange, AskedState.REJECTED, code.value, NO_RECEIPT),)


def _hash_of(person: PersonBlock) -> Hash:
    return sha256(canonical.encode_model(person))
