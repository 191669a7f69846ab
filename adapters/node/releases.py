"""FLOW of a human's decision at the holding agency: what waits, the rows side by side, release or refusal.

A decision takes one person, or two where the purpose says so: the first yes is kept, another person confirms it or
refuses. Who is unsure asks a colleague; until that ends, the colleague decides alone. Nothing leaves the agency before.

A refusal shows outwardly no sooner and no other than an unknown person does: at the deadline, as "not available".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.node.colleagues import Colleagues
from adapters.node.core.accept import AcceptedGrant, accept
from adapters.node.core.deciding import (
    Agreed,
    AskedWhy,
    HandedOn,
    RefusedWhy,
    demand_persons,
    may_decide,
    may_take_back,
)
from adapters.node.database import Op
from adapters.node.outcomes import Answering, Outcomes
from adapters.node.responder import Responder
from adapters.node.store import NodeStore
from adapters.node.store.deciding import Step, Stepped
from adapters.node.store.rows import Received, ReceivedState
from adapters.sources.paper import PaperSource
from adapters.sources.port import Candidate, LocalRef, Source
from adapters.sources.typed import Typed, TypedFile
from consent_ledger.core.leaf import read_leaf
from consent_ledger.ports import Clock
from schemas import canonical
from schemas.entries import Granted
from schemas.errors import Code, Malformed, Misuse, NotAuthentic
from schemas.ids import CodeName, ExchangeId, FieldName
from schemas.record import PersonBlock, SealedPerson

ROLE: Final = CodeName("clerk_answer")
MAX_NOTE: Final = 300


class Waiting(NamedTuple):
    """A request that waits for a human: the person asked for, as far as named, and the rows it may be, as of now.

    `earlier` are the files of a source that no machine reads, known from an earlier contact. `two` says that the
    purpose demands two persons, `first` is the one who has agreed; `handed` is which colleague was asked; `yours` that
    who looks may decide it.
    """

    request: Received
    person: PersonBlock | None
    case: str | None
    candidates: tuple[Candidate, ...]
    earlier: tuple[LocalRef, ...] = ()
    two: bool = False
    first: Agreed | None = None
    handed: HandedOn | None = None
    yours: bool = True


class Chosen(NamedTuple):
    """What a human decided to release: the row that is the person, or a paper file's number with what stands in it.

    `by` is the staff id of who decides, `role` what they are at the agency.
    """

    ref: LocalRef
    by: str
    typed: Mapping[FieldName, Sequence[Typed]] | None = None
    role: CodeName = ROLE


class Wish(NamedTuple):
    """Which colleague is asked to decide, for which reason if any, and a note that stays in the agency."""

    colleague: str
    why: AskedWhy | None = None
    note: str = ""


@dataclass
class Releases:
    """What the staff of a holder decides."""

    clock: Clock
    store: NodeStore
    source: Source
    responder: Responder
    outcomes: Outcomes
    colleagues: Colleagues

    async def waiting(self, by: str) -> list[Waiting]:
        """Give what waits for a human, oldest first, as `by` sees it; rows gone from the source are left out."""
        now = self.clock.now_ms()
        rows = [row for row in await self.store.received.in_state(ReceivedState.HUMAN) if row.answer_by > now]
        handed, agreed = await self.store.deciding.handed_on(), await self.store.deciding.agreed()
        acts_for = await self.colleagues.reads_for(by)
        return [
            (await self._shown(row))._replace(
                first=agreed.get(row.exchange),
                handed=handed.get(row.exchange),
                yours=may_decide(acts_for, handed.get(row.exchange)),
            )
            for row in rows
        ]

    async def release(self, exchange: ExchangeId, chosen: Chosen) -> Agreed | None:
        """Answer as a human decided: the chosen row is the person, and the record may travel now.

        Where the purpose demands two persons this yes is kept and given back, and another person has to `confirm` it.
        Raises Misuse when the request does not wait for a human, waits for a colleague who was asked, has a first yes
        already, its deadline has passed, the row is blocked by now or the grant's basis is over; Malformed when the row
        is none of its candidates, or what was typed breaks a rule; Unavailable when the source does not answer.
        """
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange, chosen.by)
            if not self.source.by_hand:
                await self._check_row(row, chosen.ref)
            grant = self._grant(row)
            if grant.rule.row.release != "two_humans":
                await self._send(row, grant, chosen, None)
                return None
            if exchange in await self.store.deciding.agreed():
                message = "exchange: one person has agreed already; another confirms or refuses"
                raise Misuse(message, code=Code.GRANT_CLOSED)
            if isinstance(self.source, PaperSource) and chosen.typed is not None:
                self.source.read(grant.registry, chosen.ref, frozenset(grant.fields), chosen.typed, chosen.role)
            typed = None if chosen.typed is None else _kept(chosen.typed)
            first = Agreed(chosen.by, self.clock.now_ms(), chosen.role, chosen.ref, typed)
            step = await self._step(exchange, chosen.by, "agreed")
            await self.store.write(self.store.deciding.agree(exchange, first), step)
            return first

    async def confirm(self, exchange: ExchangeId, by: str, agreed_at: int) -> None:
        """Be the second of two persons: what the first chose travels now; `agreed_at` says which yes was looked at.

        Raises as `release`, and Misuse when nobody has agreed, in another way than was looked at, or the same person.
        """
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange, by)
            first = (await self.store.deciding.agreed()).get(exchange)
            if first is None or first.at != agreed_at:
                message = "agreed_at: there is no such first yes to confirm"
                raise Misuse(message, code=Code.GRANT_CLOSED)
            ref = LocalRef(first.ref)
            if not self.source.by_hand:
                await self._check_row(row, ref)
            typed = None if first.typed is None else typed_of(first.typed)
            await self._send(row, self._grant(row), Chosen(ref, by, typed, CodeName(first.role)), first)

    async def refuse(self, exchange: ExchangeId, by: str, why: RefusedWhy) -> None:
        """Refuse as a human decided: outwardly nothing happens until the deadline. Raises Misuse as `release`.

        A no takes one person, before a first yes and after it.
        """
        with self.outcomes.claim(exchange):
            row = await self._open_for_human(exchange, by)
            step = await self._step(exchange, by, "refused", why)
            await self.store.write(self.store.received.wait(row.exchange, f"refused_{why}"), step)

    # -- asking a colleague ----------------------------------------------------------------------------------------

    async def ask(self, exchange: ExchangeId, by: str, wish: Wish) -> None:
        """Ask a colleague to decide: it waits for them alone, until they decide or it is taken back.

        Raises Misuse as `release`, and when the colleague may not release here, asks themselves, or gave the first yes;
        Malformed for a note that is too long.
        """
        if len(wish.note) > MAX_NOTE:
            message = f"note: has at most {MAX_NOTE} letters"
            raise Malformed(message)
        with self.outcomes.claim(exchange):
            await self._open_for_human(exchange, by)
            first = (await self.store.deciding.agreed()).get(exchange)
            fit = {one.staff for one in await self.colleagues.who_release()} - {
                by,
                "" if first is None else first.staff,
            }
            if wish.colleague not in fit:
                message = "colleague: is nobody else who releases at this agency and has not agreed yet"
                raise Misuse(message, code=Code.NOT_ENTITLED)
            if exchange in await self.store.deciding.handed_on():
                message = "exchange: a colleague was asked already; it is taken back first"
                raise Misuse(message, code=Code.GRANT_CLOSED)
            handed = HandedOn(by, wish.colleague, self.clock.now_ms(), wish.why, wish.note)
            step = await self._step(exchange, by, "asked", wish.why or "")
            await self.store.write(self.store.deciding.hand_on(exchange, handed), step)

    async def take_back(self, exchange: ExchangeId, by: str) -> None:
        """End the asking, as who asked or who was asked; Misuse for anybody else, and where nobody was asked."""
        with self.outcomes.claim(exchange):
            handed = (await self.store.deciding.handed_on()).get(exchange)
            if handed is None or not may_take_back(await self.colleagues.reads_for(by), handed):
                message = "exchange: you neither asked a colleague nor were asked"
                raise Misuse(message, code=Code.NOT_ENTITLED)
            step = await self._step(exchange, by, "taken_back")
            await self.store.write(self.store.deciding.take_back(exchange), step)

    # -- what all of them share ------------------------------------------------------------------------------------

    def _grant(self, row: Received) -> AcceptedGrant:
        """Accept the grant again, as the log stands now."""
        try:
            return accept(self.responder.federation.view.prove(*row.grant), None, self.responder.holding)
        except NotAuthentic as error:
            message = "exchange: its grant does not stand any more"
            raise Misuse(message, code=Code.GRANT_CLOSED) from error

    async def _send(self, row: Received, grant: AcceptedGrant, chosen: Chosen, first: Agreed | None) -> None:
        """Let the record travel: the one way out for what a human decides, and only with all persons it takes."""
        demand_persons(grant.rule.row.release, chosen.by, first)
        block, ref = canonical.decode_model(SealedPerson, row.person.encode()), chosen.ref
        if isinstance(self.source, PaperSource) and chosen.typed is not None:
            fields = frozenset(grant.fields)
            ref = self.source.prepare(grant.registry, chosen.ref, fields, chosen.typed, chosen.role)
        closed = await self.outcomes.close_record(grant, ref)
        step = await self._step(row.exchange, chosen.by, "released")
        await self.outcomes.hand_in(Answering.of(grant, ref, block), closed, step, later=True)

    async def _check_row(self, row: Received, ref: LocalRef) -> None:
        """Refuse a row the request cannot be about, and one that is blocked as it stands now."""
        if ref not in row.candidates:
            message = "ref: is none of the rows this request may be about"
            raise Malformed(message)
        if (await self.source.lookup(ref)).transfer_block:
            message = "ref: nothing about this person may be handed out (transfer block)"
            raise Misuse(message, code=Code.PROHIBITED)

    async def _open_for_human(self, exchange: ExchangeId, by: str) -> Received:
        row = await self.store.received.get(exchange)
        if row.state is not ReceivedState.HUMAN:
            message = "exchange: does not wait for a decision"
            raise Misuse(message, code=Code.GRANT_CLOSED)
        if row.answer_by <= self.clock.now_ms():
            message = "exchange: its deadline has passed"
            raise Misuse(message, code=Code.DEADLINE_PASSED)
        handed = (await self.store.deciding.handed_on()).get(exchange)
        if not may_decide(await self.colleagues.reads_for(by), handed):
            message = "exchange: a colleague was asked and has to decide"
            raise Misuse(message, code=Code.NOT_ENTITLED)
        return row

    async def _step(self, exchange: ExchangeId, by: str, step: Step, why: str = "") -> Op:
        """Give the line of the log of decisions."""
        pseudonym = await self.colleagues.staff.pseudonym(by)
        return self.store.deciding.step(Stepped(exchange, self.clock.now_ms(), pseudonym, step, why))

    def _demands_two(self, row: Received) -> bool:
        """Tell for the list what the law of the grant says; what decides is `demand_persons`."""
        granted = read_leaf(row.grant.entry).entry
        law = self.responder.federation.view.registries.get(granted.registry) if isinstance(granted, Granted) else None
        rule = None if law is None else law.purposes.get(row.purpose)
        return rule is not None and rule.row.release == "two_humans"

    async def _shown(self, row: Received) -> Waiting:
        block = canonical.decode_model(SealedPerson, row.person.encode())
        person = block.package.person if block.package is not None else block.person
        two = self._demands_two(row)
        if self.source.by_hand:
            return Waiting(row, person, block.case, (), row.candidates, two)
        background = self.responder.background
        looked_up = [await background.tried("candidate", self.source.lookup(ref)) for ref in row.candidates]
        return Waiting(row, person, block.case, tuple(one for one in looked_up if one is not None), (), two)


def _kept(typed: Mapping[FieldName, Sequence[Typed]]) -> str:
    """Write what was typed into a column."""
    values = {field: tuple(entries) for field, entries in typed.items()}
    return canonical.encode_model(TypedFile(values=values)).decode()


def typed_of(kept: str) -> Mapping[FieldName, Sequence[Typed]]:
    """Read what the first person typed of a paper file."""
    return canonical.decode_model(TypedFile, kept.encode()).values
