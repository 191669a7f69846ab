"""A copy of the ledger's files: shard and lock of one moment, also while batches are committed between two looks."""

import sqlite3
from pathlib import Path

import pytest

from consent_ledger import backup
from consent_ledger.backup import copy_ledger
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.sqlite_files import LOCK_FILE, look
from consent_ledger.store import ShardStore
from schemas.errors import Unavailable
from tests.support import keys
from tests.support.pens import LOG


class Growing:
    """A ledger into which batches are committed between the looks at its files."""

    def __init__(self, folder: Path, batches: int) -> None:
        """Begin with one entry; commit two more after each of the first so many looks at the lock."""
        folder.mkdir()
        self.store = ShardStore(folder, LOG)
        self.batches, self.looks = batches, 0
        self._note: bytes | None = None
        self.commit()

    def commit(self) -> None:
        """Append an entry, sign and lock."""
        appended = self.store.append([b"entry %d" % self.store.size], [None])
        note = sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), keys.signer(LOG))
        self.store.swap_lock(self._note, note)
        self._note = note

    def look(self, path: Path) -> sqlite3.Connection:
        """Look as the copy does; then the log goes on."""
        seen = look(path)
        if path.name == LOCK_FILE:
            self.looks += 1
            for _ in range(2 if self.looks <= self.batches else 0):
                self.commit()
        return seen


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_what_is_copied_opens_as_a_sound_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Looks between which the log went on are taken again, until a store opens what was seen."""
    growing = Growing(tmp_path / "ledger", batches)
    monkeypatch.setattr(backup, "look", growing.look)
    target = tmp_path / "copy"
    target.mkdir()
    copy_ledger(tmp_path / "ledger", target)
    growing.store.close()
    assert growing.looks == batches + 1
    with ShardStore(target, LOG) as copy:
        assert copy.size == copy.opened.locked_size == 2 * batches + 1


def test_a_log_that_never_stands_still_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After many looks it is said; a copy that would not open is not made."""
    growing = Growing(tmp_path / "ledger", 1000)
    monkeypatch.setattr(backup, "look", growing.look)
    monkeypatch.setattr(backup, "TRIES", 3)
    with pytest.raises(Unavailable, match="never stood still"):
        copy_ledger(tmp_path / "ledger", tmp_path)
    growing.store.close()
    assert growing.looks == 3
