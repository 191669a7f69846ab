"""One small agency for the contract of sources: the same rows as a SQLite table or as a sheet, and a mapping for them.

All names are invented.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal

from openpyxl import Workbook

from adapters.sources.mapping import SourceMapping, parse
from adapters.sources.opening import open_source
from adapters.sources.port import LocalRef, Source
from schemas.ids import FieldName
from schemas.record import FieldValues

Kind = Literal["sql", "sheet"]
Cell = str | int | float | bool | date | None
Row = Mapping[str, Cell]

TABLE: Final = "Kunden"
FILES: Final[Mapping[Kind, str]] = {"sql": "kunden.db", "sheet": "kunden.xlsx"}
COLUMNS: Final = (
    "Nr",
    "Akte",
    "Name",
    "Vorname",
    "Geburt",
    "Geschlecht",
    "Land",
    "Geburtsname",
    "Sperre",
    "Betreuung",
    "Telefon",
    "Kursart",
    "Stunden",
    "Online",
    "Beginn",
    "Bestritten",
    "Stand",
)
PHONE: Final = FieldName("contact.phone")
KIND: Final = FieldName("course_participation.course_kind")
HOURS: Final = FieldName("course_participation.hours_used")
BEGAN: Final = FieldName("course_participation.started_on")
ONLINE: Final = FieldName("placement_need.online_ok")
KNOWN: Final = frozenset({PHONE, KIND, HOURS, BEGAN, ONLINE})

MAPPING: Final = """
kind = "{kind}"
location = "{file}"
table = "Kunden"
key = "Nr"
file_number = "Akte"
date_formats = ["%Y-%m-%d", "%d.%m.%Y", "00.00.%Y", "%m/%Y"]

[provenance]
recorded_at = "Stand"
recorded_by = "course_office"
verified = "document"
disputed = "Bestritten"

[person]
family_name = "Name"
given_names = "Vorname"
birth_date = {{ column = "Geburt", first_of_january = "year" }}
sex = {{ column = "Geschlecht", codes = {{ "männlich" = "m", weiblich = "w" }} }}
birth_country = {{ column = "Land", codes = {{ Ukraine = "ua" }} }}
other_names = ["Geburtsname"]
transfer_block = "Sperre"
guardian = "Betreuung"

[fields]
"contact.phone" = {{ column = "Telefon", verified = "client", origin = "client" }}
"course_participation.course_kind" = {{ column = "Kursart", type = "code", codes = {{ "Allgemein" = "general" }} }}
"course_participation.hours_used" = {{ column = "Stunden", type = "int" }}
"course_participation.started_on" = {{ column = "Beginn", type = "date" }}
"placement_need.online_ok" = {{ column = "Online", type = "bool" }}
"""

ROW: Final[Row] = {
    "Nr": 1,
    "Akte": "K-1/26",
    "Name": "Havchenko",
    "Vorname": "Olena",
    "Geburt": "1987-05-03",
    "Geschlecht": "weiblich",
    "Land": "Ukraine",
    "Geburtsname": "Rudska",
    "Telefon": "0171 1234567",
    "Kursart": "Allgemein",
    "Stunden": 300,
    "Online": "nein",
    "Beginn": "2026-01-12",
    "Bestritten": "ja",
    "Stand": "2026-02-01",
}


class Agency:
    """A folder with the agency's file in it, written and replaced as a test needs."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        """Begin without a file."""
        self.kind: Kind = kind
        self.file = FILES[kind]
        self.path = folder / self.file
        self.mapping = parse(MAPPING.format(kind=kind, file=self.file), "mapping.toml", KNOWN)
        self._opened: list[Source] = []

    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Put a file with these rows in the place of the old one, as an export at night does."""
        fresh = self.path.with_suffix(".new")
        write = write_sql if self.kind == "sql" else write_sheet
        write(fresh, table, columns, [[row.get(column) for column in columns] for row in rows])
        fresh.replace(self.path)

    def open(self, mapping: SourceMapping | None = None) -> Source:
        """Open a source; it is closed when the test ends."""
        source = open_source(mapping or self.mapping, self.path.parent)
        self._opened.append(source)
        return source

    async def close(self) -> None:
        """Close what was opened."""
        for source in self._opened:
            await source.close()


def write_sql(path: Path, table: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a SQLite file with one table whose columns take what comes."""
    database = sqlite3.connect(path)
    try:
        with database:
            named = ", ".join(f'"{column}"' for column in columns)
            database.execute(f'CREATE TABLE "{table}" ({named})')
            values = [[cell.isoformat() if isinstance(cell, date) else cell for cell in row] for row in rows]
            database.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})', values)  # noqa: S608 -- test's own names
    finally:
        database.close()


def write_sheet(path: Path, table: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a workbook with a first page of notes and the sheet."""
    workbook = Workbook()
    workbook.worksheets[0].title = "Hinweise"
    page = workbook.create_sheet(table)
    page.append(list(columns))
    for row in rows:
        page.append(list(row))
    workbook.save(path)


async def value_of(source: Source, field: FieldName, ref: str = "1") -> str | int | bool | None:
    """Fetch one field and give its only value, None where it has none."""
    (found,) = await source.fetch(LocalRef(ref), frozenset({field}))
    return found.values[0].value if found.values else None


def values_of(record: Sequence[FieldValues]) -> dict[str, list[str | int | bool]]:
    """Give a record's bare values by field."""
    return {found.field: [value.value for value in found.values] for found in record}
