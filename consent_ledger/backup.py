"""A copy of the ledger's files while the log goes on, from which a broker could start.

Shard and lock are two databases. Each is copied as of one moment, and both moments must fit, as they do at a start: the
shard may be a batch ahead of the lock, but knows of no later checkpoint.
"""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.sqlite_files import LOCK_FILE, faults, look, shard_path, write_copy
from schemas.errors import Unavailable

TRIES: Final = 100
"""Between the looks at lock and shard a batch is rarely locked, and not a hundred times in a row."""


def copy_ledger(folder: Path, target: Path) -> None:
    """Copy lock and shards of a folder into another one, durably.

    Raises Unavailable when a file cannot be read or written, LedgerInconsistent for a damaged one.
    """
    paths = (folder / LOCK_FILE, *sorted(folder.glob("shard-*.db")))
    for _ in range(TRIES):
        with ExitStack() as files:
            links = {path: files.enter_context(closing(look(path))) for path in paths}
            if _fit(folder, links):
                for path, link in links.items():
                    write_copy(link, target / path.name)
                return
    message = f"{folder}: lock and shard never stood still for a moment; copy them when less is logged"
    raise Unavailable(message)


def _fit(folder: Path, links: dict[Path, sqlite3.Connection]) -> bool:
    with faults(folder / LOCK_FILE):
        locked = links[folder / LOCK_FILE].execute("SELECT origin, note FROM lock").fetchall()
    return all(
        _fits(path, links[path], unverified_checkpoint(note.encode()).size)
        for origin, note in locked
        if (path := shard_path(folder, origin)) in links
    )


def _fits(path: Path, link: sqlite3.Connection, locked: int) -> bool:
    with faults(path):
        signed, held = link.execute(
            "SELECT (SELECT coalesce(max(size), 0) FROM checkpoint), (SELECT coalesce(max(idx) + 1, 0) FROM entry)"
        ).fetchone()
    return bool(signed <= locked <= held)
