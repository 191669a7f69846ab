"""The federation's own access to the bus runs out after two years, and is renewed: real nats-server, real broker."""

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import httpx

from adapters.infra.clock import SystemClock
from handschlag.federation_folder import MEMBER_DAYS, FederationFolder
from handschlag.founding import Plan, found
from handschlag.registry_folder import shipped_bundle
from schemas.errors import Malformed, Misuse
from schemas.ids import FederationName
from tests.support.real_federation import NAME, READY, Process, RealFederation, command, free_port, record

DAY_MS = 86_400_000
METRIC = "handschlag_broker_bus_access_ends_seconds"


@dataclass(frozen=True)
class Ago:
    """A clock that is so many days behind."""

    days: int

    def now_ms(self) -> int:
        """Give the time of that day."""
        return SystemClock().now_ms() - self.days * DAY_MS


def founded(folder: Path, days: int) -> RealFederation:
    """Found a federation so many days ago."""
    nats_port, http_port = free_port(), free_port()
    plan = Plan(FederationName(NAME), "127.0.0.1", nats_port, shipped_bundle(), http_port)
    found(FederationFolder(folder, Ago(days)), plan)
    return RealFederation(folder, http_port)


async def test_a_federation_whose_access_ran_out_goes_on_after_its_renewal(tmp_path: Path) -> None:
    """Yesterday everything ran out: the broker finds no bus. Renewed, and the server told, everything works again."""
    federation = founded(tmp_path / "federation", MEMBER_DAYS + 1)
    try:
        await federation.start_nats()
        assert federation.nats is not None
        stopped = await Process.begin(*federation.broker_words)
        assert await stopped.ended() != 0
        assert not any(READY in line for line in stopped.lines)
        result = await command("federation", "renew", federation.folder)
        assert result.exit_code == 0, result.output
        federation.nats.process.send_signal(signal.SIGHUP)
        await federation.nats.says("Reloaded: tls")
        await federation.start_broker()
        agency = await federation.admit("jobcenter", "jobcenter")
        bus = await agency.connect()
        await record(bus, agency.head(SystemClock().now_ms()))
        await bus.close()
    finally:
        await federation.stop()


async def test_a_broker_says_in_time_that_its_access_runs_out(tmp_path: Path) -> None:
    """Thirty days before the end a start warns, and the numbers tell the day; after the renewal they tell another."""
    federation = founded(tmp_path / "federation", MEMBER_DAYS - 30)
    try:
        await federation.start_nats()
        broker = await federation.start_broker()
        await broker.says("access to the bus runs out")
        assert {int(event["days"]) for event in federation.events("access to the bus runs out")} <= {29, 30}
        before = await ends_s(federation)
        await broker.end()
        assert (await command("federation", "renew", federation.folder)).exit_code == 0
        await federation.start_broker()
        assert (await ends_s(federation) - before) // 86_400 in (MEMBER_DAYS - 31, MEMBER_DAYS - 30)
        assert not federation.events("access to the bus runs out")
    finally:
        await federation.stop()


async def ends_s(federation: RealFederation) -> float:
    """Read from the broker's numbers when its access ends."""
    async with httpx.AsyncClient() as client:
        numbers = (await client.get(f"http://127.0.0.1:{federation.http_port}/metrics")).text
    return next(float(line.split()[1]) for line in numbers.splitlines() if line.startswith(f"{METRIC} "))


async def test_nothing_is_renewed_where_a_part_is_missing_or_strange(tmp_path: Path) -> None:
    """The file is named, and all are as they were."""
    federation = founded(tmp_path / "one", 1).folder
    other = founded(tmp_path / "other", 1).folder
    client = federation / "broker" / "nats" / "client.pem"
    before = {path: path.read_bytes() for path in federation.rglob("*") if path.is_file() and path != client}
    for broken, error in ((None, Misuse), (b"none", Malformed), ((other / client.relative_to(federation)), Misuse)):
        client.unlink(missing_ok=True)
        if isinstance(broken, Path):
            shutil.copy(broken, client)
        elif broken is not None:
            client.write_bytes(broken)
        result = await command("federation", "renew", federation)
        assert isinstance(result.exception, error)
        assert str(client) in str(result.exception)
        assert {path: path.read_bytes() for path in before} == before
