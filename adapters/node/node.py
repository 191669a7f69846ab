"""A node put together from its parts, whatever bus, source and keys it is given; started and stopped in one order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from adapters.node.collector import Collector
from adapters.node.consents import Consents
from adapters.node.core.view import View
from adapters.node.cosigner import Cosigner
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Outbox
from adapters.node.requester import Requester
from adapters.node.responder import Responder
from adapters.node.service import NodeService
from adapters.node.staff import Staff
from adapters.node.store import NodeStore
from adapters.sources.port import Source
from consent_ledger.core.signed import Pins
from schemas.bus import Bus
from schemas.errors import Code


@dataclass
class Node:
    """Everything that runs next to one agency; a role that is off is None."""

    identity: Identity
    bus: Bus
    store: NodeStore
    federation: Federation
    outbox: Outbox
    consents: Consents
    service: NodeService
    requester: Requester | None
    responder: Responder | None
    collector: Collector | None
    source: Source | None

    @classmethod
    def build(
        cls,
        identity: Identity,
        bus: Bus,
        store: NodeStore,
        pins: Pins,
        source: Source | None,
        report: Callable[[str, Code], None],
    ) -> Self:
        """Wire a node with all roles; without a source it holds nothing."""
        view = View(pins)
        federation = Federation(bus, store, view)
        outbox = Outbox(bus, store, view, identity, report)
        consents = Consents(store)
        requester = Requester(identity, federation, outbox, store, consents, Staff(identity, store), report)
        collector = Collector(identity, federation, outbox, store, consents, report)
        responder = None if source is None else Responder(identity, federation, outbox, store, source, report)
        cosigner = Cosigner(identity, view, store)
        service = NodeService(bus, federation, store, consents, cosigner, requester, responder, collector, report)
        return cls(
            identity, bus, store, federation, outbox, consents, service, requester, responder, collector, source
        )

    async def start(self) -> None:
        """Learn the federation, take up what was left, then serve."""
        await self.federation.start()
        await self.consents.start()
        for role in (self.requester, self.responder, self.collector):
            if role is not None:
                await role.start()
        await self.service.start()
        await self.outbox.start()

    async def close(self) -> None:
        """Finish what was begun and close the bus, the source and the store, in this order."""
        if self.requester is not None:
            await self.requester.close()
        if self.responder is not None:
            await self.responder.close()
        await self.outbox.close()
        await self.bus.close()
        if self.source is not None:
            await self.source.close()
        await self.store.close()
