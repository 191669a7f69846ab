"""Which shards a folder of SQLite files holds, in their order, and where the states lie that they start from."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.ports import LogReader
from consent_ledger.sqlite_files import is_made
from consent_ledger.store import ShardReader, shard_origins
from schemas.entries import Closed
from schemas.errors import LedgerInconsistent, Malformed
from schemas.ids import Hash, LogId
from schemas.statements import ShardClosed

STATES: Final = "state"
"""The folder of state bundles, beside the log's files and in an export."""
STATE_FILE: Final = re.compile(r"[0-9a-f]{64}\.state")


def bundle_name(name: Hash) -> str:
    """Give the path of a state bundle below the log's folder."""
    return f"{STATES}/{name}.state"


class Following(NamedTuple):
    """What a closed shard says of the next one: its origin, and the hash of what it starts from."""

    log: LogId
    state: Hash


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


def chain_from(folder: Path, origin: LogId) -> Iterator[tuple[LogId, Hash | None]]:
    """Give the shards of a folder from one on, by the last entry of each, with the hash of what each starts from.

    The last may have no file yet, or a half-made one: its shard is still to be opened. The first comes without a hash.
    """
    known = set[LogId]()
    reached: Following | None = None
    log: LogId | None = origin
    while log is not None:
        if log in known:
            message = f"{folder}: its shards follow one on another in a circle, at {log}"
            raise LedgerInconsistent(message)
        known.add(log)
        yield log, None if reached is None else reached.state
        if not is_made(folder, log):
            return
        with ShardReader(folder, log) as reader:
            reached = following(reader)
        log = None if reached is None else reached.log


def shards_in(folder: Path) -> list[LogId]:
    """Give the origins of all shards of a folder, the oldest first; logs that do not follow one on another by name.

    Raises Unavailable when the folder has no lock file.
    """
    origins = [LogId(origin) for origin in shard_origins(folder)]
    behind = {origin: [log for log, _ in chain_from(folder, origin)][1:] for origin in origins}
    later = {name for names in behind.values() for name in names}
    found = [name for origin in origins if origin not in later for name in (origin, *behind[origin])]
    return [name for name in found if name in origins]


def follow_each_other(folder: Path, origins: Sequence[LogId]) -> bool:
    """Tell whether these shards of a folder are one log, each closed for the next."""
    return [log for log, _ in chain_from(folder, origins[0])][: len(origins)] == list(origins)
