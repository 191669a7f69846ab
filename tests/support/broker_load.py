"""An agency that loads a broker with statements, and finds out afterwards whether the log kept what was answered."""

import asyncio
import signal
from copy import copy
from typing import Final, Self

from adapters.infra.clock import SystemClock
from adapters.infra.nats_bus import NatsBus
from broker.main import load as load_broker
from consent_ledger.core.checkpoint import CheckpointVerifier
from consent_ledger.core.proof import verify_proof
from consent_ledger.store import ShardReader
from schemas import messages as ms
from schemas.errors import HandschlagError, Unavailable
from schemas.topics import ask
from tests.support.real_federation import LIMIT_S, Agency, Process, RealFederation, command, record

AT_ONCE: Final = 32
PATIENCE_S: Final = 1.0
REPEATED: Final = 3


def now_ms() -> int:
    """Give the time; a real process goes by this machine's clock."""
    return SystemClock().now_ms()


class Load:
    """Statements of one agency on their way, many at once; what was answered and what was not."""

    def __init__(self, agency: Agency, bus: NatsBus) -> None:
        """Begin with nothing sent."""
        self.agency, self.bus = agency, bus
        self.answered: dict[bytes, ms.Logged] = {}
        self.open: list[bytes] = []

    def branch(self) -> Self:
        """Give a load that goes on by itself from here, as its log does from a copy."""
        twin = copy(self)
        twin.agency = copy(self.agency)
        twin.agency.numbers = self.agency.numbers.copy()
        twin.answered, twin.open = self.answered.copy(), self.open.copy()
        return twin

    async def send(self, note: bytes, *, again: bool = False) -> bool:
        """Send a statement, and tell whether it was logged; otherwise it stays open."""
        if not again:
            self.open.append(note)
        try:
            body = ms.pack(ms.AskRecord(note))
            reply = await self.bus.call(ask("record"), body, timeout_s=PATIENCE_S)
        except Unavailable:
            return False
        answer = ms.unpack(reply, ms.Logged, ms.Failed)
        if isinstance(answer, ms.Logged):
            self.answered[note] = answer
            self.open.remove(note)
        return isinstance(answer, ms.Logged)

    async def wave(self, size: int) -> bool:
        """Send so many statements at once, and tell whether all were logged."""
        return all(await asyncio.gather(*[self.send(self.agency.head(now_ms())) for _ in range(size)]))

    async def until_killed(self, broker: Process, enough: int) -> None:
        """Send statement after statement on several lanes, and kill the broker when so many more were answered."""
        goal = len(self.answered) + enough
        reached, stopped = asyncio.Event(), asyncio.Event()

        async def lane() -> None:
            """Send one after the other; what the broker cannot answer any more stays open."""
            while not stopped.is_set():
                await self.send(self.agency.head(now_ms()))
                if len(self.answered) >= goal:
                    reached.set()

        lanes = [asyncio.create_task(lane()) for _ in range(AT_ONCE)]
        await asyncio.wait_for(reached.wait(), LIMIT_S)
        await broker.end(signal.SIGKILL)
        stopped.set()
        for one in lanes:
            one.cancel()
        await asyncio.wait(lanes)

    async def repeat(self) -> list[str]:
        """Send what is open until it is answered, and some of the rest again; give each promise that was broken."""
        for note in list(self.open):
            await self.send(note, again=True)
        found = [f"not logged when it was sent again: {note!r}" for note in self.open]
        for note, first in list(self.answered.items())[-REPEATED:]:
            if (await record(self.bus, note)).entry != first.entry:
                found.append(f"answered with another entry when it was sent again: {note!r}")
        return found


async def broken_promises(federation: RealFederation, load: Load) -> list[str]:
    """Audit the broker's log, and hold each receipt it has handed out against it; give what is wrong."""
    found = []
    loaded = load_broker(federation.folder / "broker")
    for name in ("verify", "replay"):
        result = await command("ledger", name, loaded.ledger)
        if result.exit_code:
            found.append(f"ledger {name}, exit code {result.exit_code}: {result.output}")
    with ShardReader(loaded.ledger, loaded.settings.log) as reader:
        leaves = [leaf for _, leaf in reader.entries(0, reader.size)]
    verifier = CheckpointVerifier(loaded.setup.signer.key, remembered=10_000)
    for answer in load.answered.values():
        try:
            index = verify_proof(answer.entry, answer.proof, verifier).index
        except HandschlagError as error:
            found.append(f"a receipt that proves nothing: {error}")
            continue
        if leaves[index : index + 1] != [answer.entry]:
            found.append(f"entry {index}: the log does not hold what its receipt says")
    return found
