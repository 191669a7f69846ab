"""Table `asked`: what this agency asked for, and what came of it."""

from collections.abc import Iterable
from typing import Final

from adapters.node.database import Database, Op, Row
from adapters.node.store.rows import Asked, AskedState, Receipt, basis_of, fields_from, to_list
from schemas import canonical
from schemas import statements as st
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, ExchangeId, Hash, Purpose
from schemas.record import Record

MAX_LISTED: Final = 200


class AskedRequests:
    """The agency's own requests."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def sent(
        self, request: st.Request, staff: str, case_ref: str | None, offer: Hash | None, person: Hash | None
    ) -> Op:
        """Keep a request as it is sent; `person` is the hash of the block that a request on a statute brings."""
        values = (
            request.exchange,
            request.at,
            staff,
            request.purpose,
            request.holder,
            basis_of(request.basis),
            to_list(request.fields),
            case_ref,
            offer,
            person,
            request.answer_by,
        )
        return Op(
            "INSERT INTO asked (exchange, at, staff, purpose, holder, basis, fields, case_ref, offer, person,"
            " answer_by, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sent')",
            values,
        )

    def granted(self, exchange: ExchangeId, grant: Receipt, message: bytes, due: int) -> Op:
        """Keep the grant and its receipt, and the request's message to be sent again at `due`."""
        return Op(
            "UPDATE asked SET state = 'granted', grant_entry = ?, grant_proof = ?, message = ?, due = ?"
            " WHERE exchange = ? AND state = 'sent'",
            (*grant, message, due, exchange),
        )

    def again(self, exchange: ExchangeId, due: int | None) -> Op:
        """Note when a granted request is sent again; never, for None."""
        values = (due, exchange)
        return Op("UPDATE asked SET due = ?, tries = tries + 1 WHERE exchange = ? AND state = 'granted'", values)

    def ended(
        self, exchange: ExchangeId, state: AskedState, reason: str, answer: Receipt, grant: Receipt | None = None
    ) -> Op:
        """Keep how a request ended without a record; `grant` where one came with the end."""
        return Op(
            "UPDATE asked SET state = ?, reason = ?, grant_entry = coalesce(?, grant_entry),"
            " grant_proof = coalesce(?, grant_proof), entry = ?, proof = ?, message = NULL, due = NULL"
            " WHERE exchange = ? AND state IN ('sent', 'granted')",
            (state, reason, *(grant or (None, None)), *answer, exchange),
        )

    def answered(self, exchange: ExchangeId, grant: Receipt, answer: Receipt, record: Record) -> Op:
        """Keep the record with both receipts."""
        return Op(
            "UPDATE asked SET state = 'answered', grant_entry = ?, grant_proof = ?, entry = ?, proof = ?, record = ?,"
            " message = NULL, due = NULL WHERE exchange = ? AND state IN ('sent', 'granted')",
            (*grant, *answer, canonical.encode_model(record).decode(), exchange),
        )

    def acknowledged(self, exchanges: Iterable[ExchangeId]) -> tuple[Op, ...]:
        """Note that the holder was told."""
        return tuple(Op("UPDATE asked SET acknowledged = 1 WHERE exchange = ?", (exchange,)) for exchange in exchanges)

    async def find(self, exchange: ExchangeId) -> Asked | None:
        """Give one request of this agency."""
        rows = await self._database.read("SELECT * FROM asked WHERE exchange = ?", exchange)
        return read_asked(rows[0]) if rows else None

    async def get(self, exchange: ExchangeId) -> Asked:
        """Give one request of this agency; Misuse for an id it never asked under."""
        found = await self.find(exchange)
        if found is None:
            message = "exchange: this agency never asked under this id"
            raise Misuse(message, code=Code.GRANT_UNKNOWN)
        return found

    async def of_staff(self, *staff: str) -> list[Asked]:
        """Give the latest requests of these members of staff, newest first."""
        sql = f"SELECT * FROM asked WHERE staff IN ({', '.join('?' * len(staff))}) ORDER BY at DESC LIMIT ?"  # noqa: S608 -- marks only
        return [read_asked(row) for row in await self._database.read(sql, *staff, MAX_LISTED)]

    async def of_case(self, case_ref: str) -> list[Asked]:
        """Give all requests under one file reference, newest first."""
        rows = await self._database.read("SELECT * FROM asked WHERE case_ref = ? ORDER BY at DESC", case_ref)
        return [read_asked(row) for row in rows]

    async def due(self, now_ms: int) -> list[tuple[ExchangeId, bytes, int, int]]:
        """Give exchange, message, deadline and tries of the granted requests that are to be sent again by now."""
        sql = "SELECT exchange, message, answer_by, tries FROM asked WHERE due <= ? AND state = 'granted' ORDER BY due"
        rows = await self._database.read(sql, now_ms)
        return [
            (ExchangeId(row.text("exchange")), row.blob("message"), row.number("answer_by"), row.number("tries"))
            for row in rows
        ]

    async def next_due(self) -> int | None:
        """Give when the first of them is due, in ms."""
        rows = await self._database.read("SELECT min(due) AS due FROM asked WHERE due IS NOT NULL")
        return rows[0].number_or_none("due")

    async def unacknowledged(self) -> list[tuple[AgencyId, ExchangeId]]:
        """Give holder and id of answered exchanges whose holder was not told yet."""
        sql = "SELECT holder, exchange FROM asked WHERE state = 'answered' AND acknowledged = 0"
        rows = await self._database.read(sql)
        return [(AgencyId(row.text("holder")), ExchangeId(row.text("exchange"))) for row in rows]

    async def uses(self) -> dict[str, int]:
        """Give how often this agency has used each basis: a request that is answered, or may be yet, takes a use."""
        sql = "SELECT basis, count(*) AS n FROM asked WHERE state IN ('sent', 'granted', 'answered') GROUP BY basis"
        return {row.text("basis"): row.number("n") for row in await self._database.read(sql)}

    async def counts(self) -> dict[str, int]:
        """Give how many requests are in which state."""
        rows = await self._database.read("SELECT state, count(*) AS n FROM asked GROUP BY state")
        return {row.text("state"): row.number("n") for row in rows}


def read_asked(row: Row) -> Asked:
    """Read a row of the table."""
    record, offer = row.text_or_none("record"), row.text_or_none("offer")
    return Asked(
        exchange=ExchangeId(row.text("exchange")),
        at=row.number("at"),
        staff=row.text("staff"),
        purpose=Purpose(row.text("purpose")),
        holder=AgencyId(row.text("holder")),
        basis=row.text("basis"),
        fields=fields_from(row.text("fields")),
        case_ref=row.text_or_none("case_ref"),
        offer=None if offer is None else Hash(offer),
        answer_by=row.number("answer_by"),
        state=AskedState(row.text("state")),
        reason=row.text_or_none("reason"),
        grant=Receipt(row.blob("grant_entry"), row.blob("grant_proof")),
        answer=Receipt(row.blob("entry"), row.blob("proof")),
        record=None if record is None else canonical.decode_model(Record, record.encode()),
    )
