"""Which shards a folder of SQLite files holds, in their order, and where the states lie that they start from."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.signed import read_note
from consent_ledger.ports import LogReader
from consent_ledger.sqlite_files import is_made, shard_path
from consent_ledger.store import ShardReader, shard_origins
from consent_ledger.tiles import read_file
from schemas.entries import Closed
from schemas.errors import LedgerInconsistent, Malformed
from schemas.ids import Hash, LogId
from schemas.statements import LogKey, ShardClosed

STATES: Final = "state"
"""The folder of state bundles, beside the log's files and in an export."""
STATE_FILE: Final = re.compile(r"[0-9a-f]{64}\.state")


def bundle_name(name: Hash) -> str:
    """Give the path of a state bundle below the log's folder."""
    return f"{STATES}/{name}.state"


class Following(NamedTuple):
    """A shard: its origin, the hash of what it starts from (None: from nothing), and the note that is to open it.

    That note is there where the shard before was not closed, but ended by a log.key.
    """

    log: LogId
    state: Hash | None = None
    note: bytes | None = None


def log_key_place(folder: Path, origin: LogId) -> Path:
    """Give where the log.key lies that ends a shard: nothing in the shard itself says how the log goes on."""
    return shard_path(folder, origin).with_suffix(".log-key.note")


def following(reader: LogReader) -> Following | None:
    """Say how the log goes on; None where a shard's last signed entry does not close it. Nothing is verified by it."""
    note = reader.last_checkpoint()
    size = 0 if note is None else unverified_checkpoint(note).size
    if not size:
        return None
    try:
        leaf = read_leaf(reader.entry(size - 1))
    except Malformed:
        return None
    if isinstance(leaf.entry, Closed) and isinstance(leaf.statement, ShardClosed):
        return Following(leaf.statement.next, leaf.entry.state)
    return None


def _after_log_key(folder: Path, origin: LogId) -> Following | None:
    """Say how the log goes on after a shard that a log.key ended; None where none did. Nothing is verified by it."""
    place = log_key_place(folder, origin)
    note = read_file(place)
    if note is None:
        return None
    try:
        statement = read_note(note)[1]
    except Malformed as error:
        message = f"{place}: {error}"
        raise Malformed(message) from error
    if not isinstance(statement, LogKey) or statement.ended != origin:
        message = f"{place}: is no log.key that ends {origin}"
        raise Malformed(message)
    return Following(statement.log, statement.state, note)


def chain_from(folder: Path, origin: LogId) -> Iterator[Following]:
    """Give the shards of a folder from one on, by the last entry of each or the log.key beside it.

    The last may have no file yet, or a half-made one: its shard is still to be opened. Of the first it is not said what
    it starts from.
    """
    known = set[LogId]()
    reached: Following | None = Following(origin)
    while reached is not None:
        log = reached.log
        if log in known:
            message = f"{folder}: its shards follow one on another in a circle, at {log}"
            raise LedgerInconsistent(message)
        known.add(log)
        yield reached
        if not is_made(folder, log):
            return
        with ShardReader(folder, log) as reader:
            reached = following(reader) or _after_log_key(folder, log)


def shards_in(folder: Path) -> list[LogId]:
    """Give the origins of all shards of a folder, the oldest first; logs that do not follow one on another by name.

    Raises Unavailable when the folder has no lock file.
    """
    origins = [LogId(origin) for origin in shard_origins(folder)]
    behind = {origin: [one.log for one in chain_from(folder, origin)][1:] for origin in origins}
    later = {name for names in behind.values() for name in names}
    found = [name for origin in origins if origin not in later for name in (origin, *behind[origin])]
    return [name for name in found if name in origins]


def follow_each_other(folder: Path, origins: Sequence[LogId]) -> bool:
    """Tell whether these shards of a folder are one log, each closed for the next."""
    return [one.log for one in chain_from(folder, origins[0])][: len(origins)] == list(origins)
