"""FLOW of asking a client for a consent, up to the answer: asked, put off, refused; all of it stays in the house.

After a no nobody asks the same client for the same again for 90 days, unless the client wishes it (b.4). The log has
the no without the person; which person it was is known here alone, and forgotten after that time.
"""

from dataclasses import dataclass

from adapters.node.core.taking import REFUSED_MS, About, check_asked_again
from adapters.node.database import Op
from adapters.node.store import NodeStore
from adapters.node.store.offers import Offer, OfferState
from consent_ledger.ports import Clock
from schemas.errors import Code, Misuse
from schemas.ids import Hash


@dataclass(frozen=True)
class Offering:
    """What is offered to clients at this agency."""

    clock: Clock
    store: NodeStore

    async def check(self, about: About, *, wished: bool) -> None:
        """Refuse to ask again too soon after a no; Misuse."""
        check_asked_again(await self._refused_at(about), self.clock.now_ms(), wished=wished)

    async def ask(self, about: About, choice: str, *, wished: bool) -> None:
        """Begin to ask; Misuse as `check` does. What is older than the time a no counts is forgotten.

        A no stands until there is another answer, also where the client wishes to be asked again.
        """
        await self.check(about, wished=wished)
        now = self.clock.now_ms()
        ops, refused_at = [self.store.offers.forget(now - REFUSED_MS)], await self._refused_at(about)
        if refused_at is None or refused_at + REFUSED_MS <= now:
            ops.append(self.store.offers.keep(Offer(about, OfferState.REQUESTED, now, choice)))
        await self.store.write(*ops)

    async def defer(self, about: About, choice: str) -> None:
        """Note that the client decides later."""
        deferred = Offer(about, OfferState.DEFERRED, self.clock.now_ms(), choice)
        await self.store.write(self.store.offers.keep(deferred))

    async def waiting(self) -> list[Offer]:
        """Give what clients put off and may still answer."""
        now = self.clock.now_ms()
        return [one for one in await self.store.offers.deferred() if one.stands(now) is OfferState.DEFERRED]

    async def resume(self, key: Hash) -> Offer:
        """Ask again what was put off; Misuse when it has run out meanwhile, or was answered."""
        found = next((one for one in await self.waiting() if one.key == key), None)
        if found is None:
            message = "offer: has run out or was answered; begin anew"
            raise Misuse(message, code=Code.CONSENT_EXPIRED)
        await self.store.write(self.store.offers.keep(found._replace(state=OfferState.REQUESTED)))
        return found

    async def _refused_at(self, about: About) -> int | None:
        """Give when the client said no, None where that is not the last word."""
        last = await self.store.offers.find(about)
        return last.at if last is not None and last.state is OfferState.REFUSED else None

    def refused(self, about: About) -> Op:
        """Note a no."""
        return self.store.offers.keep(Offer(about, OfferState.REFUSED, self.clock.now_ms(), ""))

    def given(self, about: About) -> Op:
        """Note a yes: the consent itself is the note."""
        return self.store.offers.answered(about)
