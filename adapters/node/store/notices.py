"""Table `notice`: the view codes on notices of requests that rest on a statute."""

from adapters.node.database import Database, Op
from schemas.errors import Code, Misuse
from schemas.ids import ExchangeId


class Notices:
    """What a person is told of a request they gave no consent for."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def keep(self, exchange: ExchangeId, view_code: str) -> Op:
        """Keep the code whose hash the request brings into the log."""
        return Op("INSERT INTO notice VALUES (?, ?)", (exchange, view_code))

    async def code(self, exchange: ExchangeId) -> str:
        """Give the code on a request's notice; Misuse for one that needs no notice."""
        rows = await self._database.read("SELECT view_code FROM notice WHERE exchange = ?", exchange)
        if not rows:
            message = "exchange: rests on no statute, so its person has a receipt and needs no notice"
            raise Misuse(message, code=Code.BASIS_MISMATCH)
        return rows[0].text("view_code")
