"""FLOW of a human's decision at the holding agency: what waits, the rows side by side, release or refusal.

A refusal shows outwardly no sooner and no other than an unknown person does: at the deadline, as "not available".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.node.core.accept import accept
from adapters.node.outcomes import Answering, Outcomes
from adapters.node.responder import Responder
from adapters.node.store import NodeStore
from adapters.node.store.rows import Received, ReceivedState
from adapters.sources.paper import PaperSource
from adapters.sources.port import Candidate, LocalRef, Source
from adapters.sources.typed import Typed
from consent_ledger.ports import Clock
from schemas import canonical
from schemas.errors import Code, Malformed, Misuse, NotAuthentic
from schemas.ids import CodeName, ExchangeId, FieldName
from schemas.record import PersonBlock, SealedPerson

ROLE: Final = CodeName("clerk_answer")


class Waiting(NamedTuple):
    """A request that waits for a human: the person asked for, as far as named, and the rows it may be, as of now.

    `earlier` are the files of a source that no machine reads, known from an earlier contact.
    """

    request: Received
    person: PersonBlock | None
    case: str | None
    candidates: tuple[Candidate, ...]
    earlier: tuple[LocalRef, ...] = ()


class Chosen(NamedTuple):
    """What a human decided to release: the row that is the person, or a paper file's number with what stands in it."""

    ref: LocalRef
    typed: Mapping[FieldName, Sequence[Typed]] | None = None
    role: CodeName = ROLE


@dataclass
class Releases:
    """What the staff of a holder decides."""

    clock: Clock
    store: NodeStore
    source: Source
    responder: Responder
    outcomes: Outcomes

    async def waiting(self) -> list[Waiting]:
        """Give what waits for a human, oldest first; a row that is gone from the source is left out."""
        now = self.clock.now_ms()
        rows = [row for row in await self.store.received.in_state(ReceivedState.HUMAN) if row.answer_by > now]
        return [await self._shown(row) for row in rows]

    async def release(self, exchange: ExchangeId, chosen: Chosen) -> None:
        """Answer as a human decided: the chosen row is the person, and the record may travel now.

        Raises Misuse when the request does not wait for a human, its deadline has passed, the row is blocked by now or
        the grant's basis is over; Malformed when the row is none of its candidates, or what was typed breaks a rule;
        Unavailable when the source does not answer.
        """
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange)
            if not self.source.by_hand:
                await self._check_row(row, chosen.ref)
            try:
                proven = self.responder.federation.view.prove(*row.grant)
                grant = accept(proven, None, self.responder.holding)
            except NotAuthentic as error:
                message = "exchange: its grant does not stand any more"
                raise Misuse(message, code=Code.GRANT_CLOSED) from error
            block, ref = canonical.decode_model(SealedPerson, row.person.encode()), chosen.ref
            if isinstance(self.source, PaperSource) and chosen.typed is not None:
                fields = frozenset(grant.fields)
                ref = self.source.prepare(grant.registry, chosen.ref, fields, chosen.typed, chosen.role)
            closed = await self.outcomes.close_record(grant, ref)
            await self.outcomes.hand_in(Answering.of(grant, ref, block), closed, later=True)

    async def refuse(self, exchange: ExchangeId, reason: CodeName) -> None:
        """Refuse as a human decided: outwardly nothing happens until the deadline. Raises Misuse as `release`."""
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange)
            await self.store.write(self.store.received.wait(row.exchange, f"refused_{reason}"))

    async def _check_row(self, row: Received, ref: LocalRef) -> None:
        """Refuse a row the request cannot be about, and one that is blocked as it stands now."""
        if ref not in row.candidates:
            message = "ref: is none of the rows this request may be about"
            raise Malformed(message)
        if (await self.source.lookup(ref)).transfer_block:
            message = "ref: nothing about this person may be handed out (transfer block)"
            raise Misuse(message, code=Code.PROHIBITED)

    async def _open_for_human(self, exchange: ExchangeId) -> Received:
        row = await self.store.received.get(exchange)
        if row.state is not ReceivedState.HUMAN:
            message = "exchange: does not wait for a decision"
            raise Misuse(message, code=Code.GRANT_CLOSED)
        if row.answer_by <= self.clock.now_ms():
            message = "exchange: its deadline has passed"
            raise Misuse(message, code=Code.DEADLINE_PASSED)
        return row

    async def _shown(self, row: Received) -> Waiting:
        block = canonical.decode_model(SealedPerson, row.person.encode())
        person = block.package.person if block.package is not None else block.person
        if self.source.by_hand:
            return Waiting(row, person, block.case, (), row.candidates)
        background = self.responder.background
        looked_up = [await background.tried("candidate", self.source.lookup(ref)) for ref in row.candidates]
        return Waiting(row, person, block.case, tuple(one for one in looked_up if one is not None))
