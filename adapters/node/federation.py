"""How a node learns its federation: it asks for what it lacks and believes only what comes with proof."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from adapters.node.background import Background, Sweep
from adapters.node.core.view import Proven, View
from adapters.node.outbox import fault_of
from adapters.node.store import NodeStore
from consent_ledger.core.checkpoint import Checkpoint
from consent_ledger.ports import Clock
from schemas import canonical
from schemas import messages as ms
from schemas import registry as law
from schemas import statements as st
from schemas.bus import Bus
from schemas.commitment import sha256
from schemas.errors import NotAuthentic, Unavailable
from schemas.ids import Hash
from schemas.topics import ask

CALL_TIMEOUT_S: Final = 10.0
CATCH_UP_EVERY_MS: Final = 300_000
"""How often a node asks for new members, keys and law; what a grant rests on is fetched at once when it is needed."""


@dataclass
class Federation:
    """The node's way to the steering chain, to approvals and to registry bundles.

    `end` follows the open shard to its last checkpoint, before a log.key that ends it there is believed.
    """

    bus: Bus
    store: NodeStore
    view: View
    background: Background
    clock: Clock
    end: Callable[[Checkpoint], Awaitable[None]]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Prepare to look for news by the clock."""
        self._news = Sweep(self.background, self.clock, "catch_up", self._look)

    async def load(self) -> None:
        """Fold what the node holds already; needs no broker."""
        for raw in await self.store.known.bundles():
            registry = law.load(raw)
            self.view.registries[registry.hash] = registry
        for receipt in await self.store.known.proven():
            self.view.learn(*receipt)

    async def start(self) -> None:
        """Fetch what came since; Unavailable when the broker is out of reach."""
        await self.catch_up()
        self._news.at(self.clock.now_ms() + CATCH_UP_EVERY_MS)

    def reconnected(self) -> None:
        """Look for news at once."""
        self._news.now()

    def close(self) -> None:
        """Look for news no more."""
        self._news.close()

    async def catch_up(self) -> None:
        """Fetch the steering entries after the last one known, page by page, and the registry they put into force."""
        async with self._lock:
            while await self._chain_page():
                pass
        registry = self.view.state.registry if self.view.chain else None
        if registry is not None:
            await self.hold_registry(registry)

    async def hold_registry(self, name: Hash) -> None:
        """Fetch a registry bundle by its hash, if it is not held; NotAuthentic when the bytes have another hash."""
        if name in self.view.registries:
            return
        raw = (await self._receipts(ms.AskEvidence(canonical.encode_model(ms.EvidenceQuery(registry=name))))).blob
        if sha256(raw) != name:
            message = "registry: the bundle that came has another hash"
            raise NotAuthentic(message)
        self.view.registries[name] = law.load(raw)
        await self.store.write(self.store.known.keep_bundle(name, raw))

    async def learn_catalogues(self) -> bool:
        """Fetch what every agency says it can deliver, page by page; give True, raise Unavailable without a broker."""
        await self.catch_up()
        first: int | None = 0
        while first is not None:
            first = await self._catalogue_page(first)
        return True

    async def _catalogue_page(self, first: int) -> int | None:
        """Fetch catalogues from an index on; give where the next page begins, None where nothing came."""
        query, following = ms.EvidenceQuery(catalogues_from=first), None
        answer = await self._receipts(ms.AskEvidence(canonical.encode_model(query)))
        for entry, proof in zip(answer.receipts[::2], answer.receipts[1::2], strict=True):
            proven = await self.learn(entry, proof)
            if not isinstance(proven.leaf.statement, st.CatalogueSet) or proven.index < first:
                message = "evidence: another entry came than was asked for"
                raise NotAuthentic(message)
            following = proven.index + 1
        return following

    async def hold_entry(self, index: int) -> Proven:
        """Fetch one entry this node may see, prove it, fold it in and keep it."""
        answer = await self._receipts(ms.AskEvidence(canonical.encode_model(ms.EvidenceQuery(indices=(index,)))))
        if len(answer.receipts) != 2:  # noqa: PLR2004 - one entry and its proof
            message = "evidence: one entry with its proof was asked for"
            raise NotAuthentic(message)
        proven = await self.learn(*answer.receipts)
        if proven.index != index:
            message = "evidence: another entry came than was asked for"
            raise NotAuthentic(message)
        return proven

    async def learn(self, entry: bytes, proof: bytes) -> Proven:
        """Prove an entry, fold it in and keep it."""
        last = self.view.ends_with(entry)
        if last is not None:
            await self.end(last)
        proven = self.view.learn(entry, proof)
        await self.store.write(self.store.known.keep_proven(proven, proof))
        return proven

    async def _look(self, now_ms: int) -> int:
        """Look for news; a broker out of reach is asked again with the next look."""
        try:
            await self.catch_up()
        except Unavailable as error:
            self.background.report("catch_up", error.code)
        return now_ms + CATCH_UP_EVERY_MS

    async def _chain_page(self) -> bool:
        """Fetch one page; tell whether there may be more."""
        known = self.view.chain
        answer = await self._receipts(ms.AskChain(canonical.encode_model(ms.ChainQuery(after=known))))
        for entry, proof in zip(answer.receipts[::2], answer.receipts[1::2], strict=True):
            await self.learn(entry, proof)
        return self.view.chain > known

    async def _receipts(self, query: ms.AskChain | ms.AskEvidence) -> ms.Receipts:
        verb = "chain" if isinstance(query, ms.AskChain) else "evidence"
        reply = await self.bus.call(ask(verb), ms.pack(query), timeout_s=CALL_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Receipts, ms.Failed)
        if not isinstance(answer, ms.Receipts):
            raise fault_of(answer)
        if len(answer.receipts) % 2:
            message = "broker: entries and proofs must come in pairs"
            raise NotAuthentic(message)
        return answer
