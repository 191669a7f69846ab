"""Tables `notice` and `handed_out`: the notices of requests that rest on a statute, and which of them people have."""

from typing import Final, NamedTuple

from adapters.node.database import Database, Op, Row
from adapters.node.store.asked import read_asked
from adapters.node.store.rows import Asked
from schemas.errors import Code, Misuse
from schemas.ids import ExchangeId, Hash
from schemas.registry import Day

MAX_LISTED: Final = 200
"""How many of those handed out a list shows; of those that wait, all."""


class Handed(NamedTuple):
    """That a person got a notice: when it was noted (ms), on which day, in which language, by which pseudonym."""

    at: int
    on: Day
    language: str
    staff: Hash


class Notices:
    """What a person is told of a request they gave no consent for."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def keep(self, exchange: ExchangeId, view_code: str) -> Op:
        """Keep the code whose hash the request brings into the log."""
        return Op("INSERT INTO notice VALUES (?, ?)", (exchange, view_code))

    def hand_out(self, exchange: ExchangeId, handed: Handed) -> Op:
        """Keep that a notice was handed out; what was noted first stays."""
        sql = "INSERT INTO handed_out VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return Op(sql, (exchange, handed.at, handed.on, handed.language, handed.staff))

    async def code(self, exchange: ExchangeId) -> str:
        """Give the code on a request's notice; Misuse for one that needs no notice."""
        rows = await self._database.read("SELECT view_code FROM notice WHERE exchange = ?", exchange)
        if not rows:
            message = "exchange: rests on no statute, so its person has a receipt and needs no notice"
            raise Misuse(message, code=Code.BASIS_MISMATCH)
        return rows[0].text("view_code")

    async def handed(self, exchange: ExchangeId) -> Handed | None:
        """Give how a notice was handed out, or None while it was not."""
        rows = await self._database.read(f"SELECT {_HANDED} FROM handed_out WHERE exchange = ?", exchange)  # noqa: S608 -- names only
        return _handed(rows[0]) if rows else None

    async def waiting(self, *staff: str) -> list[Asked]:
        """Give the answered requests of these members of staff whose notice nobody has handed out, oldest first."""
        sql = (
            "SELECT asked.* FROM asked JOIN notice USING (exchange) WHERE state = 'answered'"  # noqa: S608 -- marks only
            " AND NOT EXISTS (SELECT 1 FROM handed_out WHERE handed_out.exchange = asked.exchange)"
            f" AND staff IN ({', '.join('?' * len(staff))}) ORDER BY at"
        )
        return [read_asked(row) for row in await self._database.read(sql, *staff)]

    async def handed_out(self, *staff: str) -> list[tuple[Asked, Handed]]:
        """Give the requests of these members of staff whose notice people have, latest first."""
        sql = (
            f"SELECT asked.*, {_HANDED} FROM asked JOIN handed_out USING (exchange)"  # noqa: S608 -- names and marks only
            f" WHERE asked.staff IN ({', '.join('?' * len(staff))}) ORDER BY handed_out.at DESC LIMIT ?"
        )
        return [(read_asked(row), _handed(row)) for row in await self._database.read(sql, *staff, MAX_LISTED)]


_HANDED: Final = (
    "handed_out.at AS noted, handed_out.day AS day, handed_out.language AS language, handed_out.staff AS by"
)


def _handed(row: Row) -> Handed:
    return Handed(
        at=row.number("noted"),
        on=row.text("day"),
        language=row.text("language"),
        staff=Hash(row.text("by")),
    )
