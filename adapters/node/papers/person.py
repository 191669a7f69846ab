"""FLOW of a report for one person (Art. 15 GDPR): what this agency gave others of them, and what it asked for.

It names fields and not values: the values stand in the agency's own file, which the officer does not read here. Each
line has its entries of the ledger and their proofs within the PDF.
"""

import base64
from typing import Final, NamedTuple

from adapters.node.database import Op
from adapters.node.papers.blocks import Attached, Heading, Paper, Table, Text
from adapters.node.papers.making import LEGAL, Making
from adapters.node.store import NodeStore
from adapters.node.store.reports import Drawn
from adapters.node.store.rows import NO_RECEIPT, Asked, AskedState, Disclosed, Receipt
from adapters.web.pages import moment
from schemas import canonical
from schemas.errors import Malformed
from schemas.ids import FieldName, Purpose

MIN_REASON: Final = 10
MAX_REASON: Final = 500
MAX_REF: Final = 200
_STATES: Final = {
    AskedState.SENT: "unterwegs",
    AskedState.GRANTED: "erlaubt, noch ohne Antwort",
    AskedState.REFUSED: "abgelehnt",
    AskedState.REJECTED: "nicht angenommen",
    AskedState.ANSWERED: "beantwortet",
    AskedState.NOT_AVAILABLE: "nicht verfügbar",
}


class Given(NamedTuple):
    """A line of the disclosure register with the receipts that stand behind it."""

    line: Disclosed
    grant: Receipt
    outcome: Receipt


class Report(NamedTuple):
    """Everything this agency exchanged about one person, newest first."""

    drawn: Drawn
    given: list[Given]
    asked: list[Asked]


async def draw_up(store: NodeStore, wish: Drawn) -> Report:
    """Gather a person's report; that it was drawn up, by whom and why, is durable before anything is shown.

    Raises Malformed without a reason of a sentence, or without a row or file to look for.
    """
    if not MIN_REASON <= len(wish.reason) <= MAX_REASON:
        message = f"reason: write down why, in {MIN_REASON} to {MAX_REASON} letters"
        raise Malformed(message)
    if not (wish.ref or wish.case_ref) or len(wish.ref) > MAX_REF or len(wish.case_ref) > MAX_REF:
        message = f"ref, case_ref: name the person's entry or file, in at most {MAX_REF} letters"
        raise Malformed(message)
    kept: Op = store.reports.drawn(wish)
    await store.write(kept)
    given = [await _given(store, line) for line in await store.received.disclosed_of(wish.ref)]
    return Report(wish, given, await store.asked.of_case(wish.case_ref) if wish.case_ref else [])


async def _given(store: NodeStore, line: Disclosed) -> Given:
    found = await store.received.find(line.exchange)
    return Given(line, NO_RECEIPT, NO_RECEIPT) if found is None else Given(line, found.grant, found.outcome)


def as_json(report: Report) -> bytes:
    """Give a report for programs, with all entries and proofs."""
    given: list[canonical.Json] = [
        {
            "exchange": one.line.exchange,
            "at_ms": one.line.at,
            "to": one.line.requester,
            "purpose": one.line.purpose,
            "basis": one.line.basis,
            "fields": list(one.line.fields),
            "log_index": one.line.log_index,
            "receipts": [_receipt(one.grant), _receipt(one.outcome)],
        }
        for one in report.given
    ]
    asked: list[canonical.Json] = [
        {
            "exchange": one.exchange,
            "at_ms": one.at,
            "of": one.holder,
            "purpose": one.purpose,
            "basis": one.basis,
            "state": one.state.value,
            "asked_fields": list(one.fields),
            "received_fields": [] if one.record is None else [field.field for field in one.record.fields],
            "receipts": [_receipt(one.grant), _receipt(one.answer)],
        }
        for one in report.asked
    ]
    return canonical.encode({"drawn_at_ms": report.drawn.at, "given": given, "asked": asked})


def as_paper(report: Report, making: Making) -> Paper:
    """Give a report as a paper for the person, in German."""
    words, office = making.german, making.office
    given = tuple(
        (
            moment(one.line.at),
            words.agency(one.line.requester),
            _purpose(making, one.line.purpose, one.line.basis),
            words.fields(one.line.fields),
            str(one.line.log_index),
        )
        for one in report.given
    )
    asked = tuple(
        (
            moment(one.at),
            words.agency(one.holder),
            _purpose(making, one.purpose, one.basis),
            words.fields(_received(one) or one.fields),
            _STATES[one.state],
        )
        for one in report.asked
    )
    return Paper(
        LEGAL,
        "Auskunft über den Austausch Ihrer Daten (Art. 15 DSGVO)",
        (
            Text(f"Stand {moment(report.drawn.at)}. {office.responsible or making.agency}"),
            Heading("Was diese Stelle weitergegeben hat"),
            Table(given, ("Wann", "An", "Zweck und Grundlage", "Angaben", "Eintrag")) if given else Text("Nichts."),
            Heading("Was diese Stelle bei anderen gefragt hat"),
            Table(asked, ("Wann", "Bei", "Zweck und Grundlage", "Angaben", "Ergebnis")) if asked else Text("Nichts."),
            Text(words.texts("notice.rights")),
            Text("Die Werte stehen in Ihrer Akte; Sie können Einsicht und eine Kopie verlangen."),
            Text("Die Einträge des Protokolls und ihre Nachweise liegen als Dateien in diesem PDF.", small=True),
        ),
    )


def proofs(report: Report) -> list[Attached]:
    """Give all entries and proofs as files, named by exchange."""
    pairs = [(one.line.exchange, one.grant, one.outcome) for one in report.given]
    pairs += [(one.exchange, one.grant, one.answer) for one in report.asked]
    files: list[Attached] = []
    for exchange, *receipts in pairs:
        for name, receipt in zip(("grant", "answer"), receipts, strict=True):
            if receipt != NO_RECEIPT:
                files.append(Attached(f"{exchange}-{name}.entry", receipt.entry))
                files.append(Attached(f"{exchange}-{name}.tlog-proof", receipt.proof))
    return files


def _received(asked: Asked) -> tuple[FieldName, ...]:
    return () if asked.record is None else tuple(one.field for one in asked.record.fields)


def _purpose(making: Making, purpose: Purpose, basis: str) -> str:
    return f"{making.german.purpose(purpose)} ({basis})"


def _receipt(receipt: Receipt) -> canonical.Json:
    return {"entry_base64": _base64(receipt.entry), "proof_base64": _base64(receipt.proof)}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
