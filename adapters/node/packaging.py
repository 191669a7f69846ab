"""FLOW of a package: several single requests with one occasion and one checklist (Rechtskreiswechsel, warm hand-over).

Each single is an ordinary request, decided and answered by itself. The plan is durable before the first is asked, under
the ids they will have; whatever happens then, the checklist says of each what became of it, and none is asked twice.
The occasion's id stays at this agency: no statement, entry or holder learns which requests belong together.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from adapters.node.core.compose import Question, lawbook, purpose_rule
from adapters.node.requester import Requester
from adapters.node.store.occasions import Part
from adapters.node.store.rows import Asked, AskedState
from schemas.errors import Code, HandschlagError, LedgerInconsistent, Misuse
from schemas.ids import ExchangeId

MAX_PARTS: Final = 20

Stands = Literal["came", "waits", "refused", "nothing", "not_asked"]
"""How a part of a package stands; `nothing` is a holder's no, `not_asked` one that was never signed."""
_STANDS: Final[dict[AskedState, Stands]] = {
    AskedState.SENT: "waits",
    AskedState.GRANTED: "waits",
    AskedState.REFUSED: "refused",
    AskedState.REJECTED: "refused",
    AskedState.ANSWERED: "came",
    AskedState.NOT_AVAILABLE: "nothing",
}


class Item(NamedTuple):
    """A line of the checklist; `asked` is None while the request was never signed."""

    part: Part
    stands: Stands
    asked: Asked | None


class Package(NamedTuple):
    """Several requests with one occasion: their id at this agency, when they were asked (ms), the checklist."""

    occasion: str
    at: int
    items: list[Item]

    @property
    def settled(self) -> int:
        """How many parts wait no longer."""
        return sum(one.stands != "waits" for one in self.items)


@dataclass
class Packaging:
    """Packages of the asking side."""

    requester: Requester

    async def start(self, questions: Sequence[Question]) -> str:
        """Ask all of them at once, and give the occasion's id; what comes of each stands in the checklist.

        Raises Misuse, before anything is kept, for a package that is none. A single that cannot be asked keeps no other
        from being asked.
        """
        self._check(questions)
        identity, store = self.requester.identity, self.requester.store
        occasion, now = identity.random_bytes(16).hex(), identity.clock.now_ms()
        parts = [
            Part(now, one.staff, one.purpose, one.holder, ExchangeId(identity.random_bytes(16).hex()))
            for one in questions
        ]
        await store.write(*store.occasions.planned(occasion, parts))
        await asyncio.gather(*(self._ask(one, part) for one, part in zip(questions, parts, strict=True)))
        return occasion

    async def started(self, *staff: str) -> list[Package]:
        """Give the latest packages of these members of staff with their checklists, newest first."""
        found = await self.requester.store.occasions.started(*staff)
        return [await self.checklist(one.occasion, *staff) for one in found]

    async def checklist(self, occasion: str, *staff: str) -> Package:
        """Say how each part stands; Misuse for a package that none of these members of staff started."""
        parts = await self.requester.store.occasions.parts(occasion)
        if not parts or parts[0].staff not in staff:
            message = "occasion: there is no package under this id"
            raise Misuse(message, code=Code.GRANT_UNKNOWN)
        return Package(occasion, parts[0].at, [await self._item(part) for part in parts])

    def _check(self, questions: Sequence[Question]) -> None:
        law = lawbook(self.requester.federation.view)
        if any(purpose_rule(one.purpose, law).row.mode != "package" for one in questions):
            message = "requests: one of the purposes is not asked in packages"
            raise Misuse(message, code=Code.MODE_NOT_AVAILABLE)
        if len({(one.purpose, one.holder) for one in questions}) < len(questions):
            message = "requests: a purpose is asked of a holder once in a package"
            raise Misuse(message, code=Code.MALFORMED)

    async def _ask(self, question: Question, part: Part) -> None:
        """Ask one; what keeps it from being signed is kept with it."""
        store = self.requester.store
        try:
            await self.requester.ask(question._replace(exchange=part.exchange))
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            await store.write(store.occasions.failed(part.exchange, error.code))

    async def _item(self, part: Part) -> Item:
        if await self.requester.store.asked.find(part.exchange) is None:
            return Item(part, "not_asked", None)
        asked = await self.requester.result(part.exchange)
        return Item(part, _STANDS[asked.state], asked)
