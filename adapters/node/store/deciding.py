"""Tables of a decision under way at the holder: who asked which colleague, the first yes of two, and every step."""

from typing import Final, Literal, NamedTuple, get_args

from adapters.node.core.deciding import Agreed, AskedWhy, HandedOn
from adapters.node.database import Database, Op, Row
from schemas.ids import ExchangeId, Hash

MAX_LISTED: Final = 200

Step = Literal["asked", "taken_back", "agreed", "released", "refused"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
_ASKED_WHY: Final[dict[str, AskedWhy]] = {why: why for why in get_args(AskedWhy)}


class Stepped(NamedTuple):
    """One step of a decision: when (ms), by whom under a pseudonym, which, and for which coded reason or none."""

    exchange: ExchangeId
    at: int
    pseudonym: Hash
    step: Step
    why: str


class Deciding:
    """What a node remembers of decisions under way. A trigger drops it once a request no longer waits for a human."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def hand_on(self, exchange: ExchangeId, one: HandedOn) -> Op:
        """Keep that a colleague was asked."""
        return Op("INSERT INTO handed_on VALUES (?, ?, ?, ?, ?, ?)", (exchange, *one))

    def take_back(self, exchange: ExchangeId) -> Op:
        """Forget that a colleague was asked."""
        return Op("DELETE FROM handed_on WHERE exchange = ?", (exchange,))

    def agree(self, exchange: ExchangeId, first: Agreed) -> Op:
        """Keep the first of two persons' yes."""
        return Op("INSERT INTO agreed VALUES (?, ?, ?, ?, ?, ?)", (exchange, *first))

    def step(self, one: Stepped) -> Op:
        """Write down a step; what a colleague wrote in a note is no part of it."""
        return Op("INSERT INTO release_step VALUES (?, ?, ?, ?, ?)", tuple(one))

    async def handed_on(self) -> dict[ExchangeId, HandedOn]:
        """Give what colleagues were asked to decide."""
        rows = await self._database.read("SELECT * FROM handed_on")
        return {ExchangeId(row.text("exchange")): _handed(row) for row in rows}

    async def agreed(self) -> dict[ExchangeId, Agreed]:
        """Give the requests that have the first yes of two."""
        rows = await self._database.read("SELECT * FROM agreed")
        return {ExchangeId(row.text("exchange")): _agreed(row) for row in rows}

    async def steps(self) -> list[Stepped]:
        """Give the latest steps, newest first."""
        sql = "SELECT * FROM release_step ORDER BY at DESC, rowid DESC LIMIT ?"
        return [_stepped(row) for row in await self._database.read(sql, MAX_LISTED)]


def _handed(row: Row) -> HandedOn:
    why = row.text_or_none("why")
    return HandedOn(
        row.text("asker"),
        row.text("colleague"),
        row.number("at"),
        None if why is None else _ASKED_WHY[why],
        row.text("note"),
    )


def _agreed(row: Row) -> Agreed:
    return Agreed(row.text("staff"), row.number("at"), row.text("role"), row.text("ref"), row.text_or_none("typed"))


def _stepped(row: Row) -> Stepped:
    step = next(name for name in STEPS if name == row.text("step"))
    return Stepped(
        ExchangeId(row.text("exchange")), row.number("at"), Hash(row.text("pseudonym")), step, row.text("why")
    )
