"""The consents and given bases a node holds: read once, asked for with every request, forgotten when they change."""

from dataclasses import dataclass, field
from typing import Final

from adapters.node.database import Op
from adapters.node.store import NodeStore
from adapters.node.store.rows import Consent, ConsentState
from schemas.errors import Code, Misuse

MAX_REMEMBERED: Final = 4096


@dataclass
class Consents:
    """What this node may base requests on, and what it collected; what is remembered is durable."""

    store: NodeStore
    _remembered: dict[str, Consent] = field(default_factory=dict)
    _changes: int = 0

    async def find(self, name: str) -> Consent | None:
        """Give one by its id, None when it is not held."""
        found, changes = self._remembered.get(name), self._changes
        if found is None:
            found = await self.store.bases.consent(name)
            # What was read while something changed may be older than the change; what is still on its way will change.
            if found is not None and found.state is ConsentState.GIVEN and changes == self._changes:
                if len(self._remembered) >= MAX_REMEMBERED:
                    del self._remembered[next(iter(self._remembered))]
                self._remembered[name] = found
        return found

    async def get(self, name: str) -> Consent:
        """Give one by its id; Misuse when it is not held."""
        found = await self.find(name)
        if found is None:
            message = "consent: no consent or given basis with this id is held here"
            raise Misuse(message, code=Code.CONSENT_UNKNOWN)
        return found

    async def write(self, name: str, *ops: Op) -> None:
        """Make changes of one consent durable, with what belongs to them."""
        try:
            await self.store.write(*ops)
        finally:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Read a consent anew when it is asked for next; what is being read this moment is not remembered either."""
        self._changes += 1
        self._remembered.pop(name, None)
