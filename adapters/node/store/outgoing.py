"""Tables `outbox` and `voided`: signed bytes before they are sent, and what has become of each number.

Numbers are counted in each shard from 1: a key stands in both tables with its shard's origin before it.
"""

from typing import Final

from adapters.node.core.view import Proven
from adapters.node.database import Database, Op
from schemas import statements as st
from schemas.ids import KeyName, LogId

_GAPS: Final = """
SELECT before + 1 AS first, first - 1 AS last FROM (
    SELECT first,
        coalesce(max(last) OVER (ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM (SELECT n AS first, n AS last FROM outbox WHERE key = ? UNION ALL SELECT first, last FROM voided WHERE key = ?)
) WHERE first > before + 1 ORDER BY first
"""


class Outgoing:
    """The numbers of this node's statement keys."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def keep(self, statement: st.Numbered, message: bytes) -> Op:
        """Keep a message with signed bytes before it is sent."""
        values = (_key(statement), statement.n, message)
        return Op("INSERT INTO outbox (key, n, message, state) VALUES (?, ?, ?, 'pending')", values)

    def logged(self, statement: st.Numbered, proven: Proven) -> Op:
        """Note where a statement stands in the log; its bytes need not be sent again."""
        return Op(
            "UPDATE outbox SET state = 'logged', idx = ?, leaf = ?, message = NULL WHERE key = ? AND n = ?",
            (proven.index, bytes.fromhex(proven.hash), _key(statement), statement.n),
        )

    def dead(self, statement: st.Numbered) -> Op:
        """Note that a statement was not logged and never will be."""
        values = (_key(statement), statement.n)
        return Op("UPDATE outbox SET state = 'dead', message = NULL WHERE key = ? AND n = ?", values)

    def voided(self, log: LogId, key: KeyName, first: int, last: int) -> Op:
        """Note that a void was signed for numbers of which there are no bytes here."""
        return Op("INSERT OR REPLACE INTO voided VALUES (?, ?, ?)", (f"{log} {key}", first, last))

    def adopt(self, log: LogId) -> tuple[Op, ...]:
        """Give what an earlier version kept, which knew of one shard only, that shard's origin."""
        return tuple(
            Op(f"UPDATE {table} SET key = ? || ' ' || key WHERE instr(key, ' ') = 0", (log,))  # noqa: S608 - a constant
            for table in ("outbox", "voided")
        )

    async def highest(self, log: LogId, key: KeyName) -> int:
        """Give the highest number this node knows of a key in a shard, 0 for none."""
        known, name = (
            "SELECT n FROM outbox WHERE key = ? UNION ALL SELECT last FROM voided WHERE key = ?",
            f"{log} {key}",
        )
        rows = await self._database.read(f"SELECT max(n) AS n FROM ({known})", name, name)  # noqa: S608 - a constant
        return rows[0].number_or_none("n") or 0

    async def gaps(self, log: LogId, key: KeyName) -> list[tuple[int, int]]:
        """Give the ranges below the highest number that were neither kept nor voided: writes that once failed."""
        name = f"{log} {key}"
        rows = await self._database.read(_GAPS, name, name)
        return [(row.number("first"), row.number("last")) for row in rows]

    async def pending(self) -> list[bytes]:
        """Give the messages that were never answered, in the order of their numbers."""
        rows = await self._database.read("SELECT message FROM outbox WHERE state = 'pending' ORDER BY key, n")
        return [row.blob("message") for row in rows]


def _key(statement: st.Numbered) -> str:
    return f"{statement.log} {statement.key}"
