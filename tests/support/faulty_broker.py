"""A broker whose disk fails: started on a prepared log, hit by one fault, and held to its promises after a restart."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.sqlite_files import LOCK_FILE, shard_path
from consent_ledger.store import ShardReader
from schemas.errors import HandschlagError
from tests.support.broker_load import Load, broken_promises
from tests.support.injected_faults import Point, calls, sqlite_files, under_strace, was_hit
from tests.support.real_federation import LIMIT_S, READY, Process, RealFederation

WAVES: Final = 40
"""Batches of a load; so many that SQLite copies its write-ahead log into the file once."""
WAVE: Final = 6
KILLED: Final = -9


@dataclass(frozen=True)
class Scene:
    """What the broker begins with: its ledger's files, if any, the statements sent so far, and what it shall serve."""

    name: str
    files: Path
    load: Load
    waves: int
    calls: dict[str, int] = field(default_factory=dict)
    """How often each syscall is made when nothing fails."""


@dataclass(frozen=True)
class Ended:
    """How a run with a fault ended: whether the fault came to pass, and each promise that was broken."""

    hit: bool
    broken: list[str]


class FaultyBroker:
    """A federation with one agency; its broker is started again and again."""

    def __init__(self, federation: RealFederation, load: Load, work: Path) -> None:
        """Take a federation whose broker has ended, and a folder for traces and copies of the ledger."""
        self.federation, self.load, self.work = federation, load, work
        self.ledger = federation.folder / "broker" / "ledger"
        self.shard = shard_path(self.ledger, load.agency.log)
        self.trace, self.admitted = work / "trace", work / "admitted"
        shutil.copytree(self.ledger, self.admitted)

    @classmethod
    @asynccontextmanager
    async def made(cls, work: Path) -> "AsyncIterator[FaultyBroker]":
        """Make a federation in a folder and admit its agency."""
        async with AsyncExitStack() as stack:
            federation = await stack.enter_async_context(RealFederation.made(work / "federation"))
            broker = await federation.start_broker()
            agency = await federation.admit("jobcenter", "jobcenter")
            bus = await agency.connect()
            stack.push_async_callback(bus.close)
            await broker.end()
            yield cls(federation, Load(agency, bus), work)

    async def founding(self) -> Scene:
        """Give a broker without a log: it makes the files and writes the founding statements."""
        agency = self.load.branch().agency
        agency.numbers.clear()
        return await self._counted(Scene("founding", self.work / "nothing", Load(agency, self.load.bus), waves=0))

    async def crashed(self) -> Scene:
        """Give a broker that was killed between committing a batch and locking its checkpoint: it takes up the tail."""
        files, log = self.work / "crashed", self.load.agency.log
        load = self._laid(Scene("admitted", self.admitted, self.load, WAVES))
        lock = [self.ledger / f"{LOCK_FILE}-wal"]
        await self._run(load, WAVES, under_strace(self.trace, lock, Point("pwrite64", "KILL", 3)))
        with ShardReader(self.ledger, log) as reader:
            locked = unverified_checkpoint(reader.last_checkpoint() or b"").size
            assert locked < reader.size, "the broker was not killed where it leaves a tail"
        shutil.copytree(self.ledger, files)
        return await self._counted(Scene("crashed", files, load, WAVES))

    async def hit(self, scene: Scene, point: Point) -> Ended:
        """Let one fault hit a broker at work, start it again, and hold it to what it has answered."""
        load, broken = self._laid(scene), list[str]()
        try:
            code = await self._run(load, scene.waves, self._words(point))
            broken += _spoken(self._broker, code, point)
            broker = await self.federation.start_broker()
            broken += await load.repeat()
            if await broker.end():
                broken.append(f"the restarted broker ended by {broker.process.returncode}: {''.join(broker.lines)}")
            broken += await broken_promises(self.federation, load)
        except (AssertionError, TimeoutError, HandschlagError) as error:
            broken.append(f"{type(error).__name__}: {error}; it said: {''.join(self._broker.lines)}")
        finally:
            await self._broker.end(signal.SIGKILL)
        return Ended(was_hit(self.trace), broken)

    @property
    def _broker(self) -> Process:
        assert self.federation.broker is not None
        return self.federation.broker

    def _words(self, point: Point | None) -> tuple[str | Path, ...]:
        return under_strace(self.trace, sqlite_files(self.shard, self.ledger / LOCK_FILE), point)

    async def _counted(self, scene: Scene) -> Scene:
        """Let the scene run without a fault, and count its calls."""
        assert await self._run(self._laid(scene), scene.waves, self._words(None)) == 0
        return Scene(scene.name, scene.files, scene.load, scene.waves, calls(self.trace))

    def _laid(self, scene: Scene) -> Load:
        """Put the scene's files in place, and give its load."""
        shutil.rmtree(self.ledger)
        if scene.files.exists():
            shutil.copytree(scene.files, self.ledger)
        return scene.load.branch()

    async def _run(self, load: Load, waves: int, before: tuple[str | Path, ...]) -> int:
        """Start the broker, load it, tell it to stop; give its exit code, be it that it ended before."""
        broker = self.federation.broker = await Process.begin(*before, *self.federation.broker_words)
        over = asyncio.create_task(broker.process.wait())
        work = asyncio.create_task(_serve(broker, load, waves))
        try:
            async with asyncio.timeout(2 * LIMIT_S):
                await asyncio.wait((over, work), return_when=asyncio.FIRST_COMPLETED)
            return await broker.end()
        finally:
            await broker.end(signal.SIGKILL)
            for task in (over, work):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _serve(broker: Process, load: Load, waves: int) -> None:
    """Have a broker log so many waves; one that fails to log must end by itself."""
    await broker.says(READY)
    for _ in range(waves):
        if not await load.wave(WAVE):
            await broker.process.wait()


def _spoken(broker: Process, code: int, point: Point) -> list[str]:
    """Give what is wrong with how a broker ended: killed, in order, or with one line that says why."""
    said = [line for line in broker.lines if not line.startswith("{") and line]
    calm = code == 0 and not said
    plain = code == 1 and len(said) == 1 and said[0].startswith("handschlag: ")
    foreseen = not any("Traceback" in line or "a fault of its own" in line for line in broker.lines)
    if foreseen and (calm or (code == KILLED if point.fault == "KILL" else plain)):
        return []
    return [f"ended by {code} and said: {''.join(broker.lines)}"]
