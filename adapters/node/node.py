"""A node put together from its parts, whatever bus, source and keys it is given; started and stopped in one order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

from adapters.node.approvals import Approvals
from adapters.node.background import Background
from adapters.node.colleagues import Colleagues
from adapters.node.collector import Collector
from adapters.node.consents import Consents
from adapters.node.core.view import View
from adapters.node.cosigner import Cosigner
from adapters.node.covering import Covering
from adapters.node.federation import Federation
from adapters.node.finder import Finder
from adapters.node.identity import Identity
from adapters.node.offering import Offering
from adapters.node.outbox import Outbox
from adapters.node.outcomes import Outcomes
from adapters.node.packages import Packages
from adapters.node.releases import Releases
from adapters.node.requester import Requester
from adapters.node.responder import Responder
from adapters.node.service import NodeService
from adapters.node.staff import Staff
from adapters.node.store import NodeStore
from adapters.node.withdrawals import Withdrawals
from adapters.sources.port import Source
from adapters.web.client_words import shipped_words
from consent_ledger.core.signed import Pins
from schemas.bus import Bus
from schemas.errors import Code
from schemas.ids import KeyName


def _unheard(_: int) -> None:
    """Hear of nothing."""


class Own(NamedTuple):
    """The agency's own system, and who hears how many persons were read of it."""

    source: Source
    progress: Callable[[int], None] = _unheard


class Holder(NamedTuple):
    """The answering side: the flow of permits, the outcomes it hands in, and what waits for a human."""

    responder: Responder
    outcomes: Outcomes
    releases: Releases


@dataclass
class Node:
    """Everything that runs next to one agency; a role that is off is None."""

    identity: Identity
    bus: Bus
    store: NodeStore
    background: Background
    federation: Federation
    outbox: Outbox
    covering: Covering
    consents: Consents
    withdrawals: Withdrawals
    service: NodeService
    approvals: Approvals
    colleagues: Colleagues
    requester: Requester | None
    holder: Holder | None
    collector: Collector | None
    source: Source | None
    ready: bool = False

    @classmethod
    def build(
        cls,
        identity: Identity,
        bus: Bus,
        store: NodeStore,
        pins: Pins,
        own: Own | None,
        report: Callable[[str, Code], None],
    ) -> Self:
        """Wire a node with the roles of its identity; nothing runs yet."""
        roles = identity.roles
        view, background = View(pins), Background(report)
        covering = Covering(bus, view, store, identity.clock, background, identity.policy)
        federation = Federation(bus, store, view, background, identity.clock, covering.end)
        outbox = Outbox(bus, store, view, identity, background, federation.catch_up)
        consents = Consents(store)
        withdrawals = Withdrawals(view, store, consents)
        parts = _Parts(identity, federation, outbox, store, consents, withdrawals, background)
        staff, offering = Staff(identity, store), Offering(identity.clock, store)
        requester = _requester(parts, staff) if roles.requester else None
        colleagues = Colleagues(identity.clock, store, staff)
        holder = None if own is None or not roles.holder else _holder(parts, own, covering, colleagues)
        return cls(
            identity=identity,
            bus=bus,
            store=store,
            background=background,
            federation=federation,
            outbox=outbox,
            covering=covering,
            consents=consents,
            withdrawals=withdrawals,
            service=NodeService(
                bus=bus,
                federation=federation,
                store=store,
                withdrawals=withdrawals,
                cosigner=Cosigner(identity, view, store, covering, outbox, federation.reconnected),
                background=background,
                requester=requester,
                responder=None if holder is None else holder.responder,
                packages=None if requester is None else Packages(identity, view, store, consents, withdrawals),
            ),
            approvals=Approvals(identity, federation, outbox, store),
            colleagues=colleagues,
            requester=requester,
            holder=holder,
            collector=Collector(*parts, staff, shipped_words, offering) if roles.collector else None,
            source=None if own is None else own.source,
        )

    @property
    def may_sign(self) -> bool:
        """True while the key this agency signs with is in force, as far as the node knows the log."""
        name = KeyName(self.identity.statement.key.name)
        return self.federation.view.state.key_in_force(name, "statement") is not None

    async def start(self) -> None:
        """Learn the federation, take up what was left, then serve.

        Raises Unavailable when the broker is out of reach, and may be called again then. What an earlier run left is
        worked off beside the calls.
        """
        await self.federation.load()
        await self.federation.start()
        await self.outbox.start()
        await self._take_up()
        await self.service.start()
        self.ready = True

    async def _take_up(self) -> None:
        if self.collector is not None:
            self.collector.start()
        if self.holder is not None:
            await self.holder.responder.start()
        if self.requester is not None:
            await self.requester.start()

    async def reconnected(self) -> None:
        """Send at once what waited for the connection."""
        self.federation.reconnected()
        self.outbox.reconnected()
        if self.collector is not None:
            await self.collector.reconnected()
        if self.holder is not None:
            await self.holder.outcomes.reconnected()
        if self.requester is not None:
            self.requester.reconnected()

    async def close(self) -> None:
        """Take no more calls, finish what was begun, and close the bus, the source and the store, in this order."""
        self.ready = False
        self.service.close()
        self.federation.close()
        if self.collector is not None:
            self.collector.close()
        if self.holder is not None:
            self.holder.outcomes.close()
            await self.holder.responder.close()
        if self.requester is not None:
            await self.requester.close()
        self.outbox.close()
        await self.background.close()
        await self.bus.close()
        if self.source is not None:
            await self.source.close()
        await self.store.close()


class _Parts(NamedTuple):
    """What every role is made of, in the order its fields begin with."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    consents: Consents
    withdrawals: Withdrawals
    background: Background


def _requester(parts: _Parts, staff: Staff) -> Requester:
    return Requester(
        parts.identity,
        parts.federation,
        parts.outbox,
        parts.store,
        parts.consents,
        parts.withdrawals,
        staff,
        parts.background,
    )


def _holder(parts: _Parts, own: Own, covering: Covering, colleagues: Colleagues) -> Holder:
    source = own.source
    outcomes = Outcomes(
        parts.identity,
        parts.federation,
        parts.outbox,
        parts.store,
        source,
        parts.withdrawals,
        parts.background,
        covering,
    )
    finder = Finder(source, parts.background, parts.identity.clock, own.progress)
    responder = Responder(parts.identity, parts.federation, parts.store, source, outcomes, parts.background, finder)
    releases = Releases(parts.identity.clock, parts.store, source, responder, outcomes, colleagues)
    return Holder(responder, outcomes, releases)
