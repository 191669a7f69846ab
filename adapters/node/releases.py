"""FLOW of a human's decision at the holding agency: what waits, the rows side by side, release or refusal.

A refusal shows outwardly no sooner and no other than an unknown person does: at the deadline, as "not available".
"""

from dataclasses import dataclass
from typing import NamedTuple

from adapters.node.core.accept import accept
from adapters.node.outcomes import Answering, Outcomes
from adapters.node.responder import Responder
from adapters.node.store import NodeStore
from adapters.node.store.rows import Received, ReceivedState
from adapters.sources.port import Candidate, LocalRef, Source
from consent_ledger.ports import Clock
from schemas import canonical
from schemas.errors import Code, Malformed, Misuse, NotAuthentic
from schemas.ids import CodeName, ExchangeId
from schemas.record import PersonBlock, SealedPerson


class Waiting(NamedTuple):
    """A request that waits for a human: the person asked for, as far as named, and the rows it may be, as of now."""

    request: Received
    person: PersonBlock | None
    case: str | None
    candidates: tuple[Candidate, ...]


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

    async def release(self, exchange: ExchangeId, ref: LocalRef) -> None:
        """Answer as a human decided: `ref` is the person, and the record may travel now.

        Raises Misuse when the request does not wait for a human, its deadline has passed, the row is none of its
        candidates or blocked by now, or the grant's basis is over; Unavailable when the source does not answer.
        """
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange)
            if ref not in row.candidates:
                message = "ref: is none of the rows this request may be about"
                raise Malformed(message)
            if (await self.source.lookup(ref)).transfer_block:
                message = "ref: nothing about this person may be handed out (transfer block)"
                raise Misuse(message, code=Code.PROHIBITED)
            try:
                proven = self.responder.federation.view.prove(*row.grant)
                grant = accept(proven, None, self.responder.holding)
            except NotAuthentic as error:
                message = "exchange: its grant does not stand any more"
                raise Misuse(message, code=Code.GRANT_CLOSED) from error
            block = canonical.decode_model(SealedPerson, row.person.encode())
            closed = await self.outcomes.close_record(grant, ref)
            await self.outcomes.hand_in(Answering.of(grant, ref, block), closed, later=True)

    async def refuse(self, exchange: ExchangeId, reason: CodeName) -> None:
        """Refuse as a human decided: outwardly nothing happens until the deadline. Raises Misuse as `release`."""
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange)
            await self.store.write(self.store.received.wait(row.exchange, f"refused_{reason}"))

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
        candidates = []
        for ref in row.candidates:
            try:
                candidates.append(await self.source.lookup(ref))
            except (Malformed, Misuse) as error:
                self.responder.background.report("candidate", error.code)
        return Waiting(row, person, block.case, tuple(candidates))
