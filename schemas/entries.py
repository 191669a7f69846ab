"""What the ledger records: a leaf is a domain line and one line of canonical JSON.

An agency's statement is embedded as the bytes it signed. The broker adds its log time and its decision with all inputs;
the log's checkpoint signs them, so an entry needs no signature of its own. No entry holds a name, a birth date, an
official number, a value or a sealed block.
"""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from schemas import canonical
from schemas.canonical import Decode
from schemas.errors import Code, Malformed
from schemas.ids import CodeName, FieldName, Hash
from schemas.statements import (
    STATEMENTS,
    Fields,
    Millis,
    Number,
    Numbered,
    Outcome,
    OutcomeBody,
    Request,
    ShardClosed,
    Signed,
    Statement,
)
from schemas.wire import MAX_ENTRY_BYTES, MAX_STATEMENT_BYTES, Version, Wire


def _must_be(kind: str) -> Callable[[OutcomeBody], OutcomeBody]:
    def check(body: OutcomeBody) -> OutcomeBody:
        if body.kind != kind:
            message = f"must be of kind {kind} in an entry of this type"
            raise ValueError(message)
        return body

    return check


SignedText = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_STATEMENT_BYTES)]
"""A signed note, embedded as the very bytes that were signed and sent."""
Index = Annotated[int, Field(ge=0, le=canonical.MAX_INTEGER)]
"""A place in the log, counted from 0 over all its shards."""
DisclosedBody = Annotated[OutcomeBody, AfterValidator(_must_be("disclosed"))]
UnavailableBody = Annotated[OutcomeBody, AfterValidator(_must_be("unavailable"))]
Rules = Annotated[tuple[CodeName, ...], Field(max_length=40)]


class Cut(Wire):
    """One asked field that was not granted, and the rule that cut it."""

    field: FieldName
    rule: CodeName


class Entry(Wire):
    """What every entry holds: the log's time in ms (never before the entry before it)."""

    v: Version = 1
    time: Millis


class Recorded(Entry):
    """A statement that is logged as it stands; the entry's type is the statement's."""

    statement: SignedText


class Closed(Entry):
    """The end of a shard; `state` hashes the bundle that the next one must start from, all that is in force here."""

    statement: SignedText
    state: Hash


class Granted(Entry):
    """A request that was permitted: the fields that may flow and every input the decision rests on.

    `approval` and `basis` are the indices of the entries that carry them (no `basis` for a statute, which rests on the
    registry); `chain` is the last `seq` of the steering chain, up to which a holder must know all keys.
    """

    statement: SignedText
    registry: Hash
    fields: Fields
    cut: Annotated[tuple[Cut, ...], Field(max_length=200)] = ()
    rules: Rules
    approval: Index
    basis: Index | None = None
    chain: Number


class Refused(Entry):
    """A request that was refused by law, approval or consent: reason and rule, and nothing about a person."""

    statement: SignedText
    registry: Hash
    reason: Code
    rules: Rules


class Answered(Entry):
    """An outcome that was opened: k and body stand here, so that anyone can check the holder's commitment."""

    statement: SignedText
    k: Hash
    body: OutcomeBody
    grant: Index
    chain: Number


class Disclosed(Answered):
    """The holder's disclosure, permitted a second time at this index."""

    body: DisclosedBody


class Unavailable(Answered):
    """The holder's "not available", whatever the cause."""

    body: UnavailableBody


class Withheld(Entry):
    """An outcome after the basis fell away: neither k nor body, so it does not tell whether the person was known."""

    statement: SignedText
    grant: Index
    reason: Code


class Rejected(Entry):
    """A validly signed statement that has no effect but uses up its number (stale, misaddressed, …)."""

    statement: SignedText
    reason: Code


AnyEntry = Recorded | Closed | Granted | Refused | Disclosed | Unavailable | Withheld | Rejected

RECORDED_AS: Final[dict[type[Statement], str]] = {
    shape: "exchange.acknowledged" if name == "acknowledged" else name
    for name, shape in STATEMENTS.items()
    if shape not in (Request, Outcome, ShardClosed)
}
"""The entry type under which a statement is recorded as it stands; of the others the entry says more."""

ENTRIES: Final[dict[str, type[AnyEntry]]] = {
    **dict.fromkeys(RECORDED_AS.values(), Recorded),
    "shard.closed": Closed,
    "exchange.granted": Granted,
    "exchange.refused": Refused,
    "exchange.disclosed": Disclosed,
    "exchange.unavailable": Unavailable,
    "exchange.withheld": Withheld,
    "statement.rejected": Rejected,
}
"""Entry shapes by the type in their domain line."""

_EMBEDS: Final[dict[str, type[Signed]]] = {
    **{kind: shape for shape, kind in RECORDED_AS.items()},
    "shard.closed": ShardClosed,
    "exchange.granted": Request,
    "exchange.refused": Request,
    "exchange.disclosed": Outcome,
    "exchange.unavailable": Outcome,
    "exchange.withheld": Outcome,
    "statement.rejected": Numbered,
}
_PREFIX: Final = "handschlag/entry/"
_SUFFIX: Final = "/v1"


def encode_entry(kind: str, entry: AnyEntry) -> bytes:
    """Give the leaf bytes: domain line and canonical JSON line, each with its newline."""
    leaf = f"{_PREFIX}{kind}{_SUFFIX}\n".encode() + canonical.encode_model(entry) + b"\n"
    if len(leaf) > MAX_ENTRY_BYTES:
        message = f"entry: {len(leaf)} bytes, at most {MAX_ENTRY_BYTES} fit"
        raise Malformed(message, code=Code.TOO_LARGE)
    return leaf


def decode_entry(unverified_leaf: bytes, decode: Decode = canonical.decode_model) -> tuple[str, AnyEntry]:
    """Read type and entry from leaf bytes; Malformed unless they are exactly what `encode_entry` writes.

    `decode` may be `canonical.decode_spelled` for bytes that were read before.
    """
    if len(unverified_leaf) > MAX_ENTRY_BYTES:
        message = f"entry: longer than {MAX_ENTRY_BYTES} bytes"
        raise Malformed(message, code=Code.TOO_LARGE)
    domain, first, rest = unverified_leaf.partition(b"\n")
    body, second, tail = rest.partition(b"\n")
    kind = domain.decode("utf-8", "replace").removeprefix(_PREFIX).removesuffix(_SUFFIX)
    if kind not in ENTRIES or domain != f"{_PREFIX}{kind}{_SUFFIX}".encode() or not first or not second or tail:
        message = "entry: a known domain line and one line of canonical JSON are expected"
        raise Malformed(message)
    return kind, decode(ENTRIES[kind], body)


def embeds(kind: str, statement: Statement) -> bool:
    """Tell whether an entry of this type may embed this statement; to be asked, because the two are parsed apart."""
    return isinstance(statement, _EMBEDS[kind])
