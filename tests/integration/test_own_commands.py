"""What a broker has other processes do over its own files: a replay that finds what was changed, and an export."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from broker.long_work import Report
from broker.own_commands import OwnCommands
from consent_ledger.archive import TOP
from consent_ledger.sqlite_files import shard_path
from schemas.errors import Unavailable
from tests.support.auditor import run, unpack, write_shard
from tests.support.pens import LOG, PINS
from tests.support.tampering import LEAVES

CHANGED = 40


@pytest.fixture
def commands(tmp_path: Path) -> OwnCommands:
    """Give the commands of a broker whose ledger has a story in it."""
    ledger = write_shard(tmp_path)
    program = (sys.executable, "-m", "handschlag")
    return OwnCommands(program, ledger.parent, ledger, ledger.parent / "registry", None, PINS)


async def replayed(commands: OwnCommands, lines: list[str]) -> Report:
    """Replay the log."""
    return Report.model_validate_json(await commands.replay(lines.append))


async def test_a_sound_log_is_found_sound(commands: OwnCommands) -> None:
    """Every entry is hashed, proven and decided again; the process says how far it is, and leaves nothing behind."""
    lines: list[str] = []
    before = sorted(commands.folder.rglob("*"))
    report = await replayed(commands, lines)
    assert (report.verdict, report.findings) == ("sound", ())
    assert report.entries.model_dump() == dict.fromkeys(("hashed", "proven", "decided"), len(LEAVES))
    assert lines[-1] == f"{len(LEAVES)} {len(LEAVES)}"
    assert sorted(path for path in commands.folder.rglob("*") if path.suffix not in {".db-shm", ".db-wal"}) == before


async def test_a_log_that_was_changed_is_found_out(commands: OwnCommands) -> None:
    """One byte of an entry, written into the file past every guard: the report names the entry."""
    leaf = bytearray(LEAVES[CHANGED])
    leaf[-2] ^= 1
    with closing(sqlite3.connect(shard_path(commands.ledger, LOG), isolation_level=None)) as database:
        database.execute("DROP TRIGGER entry_is_not_changed")
        database.execute("UPDATE entry SET leaf = ? WHERE idx = ?", (bytes(leaf), CHANGED))
    report = await replayed(commands, [])
    assert report.verdict == "tampered"
    assert CHANGED in {one.index for one in report.findings}


async def test_an_export_replays_elsewhere(commands: OwnCommands, tmp_path: Path) -> None:
    """What comes piece by piece unpacks to a folder that an auditor checks with pins of their own."""
    whole = b"".join([piece async for piece in commands.export()])
    unpack(whole, tmp_path)
    assert run("replay", tmp_path / TOP, "--pins", tmp_path / "federation.toml").exit_code == 0


async def test_a_ledger_that_is_not_there_is_told(commands: OwnCommands) -> None:
    """No report and no part of an export, but why."""
    for path in commands.ledger.glob("*.db*"):
        path.unlink()
    with pytest.raises(Unavailable, match=r"code 3: handschlag: .*ledger"):
        await replayed(commands, [])
    with pytest.raises(Unavailable, match=r"code 3: handschlag: .*ledger"):
        assert [piece async for piece in commands.export()] == []
