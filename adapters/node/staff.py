"""Pseudonyms of staff: HMAC of the staff id under a key of the month; the map stays in the node's own file."""

import hmac
from dataclasses import dataclass, field

from adapters.node.identity import Identity
from adapters.node.store import NodeStore
from schemas.calendar import berlin_day
from schemas.ids import Hash


@dataclass
class Staff:
    """The agency's own map from pseudonym to person."""

    identity: Identity
    store: NodeStore
    _known: dict[tuple[str, str], Hash] = field(default_factory=dict)

    async def pseudonym(self, staff: str) -> Hash:
        """Give the pseudonym of a staff member for this month, keeping the map; the same all month long."""
        month = berlin_day(self.identity.clock.now_ms()).isoformat()[:7]
        known = self._known.get((month, staff))
        if known is None:
            known = await self._new(month, staff)
            self._known[(month, staff)] = known
        return known

    async def _new(self, month: str, staff: str) -> Hash:
        await self.store.write(self.store.known.keep_month_key(month, self.identity.random_bytes(32)))
        key = await self.store.known.month_key(month) or b""
        pseudonym = Hash(hmac.digest(key, staff.encode(), "sha256").hex())
        await self.store.write(self.store.known.keep_staff(pseudonym, month, staff))
        return pseudonym
