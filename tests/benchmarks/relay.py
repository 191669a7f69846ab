"""The floor: the same two hops, the same server, accounts and TLS, and nothing done in between.

`python -m tests.benchmarks.relay middle FEDERATION` passes on; `… relay end FOLDER LOG` answers.
"""

import asyncio
import secrets
import signal
import sys
from pathlib import Path

import uvloop

from adapters.infra.nats_bus import NatsBus
from broker.main import load as load_broker
from schemas.bus import Bus
from schemas.ids import LogId
from schemas.topics import BROKER_TOPICS, ask, node_call, served
from tests.benchmarks.results import Load, load
from tests.benchmarks.town import HOLDER
from tests.support.real_federation import Agency

ASKED_BYTES = 2200
PERMIT_BYTES = 5000
ANSWER_BYTES = 4000
CALL_S = 10.0


async def middle(federation: Path) -> None:
    """Stand in the broker's place and pass every request on."""
    bus = await NatsBus.connect(load_broker(federation / "broker").nats)
    permit, answer = secrets.token_bytes(PERMIT_BYTES), secrets.token_bytes(ANSWER_BYTES)

    async def pass_on(_topic: str, _body: bytes) -> bytes:
        """Call the end and answer."""
        await bus.call(node_call(HOLDER, "permit"), permit, timeout_s=CALL_S)
        return answer

    await bus.serve(BROKER_TOPICS, pass_on)
    await _until_stopped(bus)


async def end(folder: Path, log: LogId) -> None:
    """Stand in the holder's place and answer at once."""
    bus = await Agency(HOLDER, folder, log).connect()
    answer = secrets.token_bytes(ANSWER_BYTES)

    async def give(_topic: str, _body: bytes) -> bytes:
        """Answer."""
        return answer

    await bus.serve(served("permit"), give)
    await _until_stopped(bus)


async def measure(bus: Bus, in_flight: int, seconds: float) -> Load:
    """Measure round trips over the two hops."""
    body = secrets.token_bytes(ASKED_BYTES)

    async def call() -> None:
        """Go there and back once."""
        await bus.call(ask("request"), body, timeout_s=CALL_S)

    return await load(call, in_flight, seconds)


async def _until_stopped(bus: Bus) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("relay ready", file=sys.stderr, flush=True)  # noqa: T201  what the benchmark waits for
    await stop.wait()
    await bus.close()


if __name__ == "__main__":
    if sys.argv[1] == "middle":
        uvloop.run(middle(Path(sys.argv[2])))
    else:
        uvloop.run(end(Path(sys.argv[2]), LogId(sys.argv[3])))
