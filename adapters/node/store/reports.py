"""Table `report`: which person's report an officer drew up, and why."""

from typing import Final, NamedTuple

from adapters.node.database import Database, Op

MAX_LISTED: Final = 200


class Drawn(NamedTuple):
    """A report that was drawn up: when, by which officer, of which local row and file, for which reason."""

    at: int
    officer: str
    ref: str
    case_ref: str
    reason: str


class Reports:
    """The reports drawn up on persons (Art. 15 GDPR)."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def drawn(self, one: Drawn) -> Op:
        """Keep that a report was drawn up."""
        return Op("INSERT INTO report VALUES (?, ?, ?, ?, ?)", tuple(one))

    async def all(self) -> list[Drawn]:
        """Give the latest, newest first."""
        rows = await self._database.read("SELECT * FROM report ORDER BY at DESC LIMIT ?", MAX_LISTED)
        return [Drawn(row.number("at"), *map(row.text, ("officer", "ref", "case_ref", "reason"))) for row in rows]
