"""The broker on a disk that fails: a few of the faults that `make test-faults` tries by the hundred."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.faulty_broker import FaultyBroker
from tests.support.injected_faults import Point, spread


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[FaultyBroker]:
    """Give a federation whose broker's disk may fail; needs strace."""
    if shutil.which("strace") is None:
        pytest.skip("strace is missing")
    async with FaultyBroker.made(tmp_path) as site:
        yield site


async def test_a_broker_whose_disk_fails_keeps_what_it_promised(site: FaultyBroker) -> None:
    """Killed at a write or refused one, it ends in order and starts again; log, receipts and repeats are sound."""
    crashed = await site.crashed()
    for syscall, fault, part in (("pwrite64", "KILL", 2), ("fdatasync", "EIO", 3), ("pwrite64", "ENOSPC", 5)):
        ended = await site.hit(crashed, Point(syscall, fault, crashed.calls[syscall] // part))
        assert ended.hit
        assert not ended.broken


async def test_a_log_is_founded_after_a_full_disk(site: FaultyBroker) -> None:
    """A disk that is full while the files are made leaves nothing that is in the way of the next start."""
    founding = await site.founding()
    for point in (Point("pwrite64", "ENOSPC", 3), Point("fsync", "EIO", 1)):
        ended = await site.hit(founding, point)
        assert ended.hit
        assert not ended.broken


def test_samples_are_spread() -> None:
    """Every call comes once, and the first ones sampled lie far apart."""
    assert list(spread(8)) == [1, 5, 3, 7, 2, 6, 4, 8]
    assert list(spread(3)) == [1, 3, 2]
    assert list(spread(1)) == [1]
    assert list(spread(0)) == []
