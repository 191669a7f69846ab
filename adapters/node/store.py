"""What a node remembers, table by table (`store.sql`): the only SQL of this package.

Methods that change something give an `Op`, so that a flow writes what belongs together in one durable step.
"""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, NamedTuple

from adapters.node.core.accept import AcceptedGrant
from adapters.node.core.view import Proven
from adapters.node.database import Database, Op, Row
from adapters.sources.port import LocalRef
from schemas import canonical
from schemas import statements as st
from schemas.errors import Misuse
from schemas.ids import AgencyId, ConsentId, ExchangeId, FieldName, GivenId, Hash, KeyName, Purpose
from schemas.record import ConsentPackage, Record

BasisId = ConsentId | GivenId
AskedState = Literal["sent", "granted", "refused", "rejected", "answered", "not_available"]
ReceivedState = Literal["waiting", "human", "sending", "disclosed", "unavailable", "withheld", "done"]
OPEN: Final = ("waiting", "human", "sending")


class Asked(NamedTuple):
    """A request of this agency and what came of it; `record` only once it is answered."""

    exchange: ExchangeId
    at: int
    staff: str
    purpose: Purpose
    holder: AgencyId
    basis: str
    fields: tuple[FieldName, ...]
    case_ref: str | None
    offer: Hash | None
    answer_by: int
    state: AskedState
    reason: str | None
    grant_entry: bytes
    grant_proof: bytes
    entry: bytes
    proof: bytes
    record: Record | None


class Received(NamedTuple):
    """A request to this agency; `candidates` are the local rows a human may choose from, `ref` the one answered for."""

    exchange: ExchangeId
    at: int
    requester: AgencyId
    purpose: Purpose
    fields: tuple[FieldName, ...]
    basis: str
    answer_by: int
    grant_entry: bytes
    grant_proof: bytes
    state: ReceivedState
    why: str
    person: str
    candidates: tuple[LocalRef, ...]
    handle: Hash | None
    ref: LocalRef | None
    entry: bytes
    proof: bytes
    sealed: bytes


class Disclosed(NamedTuple):
    """A line of the disclosure register: who got which fields of which local row, when, why, on which basis."""

    exchange: ExchangeId
    at: int
    requester: AgencyId
    purpose: Purpose
    fields: tuple[FieldName, ...]
    basis: str
    ref: LocalRef
    log_index: int


class Consent(NamedTuple):
    """A consent or given basis this node collected or holds as recipient; the codes are known to the collector only."""

    id: BasisId
    side: Literal["collector", "recipient", "both"]
    statement: st.ConsentGiven | st.BasisGiven
    package: ConsentPackage
    view_code: str | None
    withdraw_code: str | None
    state: Literal["sent", "given", "rejected", "withdrawn"]
    log_index: int | None
    handle: Hash | None
    delivered: bool
    entry: bytes
    proof: bytes


class Handle(NamedTuple):
    """The holder's side of a pair handle, with the bases whose commitment was opened for this very row."""

    requester: AgencyId
    ref: LocalRef
    bases: frozenset[str]


def basis_of(basis: st.Basis) -> str:
    """Give the one evidence a basis names: the consent's or given basis's id, or the norm."""
    return basis.consent or basis.given or str(basis.norm)


def _list(names: Iterable[str]) -> str:
    return canonical.encode(list(names)).decode()


def _names(text: object) -> tuple[str, ...]:
    value = canonical.decode(str(text).encode())
    return tuple(str(name) for name in value) if isinstance(value, list) else ()


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


_ASKED: Final = (
    "exchange, at, staff, purpose, holder, basis, fields, case_ref, offer, answer_by, state, reason,"
    " grant_entry, grant_proof, entry, proof, record"
)
_RECEIVED: Final = (
    "exchange, at, requester, purpose, fields, basis, answer_by, grant_entry, grant_proof, state, why, person, candidates,"
    " handle, ref, entry, proof, sealed"
)
_CONSENT: Final = (
    "id, side, statement, package, view_code, withdraw_code, state, idx, handle, delivered, entry, proof"
)


