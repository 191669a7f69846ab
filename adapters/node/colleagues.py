"""FLOW inside the agency: who stands in for whom, who looks at how much, and whose pseudonym an officer resolves.

Statements carry pseudonyms of staff; the map stays here, and so does everything else of this file.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.node.access import Role
from adapters.node.core.watch import Use, is_namesake, uses
from adapters.node.staff import Staff
from adapters.node.store import NodeStore
from adapters.node.store.colleagues import Known, Look, Resolved, StandIn
from consent_ledger.ports import Clock
from schemas.calendar import DAY_MS
from schemas.errors import Malformed, Misuse
from schemas.ids import Hash
from schemas.record import PersonBlock

WATCHED_DAYS: Final = 30
LONGEST_STAND_IN_MS: Final = 92 * DAY_MS
MIN_REASON: Final = 10
MAX_REASON: Final = 500
ASKING: Final = (Role.ADVISER, Role.SPECIALLY_AUTHORISED)
ANSWERING: Final = (Role.CLERK_ANSWER,)


class Watched(NamedTuple):
    """What one member of staff did on one day, under the pseudonym of this month."""

    pseudonym: Hash
    use: Use


class Person(NamedTuple):
    """A member of staff as an officer sees them after resolving: the sign-on's id, and the name if it said one."""

    staff: str
    name: str


@dataclass
class Colleagues:
    """The agency's own staff, as far as this node has met them."""

    clock: Clock
    store: NodeStore
    staff: Staff

    async def seen(self, staff: str, name: str, role: Role) -> None:
        """Remember who logged in."""
        await self.store.write(self.store.colleagues.seen(Known(staff, name, role), self.clock.now_ms()))

    # -- standing in -----------------------------------------------------------------------------------------------

    async def reads_for(self, staff: str) -> list[str]:
        """Give for whom somebody may read and decide: themselves first, then those they stand in for."""
        return [staff, *(one.absent for one in await self.stand_ins() if one.deputy == staff)]

    async def who_release(self) -> list[Known]:
        """Give the colleagues who may decide what others get from here, in the order of names."""
        return [one for one in (await self.store.colleagues.all()).values() if one.role in ANSWERING]

    async def stand_ins(self) -> list[StandIn]:
        """Give who stands in for whom now."""
        return await self.store.colleagues.stand_ins(self.clock.now_ms())

    async def stand_in(self, wish: StandIn) -> None:
        """Let a colleague read somebody's answers, or decide what they were asked to, for some time.

        Raises Misuse when one of the two has never logged in here, or not both may ask others or not both release;
        Malformed for an end that is past or too far away.
        """
        known, now = await self.store.colleagues.all(), self.clock.now_ms()
        two = [known[name].role for name in (wish.absent, wish.deputy) if name in known]
        fit = any(len(two) == len(wish[:2]) and all(role in group for role in two) for group in (ASKING, ANSWERING))
        if not fit or wish.absent == wish.deputy:
            message = "deputy: two colleagues who both ask others, or both release, are needed"
            raise Misuse(message)
        if not now < wish.until <= now + LONGEST_STAND_IN_MS:
            message = f"until: lies in the future, at most {LONGEST_STAND_IN_MS // DAY_MS} days away"
            raise Malformed(message)
        await self.store.write(self.store.colleagues.stand_in(wish))

    async def end_stand_in(self, absent: str, deputy: str) -> None:
        """End it now."""
        await self.store.write(self.store.colleagues.end_stand_in(absent, deputy))

    # -- what the officer watches ----------------------------------------------------------------------------------

    async def looked(self, staff: str, own_name: str, look: Look, person: PersonBlock | None) -> None:
        """Remember that somebody looked at clients, and whether the client has their own name."""
        names = () if person is None else ((person.family_name, person.given_names),)
        namesake = any(is_namesake(own_name, *name) for name in names)
        await self.store.write(self.store.colleagues.look(self.clock.now_ms(), staff, look, namesake=namesake))

    async def watched(self) -> list[Watched]:
        """Give what staff did lately, day by day, without a name."""
        steps = await self.store.colleagues.steps(self.clock.now_ms() - WATCHED_DAYS * DAY_MS)
        return [Watched(await self.staff.pseudonym(use.staff), use) for use in uses(steps)]

    async def resolve(self, officer: str, pseudonym: Hash, reason: str) -> Person:
        """Say whom a pseudonym stands for; that it was asked, by whom and why, is durable before it is said.

        Raises Malformed without a reason of a sentence, Misuse for a pseudonym this agency never used.
        """
        if not MIN_REASON <= len(reason) <= MAX_REASON:
            message = f"reason: write down why, in {MIN_REASON} to {MAX_REASON} letters"
            raise Malformed(message)
        staff = await self.store.colleagues.staff_of(pseudonym)
        if staff is None:
            message = "pseudonym: was never used by this agency"
            raise Misuse(message)
        await self.store.write(
            self.store.colleagues.resolved(Resolved(self.clock.now_ms(), officer, pseudonym, reason))
        )
        known = (await self.store.colleagues.all()).get(staff)
        return Person(staff, staff if known is None else known.name)
