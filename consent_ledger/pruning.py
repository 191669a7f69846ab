"""Taking the entries of a closed shard out of its file for good; tree, checkpoints and what is in force stay.

Whether it may be done is not asked here: the log has an entry for it, which two steering keys signed.
"""

from collections.abc import Container, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from consent_ledger.core.shard import Shard
from consent_ledger.core.state import LedgerState
from consent_ledger.sqlite_files import BUSY_S, NEVER_DELETED, connect, faults, shard_path, transaction
from consent_ledger.store import ShardReader
from schemas import statements as st

_KEPT: Final = tuple(
    f"handschlag/entry/{kind}/".encode()
    for kind, shape in st.STATEMENTS.items()
    if issubclass(shape, st.Steered | st.ApprovalGiven | st.ApprovalEnded | st.CatalogueSet)
)
"""How the bytes of entries begin that every member may ask for at any time (LEDGER 4.3)."""


def to_prune(state: LedgerState) -> Iterator[tuple[Shard, frozenset[int]]]:
    """Give each shard whose entries may be gone, with the places in it of what consents and bases are in force."""
    for shard in state.shards.values():
        if shard.pruned is not None:
            yield shard, frozenset(one.index - shard.first for one in state.evidence.values())


def prune(folder: Path, shard: Shard, in_force: Container[int]) -> int:
    """Take out of a shard's file all entries but those that are still asked for; give how many.

    One transaction, then the file is written anew without them. What was interrupted is finished by the same call, and
    what is done already is left alone. Raises Unavailable when the file is busy or the disk full.
    """
    with ShardReader(folder, shard.log) as reader:
        size = reader.size
        kept = {index for index, raw in reader.kept(0, size) if index in in_force or raw.startswith(_KEPT)}
    path = shard_path(folder, shard.log)
    with closing(connect(path, BUSY_S)) as connection, faults(path):
        connection.execute("PRAGMA secure_delete = ON")
        with transaction(connection):
            there = (int(row[0]) for row in connection.execute("SELECT idx FROM entry").fetchall())
            gone = [(index,) for index in there if index not in kept]
            connection.execute("CREATE TABLE IF NOT EXISTS pruned(entries INTEGER) STRICT")
            connection.execute("DROP TRIGGER IF EXISTS entry_is_not_deleted")
            connection.executemany("DELETE FROM entry WHERE idx = ?", gone)
            connection.executemany("DELETE FROM seen WHERE idx = ?", gone)
            connection.execute(NEVER_DELETED)
        if gone or connection.execute("PRAGMA freelist_count").fetchone()[0]:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(gone)
