"""What API and pages work with: the node behind them, which may not have started yet, and who may call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from adapters.node.api_models import Health, RequestDetail
from adapters.node.api_views import request_detail
from adapters.node.collector import Collector
from adapters.node.core.compose import lawbook
from adapters.node.core.consent_text import By
from adapters.node.metrics import Reports
from adapters.node.node import Holder, Node
from adapters.node.papers.making import Making
from adapters.node.requester import Requester
from adapters.node.settings import PapersSettings
from adapters.node.store.rows import Asked
from adapters.node.tokens import Caller, Tokens
from adapters.sources.port import Source
from schemas.errors import Code, Misuse, Unavailable
from schemas.ids import ExchangeId

RoleT = TypeVar("RoleT")


@dataclass
class Desk:
    """What the API works with: the node, None while it has not started yet, tokens, counters, what papers say.

    `outside` tells whether what the node stands on is there, such as NATS and its disk; it may block for a while.
    `access_ends_s` is when its access to the bus runs out, in Unix seconds.
    """

    tokens: Tokens
    reports: Reports
    node: Node | None = None
    outside: Callable[[], bool] = lambda: True
    office: PapersSettings = field(default_factory=PapersSettings)
    access_ends_s: int = 0

    @property
    def running(self) -> Node:
        """The node; Unavailable before it has joined its federation and after it was stopped."""
        if self.node is None or not self.node.ready:
            message = "node: is not ready"
            raise Unavailable(message)
        self.node.background.check()
        return self.node

    async def works(self) -> bool:
        """Tell whether the node does its work: it has joined, nothing stopped it, its key, bus and disk are there."""
        node = self.node
        if node is None or not node.ready or node.background.stopped or not node.may_sign:
            return False
        return await asyncio.to_thread(self.outside)

    async def health(self) -> Health:
        """Say what works by trying it; a node that does not work asks for no witnesses."""
        works, node = await self.works(), self.node
        witnessed = works and node is not None and await node.covering.witnessed()
        last = None if node is None else node.covering.cosigned_at_ms
        age_s = None if node is None or last is None else max(0, node.identity.clock.now_ms() - last) / 1000
        return Health(ready=works and witnessed, witnessed=witnessed, cosigned_age_s=age_s)

    @property
    def making(self) -> Making:
        """What papers are made with."""
        node = self.running
        return Making(node.identity.agency, node.federation.view, self.office, node.identity.drafts)

    @property
    def now_ms(self) -> int:
        """The node's clock."""
        return self.running.identity.clock.now_ms()

    @property
    def by(self) -> By:
        """What texts for clients are made by: the law in force and the federation, as this node knows them."""
        view = self.running.federation.view
        return By(lawbook(view), view.state)

    async def own_request(self, exchange: ExchangeId, who: Caller) -> Asked:
        """Give a request of the caller's own, or of whom they stand in for; another's is as unknown as none."""
        asked = await self.requester.result(exchange)
        if asked.staff in await self.running.colleagues.reads_for(who.staff):
            return asked
        message = "exchange: this agency never asked under this id"
        raise Misuse(message, code=Code.GRANT_UNKNOWN)

    @property
    def requester(self) -> Requester:
        """The asking side; Unavailable when the role is off."""
        return _on(self.running.requester, "requester")

    @property
    def collector(self) -> Collector:
        """The collecting side; Unavailable when the role is off."""
        return _on(self.running.collector, "collector")

    @property
    def holder(self) -> Holder:
        """The answering side; Unavailable when the role is off."""
        return _on(self.running.holder, "holder")

    @property
    def source(self) -> Source:
        """The agency's own source; Unavailable when there is none."""
        return _on(self.running.source, "source")

    def told(self, asked: Asked) -> RequestDetail:
        """Give a request of this agency with what came of it, explained."""
        node = self.running
        return request_detail(asked, node.identity.agency, node.federation.view)


def _on(role: RoleT | None, name: str) -> RoleT:
    """Give a side of the node that is on."""
    if role is None:
        message = f"node: the role {name} is off at this agency"
        raise Unavailable(message)
    return role
