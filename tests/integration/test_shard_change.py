"""The log goes on in a new shard while everything runs: a real nats-server, a real broker process, the real command."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from adapters.infra.clock import SystemClock
from handschlag.federation_folder import FederationFolder
from handschlag.steering_session import steering_session
from schemas import messages as ms
from schemas.ids import LogId
from schemas.topics import ask
from tests.support.real_federation import NAME, RealFederation, command, record

NOW_MS = SystemClock().now_ms()
NEXT = LogId(f"{NAME}/log/next")


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[RealFederation]:
    """Give a federation with everything running and no member yet."""
    async with RealFederation.made(tmp_path / "federation") as federation:
        await federation.start_broker()
        yield federation


async def _audited(federation: RealFederation, source: str | Path, *options: str | Path) -> str:
    pins = federation.folder / "federation.toml"
    result = await command("ledger", "replay", source, "--pins", pins, *options)
    assert result.exit_code == 0, result.output
    return result.output


async def test_a_shard_is_closed_and_the_next_one_opened(federation: RealFederation) -> None:
    """The broker goes on by itself; a member's statement of the old shard is found again, of the new one logged."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus = await agency.connect()
    said = agency.head(NOW_MS)
    await record(bus, said)
    result = await command("ledger", "close", federation.folder, "--next", "next")
    assert result.exit_code == 0, result.exception
    assert f"{NEXT} is open" in result.output
    assert (await command("ledger", "close", federation.folder, "--next", "next")).exit_code == 0
    repeated = ms.unpack(await bus.call(ask("record"), ms.pack(ms.AskRecord(said)), timeout_s=5), ms.Logged, ms.Failed)
    assert isinstance(repeated, ms.Logged)
    assert agency.log.encode() in repeated.proof
    agency.log, agency.numbers = NEXT, {}
    logged = await record(bus, agency.head(NOW_MS))
    assert f"\n{NEXT}\n2\n".encode() in logged.proof
    async with steering_session(FederationFolder(federation.folder, SystemClock())) as session:
        assert (session.state.log, list(session.state.members)) == (NEXT, ["jobcenter"])
    await bus.close()
    await _served(federation)
    assert (await _audited(federation, federation.folder / "broker" / "ledger")).count("Sound: ") == 2
    assert federation.broker is not None
    assert await federation.broker.end() == 0
    await federation.start_broker()
    assert federation.events("broker ready")[-1]["origin"] == NEXT


async def _served(federation: RealFederation) -> None:
    """Both shards are served: hash tiles to all, entries and states to auditors."""
    address = f"http://127.0.0.1:{federation.http_port}/log"
    async with httpx.AsyncClient() as client:
        (shard,) = (await client.get(f"{address}/shards.txt")).text.split()
        checkpoint = await client.get(f"{address}/shards/{shard}/checkpoint")
        assert checkpoint.text.startswith(f"{NAME}/log/{shard}\n")
        size = int(checkpoint.text.splitlines()[1])
        tile = await client.get(f"{address}/shards/{shard}/tile/0/000.p/{size}")
        assert len(tile.content) == 32 * size
        found = [
            (await client.get(f"{address}/{path}")).status_code
            for path in (
                f"shards/{shard}/log.vkey",
                f"shards/{shard}/tile/entries/000.p/{size}",
                f"shards/{shard}/tile/0/000.p/{size + 1}",
                f"shards/{shard}/nothing",
                "shards/none/checkpoint",
                f"state/{'0' * 64}.state",
            )
        ]
        assert found == [200, 401, 404, 404, 404, 401]


async def test_what_closes_no_shard(federation: RealFederation) -> None:
    """A name that none can have, and another than the one the log was closed for, change nothing."""
    result = await command("ledger", "close", federation.folder, "--next", "no/shard")
    assert result.exit_code == 3
    assert "is no name of a shard" in result.output
    used = await command("ledger", "close", federation.folder, "--next", "next")
    assert used.exit_code == 0
    first = LogId(federation.events("broker ready")[0]["origin"]).rpartition("/")[2]
    early = await command("ledger", "prune", federation.folder, "--shard", first)
    assert (early.exit_code, "may be pruned from" in early.output) == (3, True)
    unknown = await command("ledger", "prune", federation.folder, "--shard", "next")
    assert f"is no closed shard; there are {first}" in unknown.output
    assert "there was not yet" in (await command("ledger", "close", federation.folder, "--next", first)).output


async def test_a_broker_that_stopped_between_two_shards_goes_on(federation: RealFederation) -> None:
    """Killed after the closing entry and before it went on, it hands over with its next start."""
    assert federation.broker is not None
    closing = asyncio.create_task(command("ledger", "close", federation.folder, "--next", "next"))
    await federation.broker.says("shard closed")
    await federation.broker.end(signal.SIGKILL)
    for state in (federation.folder / "broker" / "ledger" / "state").iterdir():
        state.unlink()
    await federation.start_broker()
    result = await closing
    assert result.exit_code == 0, result.output
    origins = [event["origin"] for event in federation.events("ledger recovered")]
    assert (origins[0] != NEXT, origins[1:]) == (True, [NEXT])
