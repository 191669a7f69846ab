"""What goes over the bus: a header part `{type, v}` and then parts in a fixed order, framed by `schemas.wire`.

Each message is a frozen shape of bytes; its class says which parts it has and in which order. Optional parts are empty
bytes; a last field of type tuple takes all that is left. What the parts hold is not looked at here.
"""

import unicodedata
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar, Final, TypeVar

from pydantic import Field

from schemas import canonical
from schemas.errors import Code, Malformed, Misuse
from schemas.ids import CodeName, Hash, KeyName, LogId
from schemas.wire import Version, Wire, frame, unframe

MAX_DETAIL: Final = 2000


class Header(Wire):
    """Part 0 of every message."""

    v: Version = 1
    type: CodeName


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """The base of all messages; `TYPE` is the header's type."""

    TYPE: ClassVar[str]

    def __init__(self, *parts: bytes | tuple[bytes, ...]) -> None:
        """Say how every message is made, from its parts in order; only the messages below can be."""
        message = f"message: {len(parts)} parts of no known type"
        raise Misuse(message)


# -- from a node to the broker -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskRequest(Message):
    """`ask.request`: a signed request and the sealed person block whose hash it names."""

    TYPE: ClassVar[str] = "ask_request"
    statement: bytes
    person: bytes


@dataclass(frozen=True, slots=True)
class AskOutcome(Message):
    """`ask.outcome`: a signed outcome with its key k (32 bytes) and its canonical body."""

    TYPE: ClassVar[str] = "ask_outcome"
    statement: bytes
    k: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class AskDeliver(Message):
    """`ask.deliver`: what shall reach another node, with the receipt that permits it.

    `payload` is a sealed record (with its `disclosed` receipt) or a sealed consent package (with the consent's).
    """

    TYPE: ClassVar[str] = "ask_deliver"
    entry: bytes
    proof: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class AskRecord(Message):
    """`ask.record`: any other statement to be logged."""

    TYPE: ClassVar[str] = "ask_record"
    statement: bytes


@dataclass(frozen=True, slots=True)
class AskChain(Message):
    """`ask.chain`: the steering entries after a `seq`, as a canonical ChainQuery."""

    TYPE: ClassVar[str] = "ask_chain"
    query: bytes


@dataclass(frozen=True, slots=True)
class AskEvidence(Message):
    """`ask.evidence`: entries the caller is party to, or a registry bundle, as a canonical EvidenceQuery."""

    TYPE: ClassVar[str] = "ask_evidence"
    query: bytes


@dataclass(frozen=True, slots=True)
class AskHead(Message):
    """`ask.head`: the highest number the log holds of one of the caller's keys, as a canonical HeadQuery."""

    TYPE: ClassVar[str] = "ask_head"
    query: bytes


@dataclass(frozen=True, slots=True)
class AskHashes(Message):
    """`ask.hashes`: the leaf hashes of the log from an index on, as a canonical HashesQuery."""

    TYPE: ClassVar[str] = "ask_hashes"
    query: bytes


# -- from the broker to a node ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Permit(Message):
    """`adapter.permit`: a grant with receipt, the sealed person block, and the entry the basis rests on."""

    TYPE: ClassVar[str] = "permit"
    entry: bytes
    proof: bytes
    person: bytes
    basis_entry: bytes
    basis_proof: bytes


@dataclass(frozen=True, slots=True)
class Deliver(Message):
    """`adapter.deliver`: an entry the node must know of, with receipt and, where there is one, the sealed payload."""

    TYPE: ClassVar[str] = "deliver"
    entry: bytes
    proof: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Witness(Message):
    """`adapter.witness`: a checkpoint and a C2SP add-checkpoint body's old size and consistency proof lines."""

    TYPE: ClassVar[str] = "witness"
    request: bytes


# -- answers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Logged(Message):
    """The statement stands in the log: its entry and receipt. The entry's type says what was decided."""

    TYPE: ClassVar[str] = "logged"
    entry: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Delivered(Message):
    """The whole answer to a request: grant, disclosure, sealed record; the holder's reply leaves the grant empty."""

    TYPE: ClassVar[str] = "delivered"
    grant_entry: bytes
    grant_proof: bytes
    entry: bytes
    proof: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Later(Message):
    """Not now: the grant stands; what follows comes as a call of its own, at the latest after `answer_by`."""

    TYPE: ClassVar[str] = "later"
    grant_entry: bytes
    grant_proof: bytes


@dataclass(frozen=True, slots=True)
class Receipts(Message):
    """Entries and proofs by turns, after an optional blob (a registry bundle)."""

    TYPE: ClassVar[str] = "receipts"
    blob: bytes
    receipts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Head(Message):
    """How far the log knows a key, as a canonical HeadAnswer."""

    TYPE: ClassVar[str] = "head"
    answer: bytes