class NodeStore(Database):
    """The node's memory."""

    def __init__(self, path: Path) -> None:
        """Open or create the file with its tables."""
        super().__init__(path, files(__package__).joinpath("store.sql").read_text("utf-8"))

    # -- outbox ----------------------------------------------------------------------------------------------------

    def outgoing(self, key: KeyName, n: int, verb: str, message: bytes) -> Op:
        """Keep signed bytes before they are sent."""
        return Op("INSERT INTO outbox (key, n, verb, message, state) VALUES (?, ?, ?, ?, 'pending')", (key, n, verb, message))

    def logged(self, statement: st.Numbered, proven: Proven) -> Op:
        """Note where a statement stands in the log; its bytes need not be sent again."""
        return Op(
            "UPDATE outbox SET state = 'logged', idx = ?, leaf = ?, message = NULL WHERE key = ? AND n = ?",
            (proven.index, bytes.fromhex(proven.hash), statement.key, statement.n),
        )

    def dead(self, statement: st.Numbered) -> Op:
        """Note that a statement was not logged and never will be."""
        return Op("UPDATE outbox SET state = 'dead', message = NULL WHERE key = ? AND n = ?", (statement.key, statement.n))

    async def highest_number(self, key: KeyName) -> int:
        """Give the highest number this node ever used with a key, 0 for none."""
        rows = await self.read("SELECT max(n) FROM outbox WHERE key = ?", key)
        return int(rows[0][0] or 0)

    async def pending(self) -> list[tuple[str, bytes]]:
        """Give verb and message of what was never answered, oldest first."""
        rows = await self.read("SELECT verb, message FROM outbox WHERE state = 'pending' ORDER BY key, n")
        return [(str(verb), _bytes(message)) for verb, message in rows]

    # -- what we asked ---------------------------------------------------------------------------------------------

    def ask(self, request: st.Request, staff: str, case_ref: str | None, offer: Hash | None) -> Op:
        """Keep a request as it is sent."""
        values = (
            request.exchange,
            request.at,
            staff,
            request.purpose,
            request.holder,
            basis_of(request.basis),
            _list(request.fields),
            case_ref,
            offer,
            request.answer_by,
        )
        return Op(
            "INSERT INTO asked (exchange, at, staff, purpose, holder, basis, fields, case_ref, offer, answer_by, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sent')",
            values,
        )

    def asked_granted(self, exchange: ExchangeId, entry: bytes, proof: bytes) -> Op:
        """Keep the grant and its receipt."""
        return Op(
            "UPDATE asked SET state = 'granted', grant_entry = ?, grant_proof = ? WHERE exchange = ? AND state = 'sent'",
            (entry, proof, exchange),
        )

    def asked_ended(self, exchange: ExchangeId, state: AskedState, reason: str | None, entry: bytes, proof: bytes) -> Op:
        """Keep how a request ended without a record."""
        return Op(
            "UPDATE asked SET state = ?, reason = ?, entry = ?, proof = ? WHERE exchange = ? AND state IN ('sent', 'granted')",
            (state, reason, entry, proof, exchange),
        )

    def asked_answered(self, exchange: ExchangeId, grant: tuple[bytes, bytes], answer: tuple[bytes, bytes], record: Record) -> Op:
        """Keep the record with both receipts."""
        return Op(
            "UPDATE asked SET state = 'answered', grant_entry = ?, grant_proof = ?, entry = ?, proof = ?, record = ?"
            " WHERE exchange = ?",
            (*grant, *answer, canonical.encode_model(record).decode(), exchange),
        )

    def asked_acknowledged(self, exchanges: Iterable[ExchangeId]) -> list[Op]:
        """Note that the holder was told."""
        return [Op("UPDATE asked SET acknowledged = 1 WHERE exchange = ?", (exchange,)) for exchange in exchanges]

    async def asked(self, exchange: ExchangeId) -> Asked | None:
        """Give one request of this agency."""
        rows = await self.read(f"SELECT {_ASKED} FROM asked WHERE exchange = ?", exchange)  # noqa: S608
        return _asked(rows[0]) if rows else None

    async def known_asked(self, exchange: ExchangeId) -> Asked:
        """Give one request of this agency; Misuse for an id it never asked under."""
        found = await self.asked(exchange)
        if found is None:
            message = "exchange: this agency never asked under this id"
            raise Misuse(message)
        return found

    async def all_asked(self, limit: int = 200) -> list[Asked]:
        """Give this agency's latest requests, newest first."""
        rows = await self.read(f"SELECT {_ASKED} FROM asked ORDER BY at DESC LIMIT ?", limit)  # noqa: S608
        return [_asked(row) for row in rows]

    async def unacknowledged(self) -> list[tuple[AgencyId, ExchangeId]]:
        """Give holder and id of answered exchanges whose holder was not told yet."""
        rows = await self.read("SELECT holder, exchange FROM asked WHERE state = 'answered' AND acknowledged = 0")
        return [(AgencyId(str(holder)), ExchangeId(str(exchange))) for holder, exchange in rows]

    # -- what others asked -----------------------------------------------------------------------------------------

    def receive(self, grant: AcceptedGrant, receipt: tuple[bytes, bytes], at: int, state: ReceivedState, why: str) -> Op:
        """Keep an accepted grant as it comes in."""
        values = (
            grant.request.exchange,
            at,
            grant.requester,
            grant.request.purpose,
            _list(grant.fields),
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

    def received_for_human(
        self, exchange: ExchangeId, person: str, candidates: Iterable[LocalRef], handle: Hash | None
    ) -> Op:
        """Keep what a human needs to decide: the person as asked for, and the rows it may be."""
        return Op(
            "UPDATE received SET person = ?, candidates = ?, handle = ? WHERE exchange = ?",
            (person, _list(candidates), handle, exchange),
        )

    def received_sending(self, exchange: ExchangeId, ref: LocalRef | None, offer: Hash | None, sealed: bytes) -> Op:
        """Keep whom an outcome is about, the offered pair handle and the sealed record, before the outcome is sent."""
        return Op(
            "UPDATE received SET state = 'sending', ref = ?, handle = ?, sealed = ? WHERE exchange = ?",
            (ref, offer, sealed, exchange),
        )

    def received_state(self, exchange: ExchangeId, state: ReceivedState, why: str) -> Op:
        """Move an open request on."""
        return Op(
            "UPDATE received SET state = ?, why = ? WHERE exchange = ? AND state IN ('waiting', 'human', 'sending')",
            (state, why, exchange),
        )

    def received_ended(self, exchange: ExchangeId, state: ReceivedState, entry: bytes, proof: bytes) -> Op:
        """Keep the receipt of the outcome; what only a deciding human needed goes. Sealed bytes stay for a disclosure."""
        sealed = "sealed" if state == "disclosed" else "NULL"
        return Op(
            f"UPDATE received SET state = ?, entry = ?, proof = ?, person = NULL, candidates = NULL, sealed = {sealed}"  # noqa: S608
            " WHERE exchange = ?",
            (state, entry, proof, exchange),
        )

    def received_acknowledged(self, exchanges: Iterable[ExchangeId], requester: AgencyId) -> list[Op]:
        """Drop the sealed bytes of what the requester says it has."""
        return [
            Op(
                "UPDATE received SET state = 'done', sealed = NULL WHERE exchange = ? AND requester = ? AND state = 'disclosed'",
                (exchange, requester),
            )
            for exchange in exchanges
        ]

    async def received(self, exchange: ExchangeId) -> Received | None:
        """Give one request to this agency."""
        rows = await self.read(f"SELECT {_RECEIVED} FROM received WHERE exchange = ?", exchange)  # noqa: S608
        return _received(rows[0]) if rows else None

    async def received_ids(self) -> set[ExchangeId]:
        """Give the ids of all requests that ever came in."""
        return {ExchangeId(str(row[0])) for row in await self.read("SELECT exchange FROM received")}

    async def all_received(self, *states: ReceivedState) -> list[Received]:
        """Give the requests to this agency that are in one of these states, oldest first."""
        marks = ", ".join("?" * len(states))
        rows = await self.read(f"SELECT {_RECEIVED} FROM received WHERE state IN ({marks}) ORDER BY at", *states)  # noqa: S608
        return [_received(row) for row in rows]

    def register_disclosure(self, line: Disclosed) -> Op:
        """Write a line of the disclosure register."""
        values = (*line[:4], _list(line.fields), line.basis, line.ref, line.log_index)
        return Op("INSERT OR IGNORE INTO disclosure VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    async def disclosures(self, limit: int = 1000) -> list[Disclosed]:
        """Give the disclosure register, newest first."""
        rows = await self.read("SELECT * FROM disclosure ORDER BY at DESC LIMIT ?", limit)
        return [_disclosed(row) for row in rows]

    # -- consents and handles --------------------------------------------------------------------------------------

    def keep_consent(self, consent: Consent) -> Op:
        """Keep a consent this node collected or was handed as recipient; a repeat changes nothing."""
        values = (
            consent.id,
            consent.side,
            st.statement_text(consent.statement),
            canonical.encode_model(consent.package).decode(),
            consent.view_code,
            consent.withdraw_code,
            consent.state,
            consent.log_index,
            consent.handle,
            int(consent.delivered),
            consent.entry,
            consent.proof,
        )
        return Op(f"INSERT OR IGNORE INTO consent ({_CONSENT}) VALUES ({', '.join('?' * 12)})", values)  # noqa: S608

    def consent_logged(self, name: BasisId, state: str, index: int, entry: bytes, proof: bytes) -> Op:
        """Note where a consent stands in the log, or that it was rejected."""
        return Op(
            "UPDATE consent SET state = ?, idx = ?, entry = ?, proof = ? WHERE id = ?", (state, index, entry, proof, name)
        )

    def consent_delivered(self, name: BasisId) -> Op:
        """Note that the recipient has the sealed package."""
        return Op("UPDATE consent SET delivered = 1 WHERE id = ?", (name,))

    def consent_withdrawn(self, name: BasisId) -> Op:
        """Note a withdrawal; the pair handle under it ends with it."""
        return Op("UPDATE consent SET state = 'withdrawn', handle = NULL WHERE id = ?", (name,))

    def consent_handle(self, name: BasisId, handle: Hash) -> Op:
        """Keep the pair handle that stands for the consent's person from now on."""
        return Op("UPDATE consent SET handle = ? WHERE id = ? AND state = 'given'", (handle, name))

    async def consents(self) -> list[Consent]:
        """Give all consents and given bases of this node."""
        return [_consent(row) for row in await self.read(f"SELECT {_CONSENT} FROM consent")]  # noqa: S608

    def keep_handle(self, handle: Hash, requester: AgencyId, ref: LocalRef, basis: str) -> list[Op]:
        """Bind a pair handle to a local row, and to the basis whose commitment was opened for it."""
        return [
            Op("INSERT OR IGNORE INTO handle VALUES (?, ?, ?)", (handle, requester, ref)),
            Op("INSERT OR IGNORE INTO handle_basis VALUES (?, ?)", (handle, basis)),
        ]

    def end_handles(self, basis: str) -> list[Op]:
        """End what a basis carried: a handle goes with its last basis."""
        return [
            Op("DELETE FROM handle_basis WHERE basis = ?", (basis,)),
            Op("DELETE FROM handle WHERE handle NOT IN (SELECT handle FROM handle_basis)"),
        ]

    async def handles(self) -> dict[Hash, Handle]:
        """Give all pair handles of the holder's side."""
        rows = await self.read("SELECT handle, requester, ref, basis FROM handle JOIN handle_basis USING (handle)")
        found: dict[Hash, Handle] = {}
        for handle, requester, ref, basis in rows:
            known = found.get(Hash(str(handle)), Handle(AgencyId(str(requester)), LocalRef(str(ref)), frozenset()))
            found[Hash(str(handle))] = known._replace(bases=known.bases | {str(basis)})
        return found

    # -- the federation, and who asked -----------------------------------------------------------------------------

    def keep_proven(self, proven: Proven, proof: bytes) -> Op:
        """Keep an entry of others with its proof."""
        return Op("INSERT OR IGNORE INTO proven VALUES (?, ?, ?)", (proven.index, proven.leaf.raw, proof))

    async def proven(self) -> list[tuple[bytes, bytes]]:
        """Give the entries of others, with proofs, in log order."""
        return [(_bytes(entry), _bytes(proof)) for entry, proof in await self.read("SELECT entry, proof FROM proven ORDER BY idx")]

    def keep_bundle(self, name: Hash, raw: bytes) -> Op:
        """Keep a registry bundle."""
        return Op("INSERT OR IGNORE INTO bundle VALUES (?, ?)", (name, raw))

    async def bundles(self) -> list[bytes]:
        """Give the registry bundles held."""
        return [_bytes(row[0]) for row in await self.read("SELECT raw FROM bundle")]

    def cosign(self, origin: str, note: bytes) -> Op:
        """Keep the checkpoint last cosigned."""
        return Op("INSERT INTO cosigned VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET note = excluded.note", (origin, note))

    async def cosigned(self, origin: str) -> bytes | None:
        """Give the checkpoint last cosigned, None before the first."""
        rows = await self.read("SELECT note FROM cosigned WHERE origin = ?", origin)
        return _bytes(rows[0][0]) if rows else None

    def keep_month_key(self, month: str, key: bytes) -> Op:
        """Keep the key of a month's staff pseudonyms."""
        return Op("INSERT OR IGNORE INTO month_key VALUES (?, ?)", (month, key))

    async def month_key(self, month: str) -> bytes | None:
        """Give the key of a month's staff pseudonyms."""
        rows = await self.read("SELECT key FROM month_key WHERE month = ?", month)
        return _bytes(rows[0][0]) if rows else None

    def keep_staff(self, pseudonym: str, month: str, staff: str) -> Op:
        """Keep whom a pseudonym stands for; the map never leaves the agency."""
        return Op("INSERT OR IGNORE INTO staff VALUES (?, ?, ?)", (pseudonym, month, staff))


def _asked(row: Row) -> Asked:
    record = None if row[16] is None else canonical.decode_model(Record, str(row[16]).encode())
    return Asked(
        *row[:6],  # type: ignore[arg-type]
        tuple(FieldName(name) for name in _names(row[6])),
        *row[7:12],  # type: ignore[arg-type]
        *map(_bytes, row[12:16]),
        record,
    )


def _received(row: Row) -> Received:
    candidates = () if row[12] is None else tuple(LocalRef(name) for name in _names(row[12]))
    return Received(
        *row[:4],  # type: ignore[arg-type]
        tuple(FieldName(name) for name in _names(row[4])),
        *row[5:7],  # type: ignore[arg-type]
        _bytes(row[7]),
        _bytes(row[8]),
        row[9],  # type: ignore[arg-type]
        str(row[10]),
        str(row[11] or ""),
        candidates,
        *row[13:15],  # type: ignore[arg-type]
        *map(_bytes, row[15:18]),
    )


def _disclosed(row: Row) -> Disclosed:
    return Disclosed(*row[:4], tuple(FieldName(name) for name in _names(row[4])), *row[5:])  # type: ignore[arg-type]


def _consent(row: Row) -> Consent:
    statement = st.parse_statement_text(str(row[2]))
    if not isinstance(statement, st.ConsentGiven | st.BasisGiven):
        message = "node database: a consent row holds another statement"
        raise Misuse(message)
    return Consent(
        row[0],  # type: ignore[arg-type]
        row[1],  # type: ignore[arg-type]
        statement,
        canonical.decode_model(ConsentPackage, str(row[3]).encode()),
        *row[4:9],  # type: ignore[arg-type]
        bool(row[9]),
        _bytes(row[10]),
        _bytes(row[11]),
    )
