"""A snapshot's file and its keeper: when one is taken, that nothing waits for it, and what a bad disk does."""

import asyncio
from pathlib import Path

import pytest

from broker.snapshots import Keeper, SnapshotFile, program
from consent_ledger.core.leaf import read_leaf
from consent_ledger.sequencer import Receipt
from schemas.commitment import sha256
from schemas.errors import Unavailable
from tests.support.ledger_world import founded
from tests.support.pens import LOG

RECEIPT = Receipt(0, read_leaf(founded().leaves[0]), b"")


class Taking:
    """Snapshots that are taken when the test lets them."""

    def __init__(self) -> None:
        """Begin with none asked for."""
        self.asked = 0
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def take(self) -> None:
        """Take one."""
        self.asked += 1
        self.begun.set()
        await self.go_on.wait()
        self.go_on.clear()

    async def next(self) -> None:
        """Wait until the next one is begun."""
        async with asyncio.timeout(5):
            await self.begun.wait()
        self.begun.clear()


async def test_one_is_taken_after_so_many_entries() -> None:
    """Not before; those that come meanwhile count for the next one; and the end breaks off what is under way."""
    taking = Taking()
    keeper = Keeper(taking.take, 3, size=12, held=10)
    async with keeper.running():
        await asyncio.sleep(0)
        assert taking.asked == 0
        keeper.committed([RECEIPT])
        await taking.next()
        keeper.committed([RECEIPT] * 3)
        taking.go_on.set()
        await taking.next()
        keeper.committed([RECEIPT] * 2)
        taking.go_on.set()
        await asyncio.sleep(0)
        keeper.committed([RECEIPT])
        await taking.next()
    assert taking.asked == 3


async def test_an_old_one_is_replaced_at_the_start() -> None:
    """A start that had to fold many entries spares the next one that."""
    taking = Taking()
    async with Keeper(taking.take, 3, size=3, held=0).running():
        await taking.next()


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    """It lies beside the shard under the shard's name, and nothing else is left there."""
    file = SnapshotFile(tmp_path, LOG)
    assert file.read() is None
    file.write(b"one")
    file.write(b"two")
    assert file.read() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["shard-2026-11.snapshot"]


def test_a_bad_disk_is_told(tmp_path: Path) -> None:
    """What cannot be read or written is Unavailable and names the file."""
    (tmp_path / "shard-2026-11.snapshot").mkdir()
    file = SnapshotFile(tmp_path, LOG)
    for use in (file.read, lambda: file.write(b"one")):
        with pytest.raises(Unavailable, match=r"shard-2026-11\.snapshot: cannot be"):
            use()


def test_the_program_is_its_code() -> None:
    """The hash is the same as long as the code is, and it is of more than nothing."""
    assert program() == program()
    assert program() != sha256(b"")
