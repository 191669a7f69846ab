"""The holder's node in a process of its own: `python -m tests.benchmarks.holder FEDERATION AGENCY LOG`."""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from adapters.infra.process import settle
from schemas.ids import LogId
from tests.benchmarks.town import FIELDS, HOLDER, courses, pins_of, start_node
from tests.support.real_federation import Agency


async def serve(federation: Path, folder: Path, log: LogId) -> None:
    """Run the node until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    node = await start_node(Agency(HOLDER, folder, log), pins_of(federation), courses(folder))
    await node.approvals.publish(frozenset(FIELDS))
    settle()
    print("holder ready", file=sys.stderr, flush=True)  # noqa: T201  what the benchmark waits for
    await stop.wait()
    await node.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), LogId(sys.argv[3])))
