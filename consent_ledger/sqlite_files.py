"""The SQLite files of the ledger: where they lie, how they are opened for writes that survive the loss of power.

What SQLite raises is said in our words: a disk or lock that may recover, or a file that contradicts itself.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import LedgerInconsistent, Misuse, Unavailable

LOCK_FILE: Final = "lock.db"
BUSY_S: Final = 5.0
NEVER_DELETED: Final = """CREATE TRIGGER entry_is_not_deleted BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END"""

_ORIGIN: Final = re.compile(r"[a-z0-9.-]+/log/([a-z0-9.-]+)")
_VERSION: Final = 2
_WAL_PAGES: Final = 512
"""Copy the write-ahead log into the file at 16 MiB; SQLite's own 1,000 pages would be 32 MiB of this page size."""


def shard_path(folder: Path, origin: str) -> Path:
    """Give the path of a shard's file; raises Misuse when the origin is not `<federation>/log/<shard>`."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        message = f"origin {origin}: must be <federation>/log/<shard> in lower-case letters, digits, dots and hyphens"
        raise Misuse(message)
    return folder / f"shard-{match[1]}.db"


def connect(path: Path, busy_timeout_s: float, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a file for one connection that commits for itself; Unavailable when it cannot be."""
    address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    with faults(path):
        # A store may be opened in one thread and used in another, never in two at once.
        return sqlite3.connect(address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)


def prepare(connection: sqlite3.Connection, path: Path, schema: str, page_bytes: int) -> None:
    """Set a file up for writes that survive the loss of power, and make its tables if it is new."""
    with faults(path):
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        with transaction(connection):
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                for statement in re.split(r";\n(?! )", schema.strip()):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
    if version not in (0, _VERSION):
        message = f"{path.name}: written by another version of this program (schema {version})"
        raise Misuse(message)


def is_made(folder: Path, origin: str) -> bool:
    """Tell whether both files of a shard were made to the end; a crash or a full disk may have left one half made.

    Nothing was ever signed in such a shard: whoever opens it to write makes what is missing.
    """
    return all(_is_whole(path) for path in (shard_path(folder, origin), folder / LOCK_FILE))


def _is_whole(path: Path) -> bool:
    """Tell whether a file has its tables; not while a rollback journal lies beside it, which only a writer can undo.

    From the first table on there is a write-ahead log in its place, so a journal is left by the founding alone.
    """
    if not path.exists() or path.with_name(f"{path.name}-journal").exists():
        return False
    with closing(connect(path, BUSY_S, read_only=True)) as connection, faults(path):
        return int(connection.execute("PRAGMA user_version").fetchone()[0]) > 0


def look(path: Path) -> sqlite3.Connection:
    """Open a database, and see it from now on as it is at this moment, whatever others write to it."""
    link = connect(path, BUSY_S, read_only=True)
    with faults(path):
        link.execute("BEGIN")
        link.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return link


def write_copy(seen: sqlite3.Connection, path: Path) -> None:
    """Write a database as it is seen to a new file, durably; raises as `faults`."""
    with faults(path), closing(connect(path, BUSY_S)) as copy:
        copy.execute("PRAGMA synchronous = FULL")
        seen.backup(copy)


def sync_folder(folder: Path) -> None:
    """Make the names of new files survive the loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        message = f"{folder}: new files cannot be made durable ({error.strerror})"
        raise Unavailable(message) from error
    finally:
        os.close(handle)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block as one transaction that has the write lock from its start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Say in our words what SQLite raises: a disk or lock that may recover, or a file that contradicts itself."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = f"{path.name}: {error}"
        raise Unavailable(message) from error
    except sqlite3.DatabaseError as error:
        message = f"{path.name}: {error}; another process writes this file, or it is damaged"
        raise LedgerInconsistent(message) from error
