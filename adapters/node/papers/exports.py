"""An answer as a file: JSON for programs, CSV for sheets, PDF for the desk; each value with where it is from."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Final

from adapters.node.papers.blocks import Heading, Paper, Table, Text
from adapters.node.store.rows import Asked
from adapters.web.pages import day, moment
from adapters.web.texts import Texts
from schemas import canonical
from schemas.errors import Code, Misuse
from schemas.ids import FieldName
from schemas.record import Record, Value

COLUMNS: Final = (
    "field", "label", "value", "recorded_by", "recorded_at", "precision", "verified", "origin", "disputed", "discussed",
    "valid_from", "valid_to", "row", "holder", "purpose", "basis", "asked_at_ms", "exchange",
)  # fmt: skip
"""The columns of a CSV file: one line for each value."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for the beginning of a formula."""

Show = Callable[[FieldName, Value], str]


def as_json(asked: Asked) -> bytes:
    """Give an answer with its provenance, for programs."""
    record = answered(asked)
    fields: list[canonical.Json] = [one.model_dump(mode="json", exclude_none=True) for one in record.fields]
    return canonical.encode({**_origin(asked), "fields": fields})


def as_csv(asked: Asked, labels: Mapping[FieldName, str]) -> bytes:
    """Give an answer as a table that spreadsheets open as it is meant, a line for each value."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n", delimiter=";")
    writer.writeheader()
    for one in answered(asked).fields:
        for value in one.values:
            line = {"field": one.field, "label": labels.get(one.field, one.field), **_origin(asked)}
            line |= value.model_dump(mode="json", exclude_none=True)
            writer.writerow({name: cell(content) for name, content in line.items()})
    return out.getvalue().encode("utf-8-sig")


def as_paper(asked: Asked, labels: Mapping[FieldName, str], show: Show, texts: Texts, language: str) -> Paper:
    """Give an answer as a paper for the file."""
    rows = [
        (
            labels.get(one.field, one.field),
            show(one.field, value),
            value.recorded_by or asked.holder,
            day(value.recorded_at),
            texts(f"verified.{value.verified}"),
            day(value.discussed),
            texts("answer.yes" if value.disputed else "answer.no"),
        )
        for one in answered(asked).fields
        for value in one.values
    ]
    header = ("field", "value", "recorded_by", "recorded_at", "verified", "discussed", "disputed")
    facts = (
        (texts("requests.purpose"), asked.purpose),
        (texts("requests.basis"), asked.basis),
        (texts("requests.case"), asked.case_ref or "\N{EN DASH}"),
    )
    blocks = (
        Text(texts("answer.from", holder=asked.holder, at=moment(asked.at))),
        Table(facts),
        Heading(texts("answer.title")),
        Table(tuple(rows), tuple(texts(f"answer.{name}") for name in header)),
        Text(asked.exchange, small=True),
    )
    return Paper(language, texts("answer.title"), blocks)


def answered(asked: Asked) -> Record:
    """Give the record of an answer; Misuse where there is none yet, or none at all."""
    if asked.record is None:
        message = "exchange: has no answer to export"
        raise Misuse(message, code=Code.GRANT_UNKNOWN)
    return asked.record


def _origin(asked: Asked) -> dict[str, str | int]:
    return {
        "exchange": asked.exchange,
        "holder": asked.holder,
        "purpose": asked.purpose,
        "basis": asked.basis,
        "asked_at_ms": asked.at,
    }


def cell(content: object) -> object:
    """Keep a value from being run as a formula by the spreadsheet that opens it."""
    return f"'{content}" if isinstance(content, str) and content.startswith(_FORMULA) else content
