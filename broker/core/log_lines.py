"""What an auditor is shown of an entry, which entries are wanted, and which of them are one exchange. Pure.

An outcome says neither purpose nor requester; both are taken from the grant it names by its index.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from consent_ledger.core.evidence import evidence_id
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.signed import CLIENT, STEERING
from schemas import statements as st
from schemas.entries import Answered, Cut, Granted, Refused, Rejected, Withheld
from schemas.errors import Pruned
from schemas.ids import ExchangeId, Purpose

Fetch = Callable[[int], bytes]
"""Gives the bytes of the entry of an index."""

_NO: Final = frozenset({"exchange.refused", "statement.rejected"})


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: when, what, signed by whom (`agency`), whom else it concerns, for what, on which basis, what came.

    `rests_on` are the indices of entries it names: approval, basis, grant. `id` is the name of what it is about: of an
    exchange, a consent, a basis, an approval, a key. Texts are empty where an entry has none.
    """

    index: int
    at_ms: int
    kind: str
    agency: str
    others: tuple[str, ...] = ()
    purpose: Purpose | None = None
    basis: str = ""
    fields: tuple[str, ...] = ()
    cut: tuple[Cut, ...] = ()
    reason: str = ""
    rules: tuple[str, ...] = ()
    exchange: ExchangeId | None = None
    rests_on: tuple[int, ...] = ()
    id: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which entries are wanted; an empty text asks for nothing. A purpose without a version is any version of it.

    Times are the log's in ms, `until_ms` is excluded; as they only ever grow, they bound where is looked at all.
    """

    agency: str = ""
    purpose: str = ""
    basis: str = ""
    kind: str = ""
    exchange: str = ""
    from_ms: int = 0
    until_ms: int | None = None

    def may_be(self, raw: bytes) -> bool:
        """Tell at little cost whether an entry may be wanted, by what stands readable in its bytes."""
        if self.kind and not raw.startswith(f"handschlag/entry/{self.kind}/v1\n".encode()):
            return False
        return self.exchange.encode() in raw

    def within(self, at_ms: int) -> bool:
        """Tell whether a time of the log is wanted."""
        return self.from_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)

    def takes(self, line: Line) -> bool:
        """Tell whether an entry between the two times is wanted, of those that may be."""
        return (
            (not self.agency or self.agency in (line.agency, *line.others))
            and self.purpose in {"", line.purpose, (line.purpose or "").partition("@")[0]}
            and (not self.basis or line.basis == self.basis)
        )


def line_of(index: int, leaf: Leaf, fetch: Fetch) -> Line:
    """Say what an entry says; `fetch` gives the grant that an outcome answers, or raises Pruned where it is gone."""
    grant = grant_of(leaf)
    if grant is None:
        return line_beside(index, leaf, None)
    try:
        asked = line_of(grant, read_leaf(fetch(grant)), fetch)
    except Pruned:
        asked = None
    return line_beside(index, leaf, asked)


def line_beside(index: int, leaf: Leaf, asked: Line | None) -> Line:
    """Say what an entry says; `asked` is the request that an outcome answers, None where it is not known."""
    entry, statement = leaf.entry, leaf.statement
    line = _said(Line(index, entry.time, leaf.kind, signed_by(statement)), statement)
    match entry:
        case Granted():
            rests_on = (entry.approval,) if entry.basis is None else (entry.approval, entry.basis)
            return replace(line, fields=entry.fields, cut=entry.cut, rules=entry.rules, rests_on=rests_on)
        case Refused():
            return replace(line, reason=entry.reason.value, rules=entry.rules)
        case Rejected():
            return replace(line, reason=entry.reason.value)
        case Answered():
            return replace(_answering(line, asked), fields=entry.body.fields, rests_on=(entry.grant,))
        case Withheld():
            return replace(_answering(line, asked), reason=entry.reason.value, rests_on=(entry.grant,))
        case _:
            return line


def _answering(line: Line, asked: Line | None) -> Line:
    """Add to an outcome what only its request says."""
    if asked is None:
        return line
    return replace(line, others=(asked.agency,), purpose=asked.purpose, basis=asked.basis)


def _said(line: Line, statement: st.Statement) -> Line:
    """Add what the statement itself says."""
    match statement:
        case st.Request():
            return replace(
                line,
                others=(statement.holder,),
                purpose=statement.purpose,
                basis=statement.basis.kind,
                fields=statement.fields,
                exchange=statement.exchange,
                id=statement.exchange,
            )
        case st.Outcome():
            return replace(line, exchange=statement.exchange, id=statement.exchange)
        case st.ConsentGiven() | st.BasisGiven():
            return replace(
                line,
                others=tuple(dict.fromkeys((statement.recipient, *statement.holders))),
                purpose=statement.purpose,
                basis=statement.kind if isinstance(statement, st.BasisGiven) else "consent",
                fields=statement.fields,
                id=evidence_id(statement),
            )
        case st.ConsentRefused():
            return replace(line, others=(statement.recipient,), purpose=statement.purpose, basis="consent")
        case st.ApprovalGiven():
            return replace(line, purpose=statement.purpose, fields=statement.fields, id=statement.approval)
        case st.CatalogueSet():
            return replace(line, fields=statement.fields)
        case st.Acknowledged():
            return replace(line, others=(statement.holder,))
        case st.MemberAdmitted() | st.MemberLeft() | st.KeyAdded():
            return replace(line, others=(statement.agency,), id=getattr(statement, "name", ""))
        case _:
            return replace(line, id=_named(statement))


def _named(statement: st.Statement) -> str:
    """Give the name of what a statement ends or changes; empty where it names nothing."""
    match statement:
        case st.ConsentWithdrawn(consent=name) | st.BasisWithdrawn(given=name):
            return name
        case st.ConsentCodes(basis=name) | st.ClientWithdrawn(basis=name):
            return name
        case st.ApprovalEnded(approval=name) | st.KeyRevoked(name=name):
            return name
        case st.ShardClosed(next=name) | st.LogKey(ended=name) | st.ShardPruned(shard=name):
            return name
        case _:
            return ""


@dataclass
class Timeline:
    """The entries of one exchange, from the request on: its decision, its outcome, its acknowledgement.

    A withdrawal or renewal of the basis in between stands there too: it is why an outcome is withheld.
    """

    asked: Line
    basis: str | None
    lines: list[Line] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """True when nothing more can come."""
        return self.asked.kind in _NO or any(line.kind == "exchange.acknowledged" for line in self.lines)

    def see(self, index: int, raw: bytes, fetch: Fetch) -> None:
        """Take the next entry; those of others are passed over unread, as far as their bytes show that they are."""
        if self.over or not self._may_hold(raw):
            return
        leaf = read_leaf(raw)
        if self._concerns(leaf.statement):
            self.lines.append(line_of(index, leaf, fetch))

    def _may_hold(self, raw: bytes) -> bool:
        names = filter(None, (self.asked.exchange, self.basis))
        return any(name.encode() in raw for name in names)

    def _concerns(self, statement: st.Statement) -> bool:
        match statement:
            case st.Outcome():
                return statement.exchange == self.asked.exchange
            case st.Acknowledged():
                return self.asked.exchange in statement.exchanges
            case st.ConsentWithdrawn(consent=name) | st.BasisWithdrawn(given=name) | st.ClientWithdrawn(basis=name):
                return name == self.basis
            case st.ConsentGiven(replaces=name) if name is not None:
                return name == self.basis
            case _:
                return False


def grant_of(leaf: Leaf) -> int | None:
    """Give the index of the grant an outcome's entry answers, None for any other entry."""
    return leaf.entry.grant if isinstance(leaf.entry, Answered | Withheld) else None


def signed_by(statement: st.Statement) -> str:
    """Give the agency in the name of a statement's key, `<federation>/<agency>/<role>-<n>`; else who said it."""
    if isinstance(statement, st.ClientWithdrawn):
        return CLIENT
    return statement.key.split("/")[1] if isinstance(statement, st.Numbered) else STEERING
