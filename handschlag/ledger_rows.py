"""The entries of a log as rows for people: filtered, named, nothing verified."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rich.table import Table
from rich.text import Text

from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.signed import CLIENT, STEERING
from handschlag.ledger_report import instant
from schemas import canonical
from schemas import statements as st
from schemas.entries import Answered, Cut, Granted
from schemas.errors import HandschlagError
from schemas.ids import AgencyId, ExchangeId

OUTCOMES: Final = {
    **{name: f"exchange.{name}" for name in ("granted", "refused", "disclosed", "unavailable", "withheld")},
    "rejected": "statement.rejected",
}
"""Entry types by the words people filter by."""
COLUMNS: Final = ("index", "time", "type", "signer", "with", "purpose", "fields", "reason", "id")


@dataclass(frozen=True)
class Filter:
    """Which entries are wanted; None asks for nothing. Times are the log's, in ms, `to_ms` excluded."""

    agency: str | None = None
    purpose: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    outcome: str | None = None
    index: int | None = None


@dataclass(frozen=True)
class Row:
    """One entry: who signed it, whom else it concerns, and what it says; texts may be empty."""

    index: int
    at_ms: int
    kind: str
    signer: str
    others: tuple[str, ...] = ()
    purpose: str = ""
    fields: tuple[str, ...] = ()
    reason: str = ""
    id: str = ""

    def cells(self) -> tuple[str, ...]:
        """Give the texts of `COLUMNS`."""
        others, fields = ", ".join(self.others), ", ".join(self.fields)
        time = instant(self.at_ms)
        return (str(self.index), time, self.kind, self.signer, others, self.purpose, fields, self.reason, self.id)


@dataclass
class Rows:
    """Makes rows of entries in log order; an outcome is given parties and purpose of the request it answers."""

    _requests: dict[ExchangeId, tuple[AgencyId, st.Request]] = field(default_factory=dict)

    def of(self, entries: Iterable[tuple[int, bytes]], wanted: Filter) -> Iterator[Row]:
        """Give the rows of the entries that are wanted; what is no entry of ours is a row of type `unreadable`."""
        for index, raw in entries:
            try:
                row = self._row(index, read_leaf(raw))
            except HandschlagError:
                row = Row(index, 0, "unreadable", "")
            if _fits(row, wanted):
                yield row

    def _row(self, index: int, leaf: Leaf) -> Row:
        statement, entry = leaf.statement, leaf.entry
        fields: tuple[str, ...] = getattr(statement, "fields", ())
        if isinstance(entry, Granted):
            fields = entry.fields
        elif isinstance(entry, Answered):
            fields = entry.body.fields
        signer = signed_by(statement)
        purpose, others, name = _about(statement)
        if isinstance(statement, st.Request):
            self._requests[statement.exchange] = AgencyId(signer), statement
        elif isinstance(statement, st.Outcome) and statement.exchange in self._requests:
            asker, request = self._requests[statement.exchange]
            purpose, others = request.purpose, (asker,)
        reason = str(getattr(entry, "reason", "")) or _cut(getattr(entry, "cut", ()))
        return Row(index, entry.time, leaf.kind, signer, others, purpose, fields, reason, name)


def _about(statement: st.Statement) -> tuple[str, tuple[str, ...], str]:
    """Give purpose, other agencies and id that a statement names."""
    match statement:
        case st.Request():
            return statement.purpose, (statement.holder,), statement.exchange
        case st.Outcome():
            return "", (), statement.exchange
        case st.ConsentGiven():
            return statement.purpose, (statement.recipient, *statement.holders), statement.consent
        case st.BasisGiven():
            return statement.purpose, (statement.recipient, *statement.holders), statement.given
        case st.ConsentWithdrawn():
            return "", (), statement.consent
        case st.BasisWithdrawn():
            return "", (), statement.given
        case st.ConsentCodes() | st.ClientWithdrawn():
            return "", (), statement.basis
        case st.Acknowledged():
            return "", (statement.holder,), ""
        case st.MemberAdmitted() | st.MemberLeft() | st.KeyAdded():
            return "", (statement.agency,), getattr(statement, "name", "")
        case _:
            return str(getattr(statement, "purpose", "")), (), str(getattr(statement, "approval", ""))


def signed_by(statement: st.Statement) -> str:
    """Give the agency that signed a statement, as its key is named; the steering group, or the client."""
    if isinstance(statement, st.ClientWithdrawn):
        return CLIENT
    return STEERING if isinstance(statement, st.Steered) else _agency_in(statement)


def _agency_in(statement: st.Statement) -> str:
    """Give the agency in the name of a statement's key, `<federation>/<agency>/<role>-<n>`."""
    return str(getattr(statement, "key", "")).rpartition("/")[0].rpartition("/")[2]


def _cut(cut: Iterable[Cut]) -> str:
    return ", ".join(f"{one.field} cut: {one.rule}" for one in cut)


def _fits(row: Row, wanted: Filter) -> bool:
    if wanted.agency is not None and wanted.agency not in (row.signer, *row.others):
        return False
    if wanted.purpose is not None and wanted.purpose not in {row.purpose, row.purpose.partition("@")[0]}:
        return False
    if wanted.index not in {None, row.index}:
        return False
    if wanted.outcome is not None and row.kind != OUTCOMES[wanted.outcome]:
        return False
    return (wanted.from_ms or 0) <= row.at_ms and (wanted.to_ms is None or row.at_ms < wanted.to_ms)


def as_table(rows: Iterable[Row]) -> Table:
    """Set rows out as a table."""
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*map(Text, row.cells()))
    return table


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Write rows as lines of CSV (RFC 4180) under a line of names."""
    yield _csv_line(COLUMNS)
    for row in rows:
        yield _csv_line(row.cells())


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def as_json(rows: Iterable[Row]) -> str:
    """Write rows as a JSON list of objects, times in ms."""
    return canonical.pretty(
        [
            {
                "index": row.index,
                "time_ms": row.at_ms,
                "type": row.kind,
                "signer": row.signer,
                "with": list(row.others),
                "purpose": row.purpose,
                "fields": list(row.fields),
                "reason": row.reason,
                "id": row.id,
            }
            for row in rows
        ]
    )
