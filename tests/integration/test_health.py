"""Health tells the truth of the world: a disk that takes nothing, a bus that is gone; asked of real processes."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from adapters.infra.files import writable
from tests.support.real_federation import RealFederation

LIMITED = """
import resource, signal, sys
from pathlib import Path
from adapters.infra.files import writable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
sys.exit(not writable(Path(sys.argv[1])))
"""
"""Asks whether a disk takes anything, in a process that may write files of so many bytes and no more."""


@pytest.mark.parametrize(("most", "code"), [(0, 1), (1, 0)])
def test_a_disk_that_is_full_is_no_disk(tmp_path: Path, most: int, code: int) -> None:
    """What counts is whether the kernel takes a byte and flushes it; nothing is left behind."""
    assert subprocess.run([sys.executable, "-c", LIMITED, tmp_path, str(most)], check=False).returncode == code
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files_is_no_disk(tmp_path: Path) -> None:
    """One that is gone, one that is a file, and one of the kernel's own, in which nobody makes any."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "gone", tmp_path / "file", Path("/proc")):
        assert not writable(folder)
    assert writable(tmp_path)


async def test_a_broker_without_its_bus_or_its_disk_is_not_green(tmp_path: Path) -> None:
    """Its folder is moved away under it, then back; then the server it hangs on is killed."""
    async with RealFederation.made(tmp_path / "federation") as federation:
        broker = await federation.start_broker()
        ledger = federation.folder / "broker" / "ledger"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{federation.http_port}") as client:

            async def health() -> tuple[int, bool, bool]:
                answer = await client.get("/health")
                found = answer.json()
                return answer.status_code, found["disk_writable"], found["nats_connected"]

            assert await health() == (200, True, True)
            ledger.rename(ledger.with_name("elsewhere"))
            assert await health() == (503, False, True)
            ledger.with_name("elsewhere").rename(ledger)
            assert await health() == (200, True, True)
            assert federation.nats is not None
            await federation.nats.end(signal.SIGKILL)
            await broker.says("NATS disconnected")
            assert await health() == (503, True, False)
