"""Which shards a folder of SQLite files holds, in their order, and where the states lie that they start from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.ports import LogReader
from consent_ledger.store import ShardReader, shard_origins, shard_path
from schemas.errors import LedgerInconsistent, Malformed
from schemas.ids import Hash, LogId
from schemas.statements import ShardClosed

STATES: Final = "state"
"""The folder of state bundles, beside the log's files and in an export."""


def bundle_name(name: Hash) -> str:
    """Give the path of a state bundle below the log's folder."""
    return f"{STATES}/{name}.state"


def following(reader: LogReader) -> LogId | None:
    """Give the origin under which the log goes on, None where its last signed entry does not close the shard.

    Nothing is verified by it.
    """
    note = reader.last_checkpoint()
    size = 0 if note is None else unverified_checkpoint(note).size
    if not size:
        return None
    try:
        statement = read_leaf(reader.entry(size - 1)).statement
    except Malformed:
        return None
    return statement.next if isinstance(statement, ShardClosed) else None


def following_in(folder: Path, origin: str) -> Iterator[str]:
    """Give the origins of a folder's shards from one on, each by the last entry of the one before it.

    The last of them may have no file yet: its shard is still to be opened.
    """
    known = set[str]()
    following_origin: str | None = origin
    while following_origin is not None:
        if following_origin in known:
            message = f"{folder}: its shards follow one on another in a circle, at {following_origin}"
            raise LedgerInconsistent(message)
        known.add(following_origin)
        yield following_origin
        if not shard_path(folder, following_origin).exists():
            return
        with ShardReader(folder, following_origin) as reader:
            following_origin = following(reader)


def shards_in(folder: Path) -> list[str]:
    """Give the origins of all shards of a folder, the oldest first; logs that do not follow one on another by name.

    Raises Unavailable when the folder has no lock file.
    """
    origins = shard_origins(folder)
    behind = {origin: list(following_in(folder, origin))[1:] for origin in origins}
    later = {name for names in behind.values() for name in names}
    found = [name for origin in origins if origin not in later for name in (origin, *behind[origin])]
    return [name for name in found if name in origins]
