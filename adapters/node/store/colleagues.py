"""Tables of the agency's own staff: who stands in for whom, how much was looked at, which pseudonyms were resolved."""

from typing import Final, Literal, NamedTuple

from adapters.node.core.watch import Step
from adapters.node.database import Database, Op
from schemas.calendar import berlin_day
from schemas.ids import Hash

MAX_LISTED: Final = 200

Look = Literal["search", "open", "read"]


class Known(NamedTuple):
    """A member of staff who has logged in: the sign-on's id, name and role as they were said last."""

    staff: str
    name: str
    role: str


class StandIn(NamedTuple):
    """Somebody who reads the answers of an absent colleague, until an instant in ms."""

    absent: str
    deputy: str
    until: int


class Resolved(NamedTuple):
    """A pseudonym that was resolved: when, by which officer, for which reason."""

    at: int
    officer: str
    pseudonym: Hash
    reason: str


class Arrangement(NamedTuple):
    """How a member of staff wants a list shown, under a name of theirs: columns and filters, as an address has them."""

    name: str
    query: str


class ColleagueTables:
    """What a node remembers of the agency's own staff; none of it leaves the agency."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def seen(self, known: Known, at_ms: int) -> Op:
        """Keep that somebody logged in."""
        sql = (
            "INSERT INTO colleague VALUES (?, ?, ?, ?) ON CONFLICT (staff) DO UPDATE SET name = excluded.name,"
            " role = excluded.role, seen = excluded.seen"
        )
        return Op(sql, (*known, at_ms))

    async def all(self) -> dict[str, Known]:
        """Give everybody who has logged in, by id, in the order of names."""
        rows = await self._database.read("SELECT staff, name, role FROM colleague ORDER BY name, staff")
        return {row.text("staff"): Known(row.text("staff"), row.text("name"), row.text("role")) for row in rows}

    def stand_in(self, one: StandIn) -> Op:
        """Let somebody stand in; the same pair again has the new end."""
        sql = (
            "INSERT INTO stand_in VALUES (?, ?, ?) ON CONFLICT (absent, deputy)"
            " DO UPDATE SET until_ms = excluded.until_ms"
        )
        return Op(sql, tuple(one))

    def end_stand_in(self, absent: str, deputy: str) -> Op:
        """End it now."""
        return Op("DELETE FROM stand_in WHERE absent = ? AND deputy = ?", (absent, deputy))

    async def stand_ins(self, now_ms: int) -> list[StandIn]:
        """Give who stands in for whom now."""
        sql = "SELECT * FROM stand_in WHERE until_ms > ? ORDER BY absent, deputy"
        rows = await self._database.read(sql, now_ms)
        return [StandIn(row.text("absent"), row.text("deputy"), row.number("until_ms")) for row in rows]

    def look(self, at_ms: int, staff: str, look: Look, *, namesake: bool) -> Op:
        """Keep that somebody looked at a client; not at whom: that would be a second register of clients."""
        return Op("INSERT INTO look VALUES (?, ?, ?, ?)", (at_ms, staff, look, namesake))

    async def steps(self, since_ms: int) -> list[Step]:
        """Give what staff did since an instant: looks, and requests sent."""
        sql = (
            "SELECT at, staff, namesake FROM look WHERE at >= ?1"
            " UNION ALL SELECT at, staff, 0 AS namesake FROM asked WHERE at >= ?1"
        )
        rows = await self._database.read(sql, since_ms)
        return [
            Step(berlin_day(row.number("at")).isoformat(), row.text("staff"), bool(row.number("namesake")))
            for row in rows
        ]

    async def staff_of(self, pseudonym: Hash) -> str | None:
        """Give whom a pseudonym stands for, None for one this agency never used."""
        rows = await self._database.read("SELECT staff FROM staff WHERE pseudonym = ?", pseudonym)
        return rows[0].text("staff") if rows else None

    def resolved(self, one: Resolved) -> Op:
        """Keep that a pseudonym was resolved."""
        return Op("INSERT INTO resolved VALUES (?, ?, ?, ?)", tuple(one))

    async def resolutions(self) -> list[Resolved]:
        """Give the latest resolutions, newest first."""
        rows = await self._database.read("SELECT * FROM resolved ORDER BY at DESC LIMIT ?", MAX_LISTED)
        return [
            Resolved(row.number("at"), row.text("officer"), Hash(row.text("pseudonym")), row.text("reason"))
            for row in rows
        ]

    def arrange(self, staff: str, one: Arrangement) -> Op:
        """Keep how a list is shown; the same name again replaces it."""
        sql = "INSERT INTO arrangement VALUES (?, ?, ?) ON CONFLICT (staff, name) DO UPDATE SET query = excluded.query"
        return Op(sql, (staff, *one))

    def forget_arrangement(self, staff: str, name: str) -> Op:
        """Forget it."""
        return Op("DELETE FROM arrangement WHERE staff = ? AND name = ?", (staff, name))

    async def arrangements(self, staff: str) -> list[Arrangement]:
        """Give those a member of staff keeps, by name."""
        sql = "SELECT name, query FROM arrangement WHERE staff = ? ORDER BY name"
        return [Arrangement(row.text("name"), row.text("query")) for row in await self._database.read(sql, staff)]
