"""Table `occasion`: which requests of this agency belong to one package, and how each was planned."""

from typing import Final, NamedTuple

from adapters.node.database import Database, Op, Row
from schemas.errors import Code
from schemas.ids import AgencyId, ExchangeId, Purpose

MAX_PACKAGES: Final = 50
"""How many packages a list shows."""


class Part(NamedTuple):
    """One single request of a package; `problem` says why it was never signed."""

    at: int
    staff: str
    purpose: Purpose
    holder: AgencyId
    exchange: ExchangeId
    problem: Code | None = None


class Started(NamedTuple):
    """A package somebody started, and when (ms)."""

    occasion: str
    at: int


class Occasions:
    """The agency's packages. What ties requests together stays in this file and stands in no statement."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def planned(self, occasion: str, parts: list[Part]) -> tuple[Op, ...]:
        """Keep a package with all its parts, before any of them is asked."""
        sql = "INSERT INTO occasion VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"
        return tuple(Op(sql, (occasion, number, *part[:5])) for number, part in enumerate(parts))

    def failed(self, exchange: ExchangeId, problem: Code) -> Op:
        """Keep why a part was never signed."""
        return Op("UPDATE occasion SET problem = ? WHERE exchange = ?", (problem.value, exchange))

    async def parts(self, occasion: str) -> list[Part]:
        """Give the parts of a package in their order; none for one there is not."""
        sql = "SELECT * FROM occasion WHERE occasion = ? ORDER BY position"
        return [_part(row) for row in await self._database.read(sql, occasion)]

    async def started(self, *staff: str) -> list[Started]:
        """Give the latest packages of these members of staff, newest first."""
        marks = ", ".join("?" * len(staff))
        sql = f"SELECT occasion, at FROM occasion WHERE position = 0 AND staff IN ({marks}) ORDER BY at DESC LIMIT ?"  # noqa: S608 -- marks only
        rows = await self._database.read(sql, *staff, MAX_PACKAGES)
        return [Started(row.text("occasion"), row.number("at")) for row in rows]


def _part(row: Row) -> Part:
    problem = row.text_or_none("problem")
    return Part(
        at=row.number("at"),
        staff=row.text("staff"),
        purpose=Purpose(row.text("purpose")),
        holder=AgencyId(row.text("holder")),
        exchange=ExchangeId(row.text("exchange")),
        problem=None if problem is None else Code(problem),
    )
