"""Backups: a copy of a folder in which a process works is as of one moment, and has the rights of the original."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from handschlag.copying import copy_folder
from schemas.errors import LedgerInconsistent, Misuse


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a folder with a key, a settings file and what is left out."""
    folder = tmp_path / "node"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys").chmod(0o700)
    for name, mode in (("keys/statement.key", 0o600), ("node.toml", 0o644), ("node.db.lock", 0o600), (".draft", 0o600)):
        (folder / name).write_text(name)
        (folder / name).chmod(mode)
    return folder


@pytest.fixture
def writer(source: Path) -> Iterator[sqlite3.Connection]:
    """Give a database that is being written to: what it holds lies in the file beside it."""
    with closing(sqlite3.connect(source / "node.db", isolation_level=None)) as link:
        link.execute("PRAGMA journal_mode = WAL")
        link.execute("PRAGMA wal_autocheckpoint = 0")
        link.execute("CREATE TABLE asked(n)")
        link.execute("INSERT INTO asked VALUES(1)")
        yield link


def test_a_database_is_copied_as_of_one_moment(source: Path, writer: sqlite3.Connection, tmp_path: Path) -> None:
    """What was committed is in the copy, also from the file beside it; what was not is not."""
    writer.execute("BEGIN")
    writer.execute("INSERT INTO asked VALUES(2)")
    target = tmp_path / "backup" / "node"
    assert copy_folder(source, target) == 3
    writer.execute("COMMIT")
    with closing(sqlite3.connect(target / "node.db")) as copy:
        assert copy.execute("SELECT n FROM asked").fetchall() == [(1,)]
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == [
        "keys/statement.key",
        "node.db",
        "node.toml",
    ]
    for place in ("", "keys", "keys/statement.key", "node.toml", "node.db"):
        assert stat.S_IMODE((target / place).stat().st_mode) == stat.S_IMODE((source / place).stat().st_mode), place
    assert (target / "keys" / "statement.key").read_text() == "keys/statement.key"


def test_nothing_is_overwritten_and_nothing_half_is_left(source: Path, tmp_path: Path) -> None:
    """What is there stays; a copy into itself, of nothing, or of what cannot be read leaves nothing behind."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "a").touch()
    for place, target, rule in (
        (source, there, "not overwritten"),
        (source, source / "copy", "lies in the folder"),
        (tmp_path / "none", tmp_path / "copy", "is no folder"),
    ):
        with pytest.raises(Misuse, match=rule):
            copy_folder(place, target)
    (source / "node.db").write_bytes(b"SQLite format 3\0 and then nothing")
    with pytest.raises(LedgerInconsistent, match=r"node\.db: file is not a database"):
        copy_folder(source, tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node", "there"]
