"""What a node remembers, as values: one shape for each table whose rows flows work with."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, NamedTuple, get_args

from adapters.node.core.taking import Guardian
from adapters.sources.port import LocalRef
from schemas import canonical
from schemas import statements as st
from schemas.errors import Malformed
from schemas.ids import AgencyId, ConsentId, ExchangeId, FieldName, GivenId, Hash, Purpose
from schemas.record import ConsentPackage, Record

BasisId = ConsentId | GivenId


class Receipt(NamedTuple):
    """An entry's bytes and the proof that it stands in the log; both empty before there is one."""

    entry: bytes
    proof: bytes


NO_RECEIPT = Receipt(b"", b"")


class AskedState(StrEnum):
    """How far a request of this agency has come."""

    SENT = "sent"
    GRANTED = "granted"
    REFUSED = "refused"
    REJECTED = "rejected"
    ANSWERED = "answered"
    NOT_AVAILABLE = "not_available"


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
    grant: Receipt
    answer: Receipt
    record: Record | None


class ReceivedState(StrEnum):
    """How far a request to this agency has come.

    `waiting` and `human` are open until their deadline; `sending` has a signed outcome on its way; `done` is
    `disclosed` and acknowledged; `lapsed` passed its deadline without an outcome.
    """

    WAITING = "waiting"
    HUMAN = "human"
    SENDING = "sending"
    DISCLOSED = "disclosed"
    DONE = "done"
    UNAVAILABLE = "unavailable"
    WITHHELD = "withheld"
    LAPSED = "lapsed"


class Received(NamedTuple):
    """A request to this agency; `candidates` are the local rows a human may choose from, `ref` the one answered for."""

    exchange: ExchangeId
    at: int
    requester: AgencyId
    purpose: Purpose
    fields: tuple[FieldName, ...]
    basis: str
    answer_by: int
    grant: Receipt
    state: ReceivedState
    why: str
    person: str
    candidates: tuple[LocalRef, ...]
    handle: Hash | None
    ref: LocalRef | None
    outcome: Receipt
    sealed: bytes
    ended_at: int | None
    tries: int


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


class ConsentState(StrEnum):
    """How far a consent has come; that one has run out follows from the time alone."""

    SENT = "sent"
    GIVEN = "given"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    INVALIDATED = "invalidated"
    RENEWED = "renewed"
    EXPIRED = "expired"


Cause = Literal["withdrawn", "revoked", "invalidated", "renewed"]


class Ending(NamedTuple):
    """Why a consent ended, and where and when in the log; both None where no entry told of it yet."""

    cause: Cause
    log_index: int | None = None
    at: int | None = None


Side = Literal["collector", "recipient", "both"]


class Consent(NamedTuple):
    """A consent or given basis this node collected or holds as recipient.

    The codes, who consented in the client's place and whether the text was a draft are known to the collector only.
    """

    id: BasisId
    side: Side
    statement: st.ConsentGiven | st.BasisGiven
    package: ConsentPackage
    view_code: str | None
    withdraw_code: str | None
    state: ConsentState
    log_index: int | None
    handle: Hash | None
    receipt: Receipt
    due: int | None
    tries: int
    guardian: Guardian | None = None
    draft: bool = False
    ending: Ending | None = None

    @property
    def over(self) -> bool:
        """True once somebody ended it."""
        return self.state in get_args(Cause)

    def stands(self, at_ms: int) -> ConsentState:
        """Give its state at a time: one that was given and has run out is expired."""
        over = self.state is ConsentState.GIVEN and self.statement.expires <= at_ms
        return ConsentState.EXPIRED if over else self.state


class Handle(NamedTuple):
    """The holder's side of a pair handle, with the bases whose commitment was opened for this very row."""

    requester: AgencyId
    ref: LocalRef
    bases: frozenset[str]


def basis_of(basis: st.Basis) -> str:
    """Give the one evidence a basis names: the consent's or given basis's id, or the norm."""
    return basis.consent or basis.given or str(basis.norm)


def to_list(names: Iterable[str]) -> str:
    """Write a list of names into a column."""
    return canonical.encode(list(names)).decode()


def from_list(text: str) -> tuple[str, ...]:
    """Read a list of names from a column."""
    value = canonical.decode(text.encode())
    if isinstance(value, list):
        return tuple(str(name) for name in value)
    message = "node database: a list of names was expected"
    raise Malformed(message)


def fields_from(text: str) -> tuple[FieldName, ...]:
    """Read a list of field names from a column."""
    return tuple(FieldName(name) for name in from_list(text))
