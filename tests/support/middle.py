"""The broker on a memory net above a running log, and agencies that are no more than a hand on their own bus."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from broker.core.authenticate import Gate
from broker.exchange import Exchanges
from broker.notices import Notices
from broker.service import Service
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.proof import verify_proof
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code
from schemas.ids import AgencyId, Hash
from schemas.topics import ask, served
from tests.support.ledger_world import Ledger, founded, stored
from tests.support.memory_bus import MemoryBus, MemoryNet
from tests.support.memory_store import MemoryStore
from tests.support.pens import MASK, PERSON, PINS, SEALED, account, changed
from tests.support.running_log import RunningLog
from tests.support.small_law import BUNDLE, LAW

GATE = Gate(PINS, account("steering"))


class Hand:
    """An agency at its own end of the bus; `calls` holds what the broker called it with."""

    def __init__(self, name: str, bus: MemoryBus, pens: Ledger) -> None:
        """Take the agency's bus."""
        self.name = name
        self.bus = bus
        self.pens = pens
        self.calls: list[ms.Message] = []

    async def ask(self, verb: str, message: ms.Message) -> ms.Message:
        """Ask the broker, and take whatever it answers."""
        reply = await self.bus.call(ask(verb), ms.pack(message), timeout_s=5)
        return ms.unpack(reply, *ms.MESSAGES)

    async def request(self, request: st.Request, person: bytes = PERSON) -> ms.Message:
        """Ask for a record."""
        return await self.ask("request", ms.AskRequest(self.pens.sign(request), person))

    async def record(self, statement: st.Statement) -> ms.Message:
        """Have a statement recorded."""
        return await self.ask("record", ms.AskRecord(self.pens.sign(statement)))

    async def logged(self, statement: st.Statement) -> ms.Logged:
        """Have a statement recorded, which must come to an entry."""
        answer = await self.record(statement)
        assert isinstance(answer, ms.Logged), answer
        return answer

    async def outcome(self, granted: bytes, kind: str = "disclosed") -> ms.Message:
        """Hand in the outcome of a grant, given as its entry."""
        outcome, opened = self.pens.outcome(read_leaf(granted), Hash(leaf_hash(granted).hex()), kind)
        return await self.ask(
            "outcome", ms.AskOutcome(self.pens.sign(outcome), MASK, canonical.encode_model(opened.body))
        )

    async def serve(self, call: str, answer: Callable[[ms.Message], Awaitable[ms.Message]]) -> None:
        """Answer the broker's calls."""

        async def handle(_: str, body: bytes) -> bytes:
            """Note the call and answer it."""
            self.calls.append(ms.unpack(body, *ms.MESSAGES))
            return ms.pack(await answer(self.calls[-1]))

        await self.bus.serve(served(call), handle)

    async def disclose_at_once(self) -> None:
        """Answer every permit with a record, as a holder does that needs no human."""

        async def answer(message: ms.Message) -> ms.Message:
            """Hand in the outcome, then give the sealed record."""
            assert isinstance(message, ms.Permit)
            logged = await self.outcome(message.entry)
            assert isinstance(logged, ms.Logged)
            return ms.Delivered(b"", b"", logged.entry, logged.proof, SEALED)

        await self.serve("permit", answer)

    async def answer_with(self, call: str, message: ms.Message) -> None:
        """Answer every such call with the same message."""

        async def answer(_: ms.Message) -> ms.Message:
            """Give it."""
            return message

        await self.serve(call, answer)


class Middle:
    """The broker and everybody's hands."""

    def __init__(self, log: RunningLog, bundles: Mapping[Hash, bytes] | None = None) -> None:
        """Put a broker above a log; `reported` holds what could not be told to a node."""
        self.log = log
        self.net = MemoryNet()
        self.bus = self.net.broker()
        self.reported: list[tuple[str, Code]] = []
        self.notices = Notices(self.bus, lambda what, code: self.reported.append((what, code)))
        exchanges = Exchanges(log.sequencer, self.bus, GATE, self.notices.tell)
        self.service = Service(
            exchanges, {LAW.hash: BUNDLE} if bundles is None else bundles, lambda: log.sequencer.note
        )

    def hand(self, agency: str) -> Hand:
        """Give an agency its end of the bus."""
        if agency == "steering":
            return Hand(agency, self.net.steering(account(agency)), self.log.pens)
        return Hand(agency, self.net.agency(AgencyId(agency), account(agency)), self.log.pens)

    async def consented(self, uses: int = 2) -> st.ConsentGiven:
        """Have counselling take a consent for the Jobcenter to ask the provider."""
        consent = self.log.pens.consent("beratung", "jobcenter", uses=uses)
        logged = await self.hand("beratung").logged(consent)
        assert read_leaf(logged.entry).kind == "consent.given"
        return consent

    async def asked(self, **changes: object) -> ms.Message:
        """Have the Jobcenter ask the provider under a fresh consent, with other values in the request."""
        request = self.log.pens.request("jobcenter", "kurse", await self.consented())
        return await self.hand("jobcenter").request(changed(request, **changes))

    async def granted(self) -> ms.Later:
        """Have a request granted whose holder says nothing yet."""
        answer = await self.asked()
        assert isinstance(answer, ms.Later)
        return answer

    def proven(self, entry: bytes, proof: bytes) -> Leaf:
        """Read an entry that its proof shows to be in the log."""
        verify_proof(entry, proof, self.log.sequencer.verifier)
        return read_leaf(entry)


def code_of(message: ms.Message) -> Code:
    """Give the code of a fault; fails for any other message."""
    assert isinstance(message, ms.Failed), message
    return canonical.decode_model(ms.Fault, message.fault).code


@asynccontextmanager
async def serving(store: type[MemoryStore] = MemoryStore) -> AsyncIterator[Middle]:
    """Give a broker above the founded log, serving until the end; the store may be one of another kind."""
    pens = founded()
    disk = stored(pens)
    async with RunningLog(pens, disk, store(pens.log, disk)) as log:
        middle = Middle(log)
        await middle.service.start()
        yield middle
        await middle.notices.close()
        await middle.bus.close()
