"""The shards of a folder: also one that was never made to the end."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from consent_ledger.shards import chain_from
from consent_ledger.sqlite_files import LOCK_FILE, shard_path
from consent_ledger.store import ShardStore
from schemas.errors import LedgerInconsistent
from tests.support.pens import LOG


def cut_off(path: Path) -> None:
    """Leave a file as a process does that is killed while its first transaction is written to it."""
    draft = path.with_name("draft.db")
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE founding(part BLOB)")
        connection.executemany("INSERT INTO founding VALUES(?)", [(bytes(4096),) for _ in range(64)])
        for ending in ("", "-journal"):
            shutil.copy(f"{draft}{ending}", f"{path}{ending}")
        connection.execute("ROLLBACK")
    assert path.stat().st_size > 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection, pytest.raises(sqlite3.Error):
        connection.execute("PRAGMA user_version").fetchone()


@pytest.mark.parametrize("cut", ["shard", "lock"])
@pytest.mark.parametrize("how", ["killed", "empty"])
def test_a_shard_whose_founding_was_cut_off_is_still_to_be_opened(tmp_path: Path, cut: str, how: str) -> None:
    """Whoever only reads finds it to be the last; whoever writes undoes what is half there and makes the rest."""
    with ShardStore(tmp_path, LOG):
        pass
    path = shard_path(tmp_path, LOG) if cut == "shard" else tmp_path / LOCK_FILE
    path.unlink()
    if how == "killed":
        cut_off(path)
    else:
        path.touch()
    assert [one.log for one in chain_from(tmp_path, LOG)] == [LOG]
    with ShardStore(tmp_path, LOG) as store:
        assert store.size == 0
    assert [one.log for one in chain_from(tmp_path, LOG)] == [LOG]


def test_a_file_that_cannot_be_read_is_no_shard_still_to_be_opened(tmp_path: Path) -> None:
    """A made file that is damaged is told of: nothing is founded over it."""
    with ShardStore(tmp_path, LOG):
        pass
    shard_path(tmp_path, LOG).write_bytes(b"none" * 1024)
    with pytest.raises(LedgerInconsistent, match=r"shard-.*damaged"):
        list(chain_from(tmp_path, LOG))
