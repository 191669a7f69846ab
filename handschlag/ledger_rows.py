"""The entries of a log as rows on a terminal or in a file; what a row says is said in `broker/core/log_lines.py`."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rich.table import Table
from rich.text import Text

from broker.core.log_lines import Line, Wanted, line_beside
from consent_ledger.core.leaf import Leaf, read_leaf
from handschlag.ledger_report import instant
from schemas import canonical
from schemas import statements as st
from schemas.errors import HandschlagError
from schemas.ids import ExchangeId

OUTCOMES: Final = {
    **{name: f"exchange.{name}" for name in ("granted", "refused", "disclosed", "unavailable", "withheld")},
    "rejected": "statement.rejected",
}
"""Entry types by the words people filter by."""
COLUMNS: Final = ("index", "time", "type", "signer", "with", "purpose", "fields", "reason", "id")


@dataclass
class Rows:
    """Makes rows of entries in log order; an outcome is given parties and purpose of the request it answers."""

    _asked: dict[ExchangeId, Line] = field(default_factory=dict)

    def of(self, entries: Iterable[tuple[int, bytes]], wanted: Wanted, index: int | None = None) -> Iterator[Line]:
        """Give the entries that are wanted; what is no entry of ours is a row of type `unreadable`."""
        for place, raw in entries:
            try:
                row = self._row(place, read_leaf(raw))
            except HandschlagError:
                row = Line(place, 0, "unreadable", "")
            kind = wanted.kind in {"", row.kind}
            if kind and index in {None, place} and wanted.within(row.at_ms) and wanted.takes(row):
                yield row

    def _row(self, index: int, leaf: Leaf) -> Line:
        statement = leaf.statement
        asked = self._asked.get(statement.exchange) if isinstance(statement, st.Outcome) else None
        line = line_beside(index, leaf, asked)
        if isinstance(statement, st.Request):
            self._asked[statement.exchange] = line
        return line


def _cells(line: Line) -> tuple[str, ...]:
    """Give the texts of `COLUMNS`."""
    others, fields = ", ".join(line.others), ", ".join(line.fields)
    texts = (line.kind, line.agency, others, line.purpose or "", fields, _reason(line), line.id)
    return (str(line.index), instant(line.at_ms), *texts)


def _reason(line: Line) -> str:
    return line.reason or ", ".join(f"{one.field} cut: {one.rule}" for one in line.cut)


def as_table(rows: Iterable[Line]) -> Table:
    """Set rows out as a table."""
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*map(Text, _cells(row)))
    return table


def as_csv(rows: Iterable[Line]) -> Iterator[str]:
    """Write rows as lines of CSV (RFC 4180) under a line of names."""
    yield _csv_line(COLUMNS)
    for row in rows:
        yield _csv_line(_cells(row))


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def as_json(rows: Iterable[Line]) -> str:
    """Write rows as a JSON list of objects, times in ms."""
    return canonical.pretty(
        [
            {
                "index": row.index,
                "time_ms": row.at_ms,
                "type": row.kind,
                "signer": row.agency,
                "with": list(row.others),
                "purpose": row.purpose or "",
                "fields": list(row.fields),
                "reason": _reason(row),
                "id": row.id,
            }
            for row in rows
        ]
    )
