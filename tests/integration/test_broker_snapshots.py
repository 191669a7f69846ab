"""Snapshots that a broker's process has another one take, and what its next start makes of them."""

import asyncio
import sys
from pathlib import Path

import pytest

from broker.elsewhere import done_elsewhere
from broker.main import check
from broker.snapshots import program
from consent_ledger.recovery import start_from
from consent_ledger.store import ShardReader
from schemas.errors import Unavailable
from tests.support.real_federation import RealFederation, command


def folded(federation: RealFederation) -> int:
    """Give how many entries the broker folded when it started."""
    return int(federation.events("ledger recovered")[-1]["count"])


async def test_a_broker_starts_from_the_snapshot_it_had_taken(tmp_path: Path) -> None:
    """Beside its work another process takes one; the next start folds only what came later, and one damaged, all."""
    async with RealFederation.made(tmp_path / "federation") as federation:
        broker = federation.folder / "broker"
        settings = broker / "broker.toml"
        settings.write_text(
            settings.read_text("utf-8").replace("snapshot_every = 10000", "snapshot_every = 5"), "utf-8"
        )
        running = await federation.start_broker()
        await federation.admit("jobcenter", "jobcenter")
        await running.says("snapshot taken")
        await running.end()
        _, size = check(broker)
        await (await federation.start_broker()).end()
        assert folded(federation) < size

        (held,) = (broker / "ledger").glob("*.snapshot")
        held.write_bytes(held.read_bytes()[:-1])
        await (await federation.start_broker()).end()
        (left_out,) = federation.events("snapshot left out")
        assert "damaged" in left_out["rule"]
        assert folded(federation) == size

        result = await command("broker", "snapshot", broker)
        assert result.exit_code == 0, result.output
        loaded, _ = check(broker)
        with ShardReader(loaded.ledger, loaded.settings.log) as reader:
            assert start_from(held.read_bytes(), reader, loaded.setup.signer.key, program()).state.size == size


async def test_a_process_that_takes_no_snapshot_is_told() -> None:
    """One that fails tells its last line, one that is not there its name; one under way ends with its caller."""
    with pytest.raises(Unavailable, match="code 3: last"):
        await done_elsewhere((sys.executable, "-c", "import sys; sys.stderr.write('first\\nlast\\n'); sys.exit(3)"))
    with pytest.raises(Unavailable, match="no-such-program: cannot be started"):
        await done_elsewhere(("/no-such-program",))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await done_elsewhere((sys.executable, "-c", "import signal; signal.pause()"))
