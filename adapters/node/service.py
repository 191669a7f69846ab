"""What a node serves on the bus: `permit`, `deliver`, `witness`, and nothing else. It only ever dials out."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from adapters.node.collector import Collector
from adapters.node.consents import Consents
from adapters.node.cosigner import Cosigner
from adapters.node.core.view import Proven
from adapters.node.federation import Federation
from adapters.node.requester import Requester
from adapters.node.responder import Responder
from adapters.node.store import NodeStore
from schemas import messages as ms
from schemas import statements as st
from schemas.bus import Bus
from schemas.errors import Code, HandschlagError, LedgerInconsistent, NotAuthentic
from schemas.topics import NODE_CALLS, served


@dataclass
class NodeService:
    """The node's end of the bus; a role that is off is None and answers "unavailable"."""

    bus: Bus
    federation: Federation
    store: NodeStore
    consents: Consents
    cosigner: Cosigner
    requester: Requester | None
    responder: Responder | None
    collector: Collector | None
    report: Callable[[str, Code], None]
    answered: Counter[str] = field(default_factory=Counter)

    async def start(self) -> None:
        """Begin to serve the three calls."""
        calls: dict[str, Callable[[bytes], Awaitable[ms.Message]]] = {
            "permit": self._permit,
            "deliver": self._deliver,
            "witness": self._witness,
        }
        for call in NODE_CALLS:
            await self.bus.serve(served(call), self._handler(calls[call]))

    def _handler(self, answer: Callable[[bytes], Awaitable[ms.Message]]) -> Callable[[str, bytes], Awaitable[bytes]]:
        """Turn errors into coded answers; a contradiction of the log is passed on and ends the process."""

        async def handle(_topic: str, unverified: bytes) -> bytes:
            """Answer one call."""
            try:
                message = await answer(unverified)
            except LedgerInconsistent:
                raise
            except HandschlagError as error:
                self.report("call", error.code)
                message = ms.fault(error.code, "node: did not take it")
            self.answered[message.TYPE] += 1
            return ms.pack(message)

        return handle

    async def _permit(self, unverified: bytes) -> ms.Message:
        permit = ms.unpack(unverified, ms.Permit)
        return ms.fault(Code.UNAVAILABLE, "node: holds nothing") if self.responder is None else await self.responder.permit(permit)

    async def _witness(self, unverified: bytes) -> ms.Message:
        return await self.cosigner.witness(ms.unpack(unverified, ms.Witness))

    async def _deliver(self, unverified: bytes) -> ms.Message:
        """Take an entry that concerns this node: an outcome, a consent package, a withdrawal, an acknowledgement."""
        delivery = ms.unpack(unverified, ms.Deliver)
        proven = self.federation.view.prove(delivery.entry, delivery.proof)
        match proven.leaf.statement:
            case st.Outcome() if self.requester is not None:
                await self.requester.delivered(delivery, proven)
            case st.ConsentGiven() | st.BasisGiven() if self.collector is not None:
                await self.collector.delivered(delivery, proven)
            case st.ConsentWithdrawn(consent=basis) | st.BasisWithdrawn(given=basis):
                await self._withdrawn(delivery, basis)
            case st.Acknowledged() as acknowledged if self.responder is not None:
                await self._acknowledged(acknowledged, proven)
            case _:
                message = "deliver: nothing this node takes"
                raise NotAuthentic(message)
        return ms.Done()

    async def _withdrawn(self, delivery: ms.Deliver, basis: str) -> None:
        """A basis has ended: fold it in, tell the holder side, keep it at the recipient side."""
        await self.federation.learn(delivery.entry, delivery.proof)
        if self.responder is not None:
            await self.responder.withdrawn(basis)
        await self.store.write(self.consents.withdrawn(basis))

    async def _acknowledged(self, acknowledged: st.Acknowledged, proven: Proven) -> None:
        if self.responder is not None:
            await self.responder.acknowledged(acknowledged, proven.agency)
