"""Notices still to hand out: whoever got data of a person on a statute tells them, in time (Art. 14 GDPR).

A notice is due from the moment the data are there; a request that brought nothing leaves nothing to tell. How soon says
the law of that exchange. That one was handed out stays at this agency: the day, the language, and whose pseudonym.
"""

from dataclasses import dataclass
from typing import NamedTuple

from adapters.node.core.inform import due
from adapters.node.requester import Requester
from adapters.node.store.notices import Handed
from adapters.node.store.rows import Asked, AskedState
from consent_ledger.core.leaf import read_leaf
from schemas.calendar import berlin_day, parse_day
from schemas.entries import Granted
from schemas.errors import Code, Misuse
from schemas.registry import Day, Inform


class Notice(NamedTuple):
    """A request whose person is to be told: the day the data came, the last day to do it, and that it is done."""

    asked: Asked
    got: Day
    due: Day
    handed: Handed | None


@dataclass
class Notices:
    """The notices of the asking side."""

    requester: Requester

    async def waiting(self, *staff: str) -> list[Notice]:
        """Give what these members of staff have still to hand out, the most urgent first."""
        open_ones = await self.requester.store.notices.waiting(*staff)
        found = [one for one in map(self.told_of, open_ones) if one is not None]
        return sorted(found, key=lambda one: (one.due, one.asked.at))

    async def handed(self, *staff: str) -> list[Notice]:
        """Give what they have handed out last, the latest first."""
        done = await self.requester.store.notices.handed_out(*staff)
        found = ((self.told_of(asked), handed) for asked, handed in done)
        return [one._replace(handed=handed) for one, handed in found if one is not None]

    async def of(self, asked: Asked) -> Notice:
        """Give the notice of a request; Misuse for one that needs none, or not yet."""
        await self.requester.store.notices.code(asked.exchange)
        notice = self.told_of(asked)
        if notice is None:
            message = "exchange: brought nothing to tell the person of, or a norm exempts from it"
            raise Misuse(message, code=Code.MALFORMED)
        return notice._replace(handed=await self.requester.store.notices.handed(asked.exchange))

    async def hand_out(self, asked: Asked, on: Day, language: str, staff: str) -> Notice:
        """Note that the person has it; Misuse for a day that cannot be, and for one that was handed out before."""
        notice, now_ms = await self.of(asked), self.requester.identity.clock.now_ms()
        if notice.handed is not None:
            message = "exchange: its notice was handed out before"
            raise Misuse(message, code=Code.ID_IN_USE)
        parse_day(on, "on")
        if not notice.got <= on <= berlin_day(now_ms).isoformat():
            message = "on: is a day between the one on which the data came, and today"
            raise Misuse(message, code=Code.MALFORMED)
        handed = Handed(now_ms, on, language, await self.requester.staff.pseudonym(staff))
        await self.requester.store.write(self.requester.store.notices.hand_out(asked.exchange, handed))
        return notice._replace(handed=await self.requester.store.notices.handed(asked.exchange))

    def told_of(self, asked: Asked) -> Notice | None:
        """Give the notice of a request on a statute, as if nobody had handed it out; None where none is due."""
        if asked.state is not AskedState.ANSWERED:
            return None
        got_ms = read_leaf(asked.answer.entry).entry.time
        last = due(self._inform(asked), got_ms)
        return None if last is None else Notice(asked, berlin_day(got_ms).isoformat(), last, None)

    def _inform(self, asked: Asked) -> Inform | None:
        """Give what the law of the exchange's own time says."""
        granted, view = read_leaf(asked.grant.entry).entry, self.requester.federation.view
        law = view.registries.get(granted.registry) if isinstance(granted, Granted) else None
        rule = None if law is None else law.purposes.get(asked.purpose)
        return None if rule is None else rule.row.inform
