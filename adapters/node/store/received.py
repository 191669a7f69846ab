"""Tables `received` and `disclosure`: what others asked of this agency, and the register of what it gave them."""

from collections.abc import Iterable
from typing import Final

from adapters.node.core.accept import AcceptedGrant
from adapters.node.database import Database, Op, Row
from adapters.node.store.rows import (
    Disclosed,
    Receipt,
    Received,
    ReceivedState,
    basis_of,
    fields_from,
    from_list,
    to_list,
)
from adapters.sources.port import LocalRef
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, ExchangeId, Hash, Purpose

MAX_LISTED: Final = 1000


class ReceivedRequests:
    """Requests to this agency."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def receive(self, grant: AcceptedGrant, receipt: Receipt, at: int, state: ReceivedState, why: str) -> Op:
        """Keep an accepted grant as it comes in."""
        values = (
            grant.request.exchange,
            at,
            grant.requester,
            grant.request.purpose,
            to_list(grant.fields),
            basis_of(grant.request.basis),
            grant.request.answer_by,
            *receipt,
            state,
            why,
        )
        return Op(
            "INSERT OR IGNORE INTO received (exchange, at, requester, purpose, fields, basis, answer_by, grant_entry,"
            " grant_proof, state, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def for_human(self, exchange: ExchangeId, person: str, candidates: Iterable[LocalRef], handle: Hash | None) -> Op:
        """Keep what a human needs to decide: the person as asked for, and the rows it may be."""
        return Op(
            "UPDATE received SET person = ?, candidates = ?, handle = ? WHERE exchange = ?",
            (person, to_list(candidates), handle, exchange),
        )

    def sending(self, exchange: ExchangeId, ref: LocalRef | None, offer: Hash | None, sealed: bytes) -> Op:
        """Keep whom an outcome is about, the offered pair handle and the sealed record, before the outcome is sent."""
        return Op(
            "UPDATE received SET state = 'sending', ref = ?, handle = ?, sealed = ?"
            " WHERE exchange = ? AND state IN ('waiting', 'human', 'sending')",
            (ref, offer, sealed, exchange),
        )

    def wait(self, exchange: ExchangeId, why: str) -> Op:
        """Leave an open request to its deadline; what only a deciding human or a record needed goes."""
        return Op(
            "UPDATE received SET state = 'waiting', why = ?, person = NULL, candidates = NULL, ref = NULL,"
            " sealed = NULL WHERE exchange = ? AND state IN ('waiting', 'human', 'sending')",
            (why, exchange),
        )

    def wait_all(self, basis: str, why: str) -> Op:
        """Leave all requests under a basis that wait for a human to their deadlines."""
        return Op(
            "UPDATE received SET state = 'waiting', why = ?, person = NULL, candidates = NULL"
            " WHERE basis = ? AND state = 'human'",
            (why, basis),
        )

    def ended(self, exchange: ExchangeId, state: ReceivedState, outcome: Receipt, at: int, due: int | None) -> Op:
        """Keep the outcome's receipt, and when it is handed over again; only a disclosure keeps its sealed bytes."""
        return Op(
            "UPDATE received SET state = ?1, entry = ?2, proof = ?3, ended_at = ?4, due = ?5, tries = 0, person = NULL,"
            " candidates = NULL, sealed = iif(?1 = 'disclosed', sealed, NULL)"
            " WHERE exchange = ?6 AND state IN ('waiting', 'human', 'sending')",
            (state, *outcome, at, due, exchange),
        )

    def again(self, exchange: ExchangeId, due: int | None) -> Op:
        """Note when an outcome is handed over again; never, for None, and the sealed bytes go then."""
        return Op(
            "UPDATE received SET due = ?1, tries = tries + 1, sealed = iif(?1 IS NULL, NULL, sealed)"
            " WHERE exchange = ?2 AND due IS NOT NULL",
            (due, exchange),
        )

    def hand_over_at(self, exchange: ExchangeId, due: int) -> Op:
        """Hand over at this time what is to be handed over again."""
        return Op("UPDATE received SET due = ? WHERE exchange = ? AND due IS NOT NULL", (due, exchange))

    def hasten(self, now_ms: int) -> Op:
        """Hand over at once whatever is to be handed over again."""
        return Op("UPDATE received SET due = ? WHERE due > ?", (now_ms, now_ms))

    def acknowledged(self, exchanges: Iterable[ExchangeId], requester: AgencyId) -> tuple[Op, ...]:
        """Drop the sealed bytes of what the requester says it has."""
        sql = (
            "UPDATE received SET state = 'done', sealed = NULL, due = NULL"
            " WHERE exchange = ? AND requester = ? AND state = 'disclosed'"
        )
        return tuple(Op(sql, (exchange, requester)) for exchange in exchanges)

    def register(self, line: Disclosed) -> Op:
        """Write a line of the disclosure register."""
        values = (*line[:4], to_list(line.fields), line.basis, line.ref, line.log_index)
        return Op("INSERT OR IGNORE INTO disclosure VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    async def find(self, exchange: ExchangeId) -> Received | None:
        """Give one request to this agency."""
        rows = await self._database.read("SELECT * FROM received WHERE exchange = ?", exchange)
        return _received(rows[0]) if rows else None

    async def get(self, exchange: ExchangeId) -> Received:
        """Give one request to this agency; Misuse for an id nobody asked it under."""
        found = await self.find(exchange)
        if found is None:
            message = "exchange: was never asked of this agency"
            raise Misuse(message, code=Code.GRANT_UNKNOWN)
        return found

    async def seen(self, after_ms: int) -> dict[ExchangeId, int]:
        """Give the requests that ever came in and whose deadline lies after an instant, with that deadline."""
        rows = await self._database.read("SELECT exchange, answer_by FROM received WHERE answer_by > ?", after_ms)
        return {ExchangeId(row.text("exchange")): row.number("answer_by") for row in rows}

    async def in_state(self, state: ReceivedState) -> list[Received]:
        """Give the requests to this agency that are in one state, oldest first."""
        sql = "SELECT * FROM received WHERE state = ? ORDER BY at LIMIT ?"
        return [_received(row) for row in await self._database.read(sql, state, MAX_LISTED)]

    async def overdue(self, now_ms: int) -> list[Received]:
        """Give the open requests whose deadline has come."""
        sql = "SELECT * FROM received WHERE state IN ('waiting', 'human') AND answer_by <= ? ORDER BY answer_by LIMIT ?"
        return [_received(row) for row in await self._database.read(sql, now_ms, MAX_LISTED)]

    async def next_deadline(self) -> int | None:
        """Give the first deadline of an open request, in ms."""
        sql = "SELECT min(answer_by) AS first FROM received WHERE state IN ('waiting', 'human')"
        return (await self._database.read(sql))[0].number_or_none("first")

    async def due(self, now_ms: int) -> list[Received]:
        """Give the requests whose outcome is to be handed over by now."""
        sql = "SELECT * FROM received WHERE due <= ? ORDER BY due LIMIT ?"
        return [_received(row) for row in await self._database.read(sql, now_ms, MAX_LISTED)]

    async def next_due(self) -> int | None:
        """Give when the first outcome is to be handed over again, in ms."""
        rows = await self._database.read("SELECT min(due) AS due FROM received WHERE due IS NOT NULL")
        return rows[0].number_or_none("due")

    async def disclosures(self) -> list[Disclosed]:
        """Give the disclosure register, newest first."""
        rows = await self._database.read("SELECT * FROM disclosure ORDER BY at DESC LIMIT ?", MAX_LISTED)
        return [_disclosed(row) for row in rows]

    async def disclosed_of(self, ref: str) -> list[Disclosed]:
        """Give all lines of the disclosure register about one local row, newest first."""
        rows = await self._database.read("SELECT * FROM disclosure WHERE ref = ? ORDER BY at DESC", ref)
        return [_disclosed(row) for row in rows]

    async def counts(self) -> dict[str, int]:
        """Give how many requests to this agency are in which state."""
        rows = await self._database.read("SELECT state, count(*) AS n FROM received GROUP BY state")
        return {row.text("state"): row.number("n") for row in rows}


def _received(row: Row) -> Received:
    candidates, handle, ref = row.text_or_none("candidates"), row.text_or_none("handle"), row.text_or_none("ref")
    return Received(
        exchange=ExchangeId(row.text("exchange")),
        at=row.number("at"),
        requester=AgencyId(row.text("requester")),
        purpose=Purpose(row.text("purpose")),
        fields=fields_from(row.text("fields")),
        basis=row.text("basis"),
        answer_by=row.number("answer_by"),
        grant=Receipt(row.blob("grant_entry"), row.blob("grant_proof")),
        state=ReceivedState(row.text("state")),
        why=row.text("why"),
        person=row.text_or_none("person") or "",
        candidates=() if candidates is None else tuple(LocalRef(name) for name in from_list(candidates)),
        handle=None if handle is None else Hash(handle),
        ref=None if ref is None else LocalRef(ref),
        outcome=Receipt(row.blob("entry"), row.blob("proof")),
        sealed=row.blob("sealed"),
        ended_at=row.number_or_none("ended_at"),
        tries=row.number("tries"),
    )


def _disclosed(row: Row) -> Disclosed:
    return Disclosed(
        exchange=ExchangeId(row.text("exchange")),
        at=row.number("at"),
        requester=AgencyId(row.text("requester")),
        purpose=Purpose(row.text("purpose")),
        fields=fields_from(row.text("fields")),
        basis=row.text("basis"),
        ref=LocalRef(row.text("ref")),
        log_index=row.number("idx"),
    )