@dataclass(frozen=True, slots=True)
class Hashes(Message):
    """Leaf hashes in order, one after the other, and the newest checkpoint that is shown, with its cosignatures.

    `note` is empty before the first checkpoint. There may be more leaves than fit: the caller asks on from where these
    end.
    """

    TYPE: ClassVar[str] = "hashes"
    note: bytes
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Done(Message):
    """Taken; nothing else to say."""

    TYPE: ClassVar[str] = "done"


@dataclass(frozen=True, slots=True)
class Cosigned(Message):
    """A witness's note signature lines, or, where it knows a larger checkpoint, that checkpoint."""

    TYPE: ClassVar[str] = "cosigned"
    line: bytes
    larger: bytes


@dataclass(frozen=True, slots=True)
class Failed(Message):
    """Nothing was logged: the canonical Fault says why."""

    TYPE: ClassVar[str] = "failed"
    fault: bytes


class Fault(Wire):
    """Why a message changed nothing; `detail` names field and rule and never repeats a value."""

    code: Code
    detail: Annotated[str, Field(max_length=MAX_DETAIL)]
    retry_after_ms: Annotated[int, Field(ge=0, le=3_600_000)] | None = None


class ChainQuery(Wire):
    """Which part of the steering chain is wanted."""

    after: Annotated[int, Field(ge=0, le=2**53 - 1)]


class EvidenceQuery(Wire):
    """Which entries (by index), which registry bundle (by hash) or whose catalogues are wanted.

    `catalogues_from` asks for the entries of all catalogues in force from that index on, in their order.
    """

    indices: Annotated[tuple[Annotated[int, Field(ge=0, le=2**53 - 1)], ...], Field(max_length=64)] = ()
    registry: Hash | None = None
    catalogues_from: Annotated[int, Field(ge=0, le=2**53 - 1)] | None = None


class HashesQuery(Wire):
    """From which entry of a shard on leaf hashes are wanted; `log` names a closed shard, without it the open one."""

    first: Annotated[int, Field(ge=0, le=2**53 - 1)]
    log: LogId | None = None


class HeadQuery(Wire):
    """Which key's highest number is wanted."""

    key: KeyName


class HeadAnswer(Wire):
    """The highest number the log holds of a key (0 for none), and the shard that is open now."""

    highest: Annotated[int, Field(ge=0, le=2**53 - 1)]
    log: LogId


MESSAGES: Final[tuple[type[Message], ...]] = (
    AskRequest,
    AskOutcome,
    AskDeliver,
    AskRecord,
    AskChain,
    AskEvidence,
    AskHead,
    AskHashes,
    Permit,
    Deliver,
    Witness,
    Logged,
    Delivered,
    Later,
    Receipts,
    Head,
    Hashes,
    Done,
    Cosigned,
    Failed,
)
"""Every message there is."""

_PARTS: Final = {shape: tuple(field.name for field in fields(shape)) for shape in MESSAGES}
_HEADERS: Final = {shape: canonical.encode_model(Header(type=CodeName(shape.TYPE))) for shape in MESSAGES}
_BY_HEADER: Final = {header: shape for shape, header in _HEADERS.items()}
_OPEN_ENDED: Final = {Receipts}

MessageT = TypeVar("MessageT", bound=Message)


def pack(message: Message) -> bytes:
    """Give a message's bytes: header and parts, framed."""
    shape = type(message)
    parts = [getattr(message, name) for name in _PARTS[shape]]
    if shape in _OPEN_ENDED:
        return frame(_HEADERS[shape], *parts[:-1], *parts[-1])
    return frame(_HEADERS[shape], *parts)


def unpack(unverified: bytes, *expected: type[MessageT]) -> MessageT:
    """Read one of the expected messages; Malformed when the bytes are anything else."""
    parts = unframe(unverified)
    shape = _shape_of(parts)
    fixed = len(_PARTS[shape]) - (shape in _OPEN_ENDED)
    body, rest = parts[1 : fixed + 1], parts[fixed + 1 :]
    if not issubclass(shape, expected) or len(body) != fixed or (rest and shape not in _OPEN_ENDED):
        wanted = " or ".join(one.TYPE for one in expected)
        message = f"message: type {shape.TYPE} with {len(parts) - 1} parts came, {wanted} in its own form was expected"
        raise Malformed(message)
    return shape(*body, rest) if shape in _OPEN_ENDED else shape(*body)


def _shape_of(parts: tuple[bytes, ...]) -> type[Message]:
    """Find the message type by part 0: the very bytes of a known header, or an error that says what is wrong."""
    if parts and parts[0] in _BY_HEADER:
        return _BY_HEADER[parts[0]]
    canonical.decode_model(Header, parts[0] if parts else b"")
    message = "message: part 0 names no known type"
    raise Malformed(message)


def fault(code: Code, detail: str, *, retry_after_ms: int | None = None) -> Failed:
    """Give the answer that says a message changed nothing; `detail` is made printable and cut to what fits."""
    printable = "".join(character if character.isprintable() else "?" for character in detail)
    cut = unicodedata.normalize("NFC", printable)[:MAX_DETAIL]
    return Failed(canonical.encode_model(Fault(code=code, detail=cut, retry_after_ms=retry_after_ms)))
