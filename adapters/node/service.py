"""What a node serves on the bus: `permit`, `deliver`, `witness`, and nothing else. It only ever dials out."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from adapters.node.background import Background
from adapters.node.core.view import Proven
from adapters.node.cosigner import Cosigner
from adapters.node.federation import Federation
from adapters.node.packages import Packages
from adapters.node.requester import Requester
from adapters.node.responder import Responder
from adapters.node.store import NodeStore
from adapters.node.withdrawals import Withdrawals
from schemas import messages as ms
from schemas import statements as st
from schemas.bus import Bus
from schemas.entries import Recorded
from schemas.errors import Code, HandschlagError, LedgerInconsistent, NotAuthentic
from schemas.topics import NODE_CALLS, served


@dataclass
class NodeService:
    """The node's end of the bus; a role that is off is None and answers "unavailable"."""

    bus: Bus
    federation: Federation
    store: NodeStore
    withdrawals: Withdrawals
    cosigner: Cosigner
    background: Background
    requester: Requester | None
    responder: Responder | None
    packages: Packages | None
    answered: Counter[str] = field(default_factory=Counter)
    _closing: bool = False

    async def start(self) -> None:
        """Begin to serve the three calls."""
        calls: dict[str, Callable[[bytes], Awaitable[ms.Message]]] = {
            "permit": self._permit,
            "deliver": self._deliver,
            "witness": self._witness,
        }
        for call in NODE_CALLS:
            await self.bus.serve(served(call), self._handler(calls[call]))

    def close(self) -> None:
        """Take no more calls; what is under way is finished."""
        self._closing = True

    def _handler(self, answer: Callable[[bytes], Awaitable[ms.Message]]) -> Callable[[str, bytes], Awaitable[bytes]]:
        """Turn errors into coded answers; a contradiction of the log stops the node and is answered with silence."""

        async def handle(_topic: str, unverified: bytes) -> bytes:
            """Answer one call."""
            try:
                self.background.check()
                message = await self.background.guarded(answer(unverified))
            except LedgerInconsistent:
                raise
            except HandschlagError as error:
                self.background.report("call", error.code)
                message = ms.fault(error.code, "node: did not take it")
            self.answered[message.TYPE] += 1
            return ms.pack(message)

        return handle

    async def _permit(self, unverified: bytes) -> ms.Message:
        permit = ms.unpack(unverified, ms.Permit)
        if self.responder is None or self._closing:
            return ms.fault(Code.UNAVAILABLE, "node: hands nothing out")
        return await self.responder.permit(permit)

    async def _witness(self, unverified: bytes) -> ms.Message:
        return await self.cosigner.witness(ms.unpack(unverified, ms.Witness))

    async def _deliver(self, unverified: bytes) -> ms.Message:
        """Take an entry that concerns this node: an outcome, a consent package, a withdrawal, an acknowledgement."""
        delivery = ms.unpack(unverified, ms.Deliver)
        proven = await self._prove(delivery)
        recorded = isinstance(proven.leaf.entry, Recorded)
        match proven.leaf.statement:
            case st.Outcome() if self.requester is not None:
                await self.requester.delivered(delivery, proven)
            case st.ConsentGiven() | st.BasisGiven() if self.packages is not None:
                await self.packages.delivered(delivery, proven)
            case st.ConsentWithdrawn() | st.BasisWithdrawn() | st.ClientWithdrawn():
                await self.withdrawals.take(delivery.entry, delivery.proof)
            case st.Acknowledged() as acknowledged if recorded:
                await self._acknowledged(acknowledged, proven)
            case st.Steered() if recorded:
                await self.federation.catch_up()
            case _:
                message = "deliver: nothing this node takes"
                raise NotAuthentic(message)
        return ms.Done()

    async def _prove(self, delivery: ms.Deliver) -> Proven:
        """Prove an entry; a key this node does not know may be a new member's, so it looks for news once."""
        try:
            return self.federation.view.prove(delivery.entry, delivery.proof)
        except NotAuthentic as error:
            if error.code not in (Code.KEY_NOT_IN_FORCE, Code.WRONG_LOG):
                raise
        await self.federation.catch_up()
        return self.federation.view.prove(delivery.entry, delivery.proof)

    async def _acknowledged(self, acknowledged: st.Acknowledged, proven: Proven) -> None:
        """Drop the sealed bytes of what the requester says it has."""
        await self.store.write(*self.store.received.acknowledged(acknowledged.exchanges, proven.agency))
