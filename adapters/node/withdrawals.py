"""FLOW of an ended basis through a node: whoever said it, every side of the node that rested on it stops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.node.consents import Consents
from adapters.node.core.view import Proven, View
from adapters.node.database import Op
from adapters.node.store import NodeStore
from adapters.node.store.rows import Ending
from schemas import statements as st
from schemas.entries import Recorded
from schemas.errors import Code, NotAuthentic

ENDED: Final[Mapping[Code, Ending]] = {
    Code.CONSENT_WITHDRAWN: Ending("withdrawn"),
    Code.CONSENT_RENEWED: Ending("renewed"),
    Code.GIVEN_WITHDRAWN: Ending("withdrawn"),
}
"""The broker's reasons from which a node learns of an end whose notice it missed, and the end they tell of."""


@dataclass
class Withdrawals:
    """Takes the entries that end consents and given bases; `forget` is told first, before anything waits."""

    view: View
    store: NodeStore
    consents: Consents
    forget: list[Callable[[str], None]] = field(default_factory=list)

    async def take(self, entry: bytes, proof: bytes, *also: Op) -> Proven:
        """Learn of a withdrawal and end what rests on it, in one durable step with `also`.

        Raises NotAuthentic for an entry that ends nothing.
        """
        proven = self.view.prove(entry, proof)
        statement = proven.leaf.statement
        match statement:
            case (
                st.ConsentWithdrawn(consent=basis) | st.BasisWithdrawn(given=basis) | st.ClientWithdrawn(basis=basis)
            ) if isinstance(proven.leaf.entry, Recorded):
                self.view.learn(entry, proof)
                cause = statement.cause if isinstance(statement, st.ConsentWithdrawn) else "withdrawn"
                ending = Ending(cause, proven.index, proven.leaf.entry.time)
                await self.end(basis, ending, self.store.known.keep_proven(proven, proof), *also)
            case _:
                message = "withdrawal: the entry ends nothing"
                raise NotAuthentic(message)
        return proven

    async def end(self, basis: str, ending: Ending, *also: Op) -> None:
        """End a basis on every side of this node, in one durable step with `also`."""
        await self.consents.write(basis, *self.ends(basis, ending), *also)

    def ends(self, basis: str, ending: Ending) -> tuple[Op, ...]:
        """Give what ends a basis: what waits under it is left to its deadline, its handles and packages go.

        What is only in memory is forgotten at once.
        """
        for forget in (*self.forget, self.consents.forget):
            forget(basis)
        return (*self.store.bases.ended(basis, ending), self.store.received.wait_all(basis, "withdrawn"))
