"""Table `offer`: what a client was asked for at this agency, and a no or a "later"; nobody else learns of it."""

from enum import StrEnum
from typing import Final, NamedTuple

from adapters.node.core.taking import DEFERRED_MS, About
from adapters.node.database import Database, Op, Row
from schemas import canonical
from schemas.commitment import sha256
from schemas.ids import AgencyId, Hash, Purpose
from schemas.record import PersonBlock

MAX_LISTED: Final = 200


class OfferState(StrEnum):
    """How far the asking has come; a yes is a consent, and that an offer ran out follows from the time alone."""

    REQUESTED = "requested"
    DEFERRED = "deferred"
    REFUSED = "refused"
    EXPIRED = "expired"


class Offer(NamedTuple):
    """What a client was asked last of one purpose and recipient; `choice` is how, as the pages keep it."""

    about: About
    state: OfferState
    at: int
    choice: str

    @property
    def key(self) -> Hash:
        """Name the row: by the person as they were asked, the purpose and the recipient."""
        return _key(self.about)

    def stands(self, at_ms: int) -> OfferState:
        """Give its state at a time: what nobody answered runs out."""
        open_ = self.state in {OfferState.REQUESTED, OfferState.DEFERRED}
        return OfferState.EXPIRED if open_ and self.at + DEFERRED_MS <= at_ms else self.state


class Offers:
    """What was asked of clients of this agency."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def keep(self, offer: Offer) -> Op:
        """Keep what was asked or answered last."""
        about = offer.about
        person = canonical.encode_model(about.person).decode()
        values = (offer.key, person, about.purpose, about.recipient, offer.state, offer.at, offer.choice)
        return Op("INSERT OR REPLACE INTO offer VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def answered(self, about: About) -> Op:
        """Forget it: there is a consent now."""
        return Op("DELETE FROM offer WHERE key = ?", (_key(about),))

    def forget(self, before_ms: int) -> Op:
        """Forget what is older than anybody may hold against a client."""
        return Op("DELETE FROM offer WHERE at < ?", (before_ms,))

    async def find(self, about: About) -> Offer | None:
        """Give what was asked last of a person, for a purpose and a recipient."""
        rows = await self._database.read("SELECT * FROM offer WHERE key = ?", _key(about))
        return _offer(rows[0]) if rows else None

    async def deferred(self) -> list[Offer]:
        """Give what clients put off, newest first."""
        sql = "SELECT * FROM offer WHERE state = 'deferred' ORDER BY at DESC LIMIT ?"
        return [_offer(row) for row in await self._database.read(sql, MAX_LISTED)]


def _key(about: About) -> Hash:
    return sha256(b"\n".join((canonical.encode_model(about.person), about.purpose.encode(), about.recipient.encode())))


def _offer(row: Row) -> Offer:
    person = canonical.decode_model(PersonBlock, row.text("person").encode())
    about = About(person, Purpose(row.text("purpose")), AgencyId(row.text("recipient")))
    return Offer(about, OfferState(row.text("state")), row.number("at"), row.text("choice"))
