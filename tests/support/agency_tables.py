"""One small agency for the contract of sources: the same rows as a SQLite table, sheet or CSV file, and their mapping.

All names are invented.
"""

import csv
import sqlite3
from abc import ABC, abstractmethod
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

Kind = Literal["sql", "sheet", "csv"]
Cell = str | int | float | bool | date | None
Row = Mapping[str, Cell]

TABLE: Final = "Kunden"
FILES: Final[Mapping[Kind, str]] = {"sql": "kunden.db", "sheet": "kunden.xlsx", "csv": "kunden.csv"}
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
    "Besprochen",
    "Stand",
    "Team",
)
PHONE: Final = FieldName("contact.phone")
KIND: Final = FieldName("course_participation.course_kind")
HOURS: Final = FieldName("course_participation.hours_used")
BEGAN: Final = FieldName("course_participation.started_on")
ONLINE: Final = FieldName("placement_need.online_ok")
KNOWN: Final = frozenset({PHONE, KIND, HOURS, BEGAN, ONLINE})

MAPPING: Final = """
kind = "{kind}"
location = "{location}"
{more}
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
team = "Team"

[fields]
"contact.phone" = {{ column = "Telefon", verified = "client", origin = "client" }}
"course_participation.course_kind" = {{ column = "Kursart", type = "code", codes = {{ "Allgemein" = "general" }} }}
"course_participation.hours_used" = {{ column = "Stunden", type = "int", discussed = "Besprochen" }}
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
    "Besprochen": "30.01.2026",
    "Stand": "2026-02-01",
}


class Agency(ABC):
    """An agency whose rows are written and replaced as a test needs.

    `name` is how messages name the system, `template` the mapping without what depends on the kind of source.
    """

    name: str

    def __init__(self) -> None:
        """Begin without rows."""
        self._opened: list[Source] = []

    @abstractmethod
    def text(self, template: str = MAPPING) -> str:
        """Give the text of a mapping for this agency."""

    @abstractmethod
    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Put these rows in the place of the old ones, as an export at night does."""

    @property
    def mapping(self) -> SourceMapping:
        """The agency's mapping."""
        return parse(self.text(), "mapping.toml", KNOWN)

    def open(self, mapping: SourceMapping | None = None) -> Source:
        """Open a source; it is closed when the test ends."""
        source = self.make(mapping or self.mapping)
        self._opened.append(source)
        return source

    @abstractmethod
    def make(self, mapping: SourceMapping) -> Source:
        """Make the source of a mapping."""

    async def close(self) -> None:
        """Close what was opened."""
        for source in self._opened:
            await source.close()


class FileAgency(Agency):
    """An agency whose rows are in one file in a folder."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        """Begin without a file."""
        super().__init__()
        self.kind: Kind = kind
        self.name = FILES[kind]
        self.path = folder / self.name

    def text(self, template: str = MAPPING) -> str:
        """Name kind, file and, where the kind has one, the table."""
        more = "" if self.kind == "csv" else f'table = "{TABLE}"'
        return template.format(kind=self.kind, location=self.name, more=more)

    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Put a new file in the place of the old one."""
        fresh = self.path.with_suffix(".new")
        cells = [[row.get(column) for column in columns] for row in rows]
        match self.kind:
            case "sql":
                write_sql(fresh, table, columns, cells)
            case "sheet":
                write_sheet(fresh, table, columns, cells)
            case "csv":
                write_csv(fresh, columns, cells)
        fresh.replace(self.path)

    def make(self, mapping: SourceMapping) -> Source:
        """Open it where a node would."""
        return open_source(mapping, self.path.parent)


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


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a CSV file as a spreadsheet program does: whole numbers without a point, nothing for a blank cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(columns)
        for row in rows:
            whole = [int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in row]
            writer.writerow(["" if cell is None else cell for cell in whole])


async def value_of(source: Source, field: FieldName, ref: str = "1") -> str | int | bool | None:
    """Fetch one field and give its only value, None where it has none."""
    (found,) = await source.fetch(LocalRef(ref), frozenset({field}))
    return found.values[0].value if found.values else None


def values_of(record: Sequence[FieldValues]) -> dict[str, list[str | int | bool]]:
    """Give a record's bare values by field."""
    return {found.field: [value.value for value in found.values] for found in record}
