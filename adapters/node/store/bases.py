"""Tables `consent`, `handle` and `handle_basis`: what requests may rest on, and the pair handles bound to it."""

from typing import Final, get_args

from adapters.node.core.taking import Guardian
from adapters.node.database import Database, Op, Row
from adapters.node.store.rows import BasisId, Cause, Consent, ConsentState, Ending, Handle, Receipt, Side
from adapters.sources.port import LocalRef
from schemas import canonical
from schemas import statements as st
from schemas.errors import Malformed
from schemas.ids import AgencyId, ConsentId, ExchangeId, Hash
from schemas.record import ConsentPackage

MAX_LISTED: Final = 500
_HELD: Final = (
    "SELECT consent.*, guardian, draft, cause, ending.idx AS ended, at FROM consent"
    " LEFT JOIN taking ON taking.consent = consent.id LEFT JOIN ending ON ending.consent = consent.id"
)
_CAUSES: Final[dict[str | None, Cause]] = {name: name for name in get_args(Cause)}
_GUARDIANS: Final[dict[str | None, Guardian]] = {name: name for name in get_args(Guardian)}
_SIDES: Final[dict[str, Side]] = {"collector": "collector", "recipient": "recipient", "both": "both"}


class Bases:
    """Consents and given bases, and the holder's side of pair handles."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def keep(self, consent: Consent) -> tuple[Op, ...]:
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
            *consent.receipt,
        )
        kept = Op(
            "INSERT OR IGNORE INTO consent"
            " (id, side, statement, package, view_code, withdraw_code, state, idx, entry, proof)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        if consent.side == "recipient":
            return (kept,)
        taking = (consent.id, consent.guardian, int(consent.draft))
        return kept, Op("INSERT OR IGNORE INTO taking VALUES (?, ?, ?)", taking)

    def given(self, name: BasisId, index: int, receipt: Receipt, due: int | None) -> Op:
        """Note where a consent stands in the log, and when its package is to be handed over."""
        return Op(
            "UPDATE consent SET state = 'given', idx = ?, entry = ?, proof = ?, due = ?"
            " WHERE id = ? AND state = 'sent'",
            (index, *receipt, due, name),
        )

    def rejected(self, name: BasisId, receipt: Receipt) -> Op:
        """Note that a consent was rejected, or not logged at all: it never came into force."""
        return Op(
            "UPDATE consent SET state = 'rejected', entry = ?, proof = ? WHERE id = ? AND state = 'sent'",
            (*receipt, name),
        )

    def recoded(self, name: BasisId, view_code: str, withdraw_code: str) -> Op:
        """Keep the new codes of a receipt that was lost."""
        return Op("UPDATE consent SET view_code = ?, withdraw_code = ? WHERE id = ?", (view_code, withdraw_code, name))

    def again(self, name: BasisId, due: int | None) -> Op:
        """Note when a package is handed over again; never, for None: the recipient has it, or it is over."""
        return Op("UPDATE consent SET due = ?, tries = tries + 1 WHERE id = ?", (due, name))

    def hasten(self, now_ms: int) -> Op:
        """Hand over at once whatever package is to be handed over again."""
        return Op("UPDATE consent SET due = ? WHERE due > ?", (now_ms, now_ms))

    def ended(self, name: str, ending: Ending) -> tuple[Op, ...]:
        """Note an end on every side; the pair handles under it end with it, a handle with its last basis.

        The entry that ended it outweighs what was only said or guessed before; the first entry stays.
        """
        return (
            Op(
                "INSERT INTO ending VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET (cause, idx, at) = (excluded.cause, excluded.idx, excluded.at)"
                " WHERE idx IS NULL AND excluded.idx IS NOT NULL",
                (name, *ending),
            ),
            Op("UPDATE consent SET state = 'withdrawn', handle = NULL, due = NULL WHERE id = ?", (name,)),
            Op("DELETE FROM handle_basis WHERE basis = ?", (name,)),
            Op("DELETE FROM handle WHERE handle NOT IN (SELECT handle FROM handle_basis)"),
        )

    def bind(self, name: BasisId, handle: Hash) -> Op:
        """Let a pair handle stand for the consent's person from now on, at the requester."""
        return Op("UPDATE consent SET handle = ? WHERE id = ? AND state = 'given'", (handle, name))

    def pair(self, exchange: ExchangeId) -> Op:
        """Let the handle a request on a statute offered stand for its person at this holder from now on."""
        return Op(
            "INSERT OR IGNORE INTO pair SELECT holder, person, offer FROM asked"
            " WHERE exchange = ? AND offer IS NOT NULL AND person IS NOT NULL",
            (exchange,),
        )

    async def paired(self, holder: AgencyId, person: Hash) -> Hash | None:
        """Give the pair handle of a person at a holder, for requests on a statute."""
        rows = await self._database.read("SELECT handle FROM pair WHERE holder = ? AND person = ?", holder, person)
        return Hash(rows[0].text("handle")) if rows else None

    async def consent(self, name: str) -> Consent | None:
        """Give a consent or given basis by its id."""
        rows = await self._database.read(f"{_HELD} WHERE id = ?", name)
        return _consent(rows[0]) if rows else None

    async def consents(self) -> list[Consent]:
        """Give the latest consents and given bases of this node, newest first."""
        sql = f"{_HELD} ORDER BY consent.idx DESC LIMIT ?"
        return [_consent(row) for row in await self._database.read(sql, MAX_LISTED)]

    async def due(self, now_ms: int) -> list[Consent]:
        """Give the consents whose package is to be handed over by now."""
        sql = f"{_HELD} WHERE due <= ? ORDER BY due LIMIT ?"
        return [_consent(row) for row in await self._database.read(sql, now_ms, MAX_LISTED)]

    async def next_due(self) -> int | None:
        """Give when the first package is to be handed over again, in ms."""
        rows = await self._database.read("SELECT min(due) AS due FROM consent WHERE due IS NOT NULL")
        return rows[0].number_or_none("due")

    def keep_handle(self, handle: Hash, requester: AgencyId, ref: LocalRef, basis: str) -> tuple[Op, ...]:
        """Bind a pair handle to a local row, and to the basis whose commitment was opened for it.

        A handle that stands for another row or requester already is left as it is: nothing is bound.
        """
        return (
            Op("INSERT OR IGNORE INTO handle VALUES (?, ?, ?)", (handle, requester, ref)),
            Op(
                "INSERT OR IGNORE INTO handle_basis SELECT handle, ? FROM handle"
                " WHERE handle = ? AND requester = ? AND ref = ?",
                (basis, handle, requester, ref),
            ),
        )

    async def handles(self) -> dict[Hash, Handle]:
        """Give all pair handles of the holder's side."""
        sql = "SELECT handle, requester, ref, basis FROM handle JOIN handle_basis USING (handle)"
        found: dict[Hash, Handle] = {}
        for row in await self._database.read(sql):
            name = Hash(row.text("handle"))
            known = found.get(name, Handle(AgencyId(row.text("requester")), LocalRef(row.text("ref")), frozenset()))
            found[name] = known._replace(bases=known.bases | {row.text("basis")})
        return found


def _consent(row: Row) -> Consent:
    cause = _CAUSES.get(row.text_or_none("cause"))
    state = row.text("state")
    statement, handle = st.parse_statement_text(row.text("statement")), row.text_or_none("handle")
    if not isinstance(statement, st.ConsentGiven | st.BasisGiven):
        message = "node database: a consent row holds another statement"
        raise Malformed(message)
    return Consent(
        id=ConsentId(row.text("id")),
        side=_SIDES[row.text("side")],
        statement=statement,
        package=canonical.decode_model(ConsentPackage, row.text("package").encode()),
        view_code=row.text_or_none("view_code"),
        withdraw_code=row.text_or_none("withdraw_code"),
        state=ConsentState(state if cause is None or state == "rejected" else cause),
        log_index=row.number_or_none("idx"),
        handle=None if handle is None else Hash(handle),
        receipt=Receipt(row.blob("entry"), row.blob("proof")),
        due=row.number_or_none("due"),
        tries=row.number("tries"),
        guardian=_GUARDIANS.get(row.text_or_none("guardian")),
        draft=bool(row.number_or_none("draft")),
        ending=None if cause is None else Ending(cause, row.number_or_none("ended"), row.number_or_none("at")),
    )
