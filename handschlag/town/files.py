"""Writes what the agencies' own programs would hold: SQLite databases, an XLSX workbook, a CSV file, a TOML list."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from openpyxl import Workbook
from sqlite_utils import Database

Cell = str | int | date | None
Columns = Mapping[str, str]
"""Column names with their SQLite declarations."""


class Table(NamedTuple):
    """A table of a database: its columns, its rows, and the columns that get an index."""

    columns: Columns
    rows: Iterable[Sequence[Cell]]
    indexed: tuple[str, ...] = ()


def write_tables(path: Path, tables: Mapping[str, Table]) -> None:
    """Write a new SQLite database; an old one of that name is replaced."""
    path.unlink(missing_ok=True)
    database = Database(path)
    try:
        with database.conn:
            for name, table in tables.items():
                declared = ", ".join(f'"{column}" {kind}' for column, kind in table.columns.items())
                database.execute(f'CREATE TABLE "{name}" ({declared})')
                database.table(name).insert_all(dict(zip(table.columns, row, strict=True)) for row in table.rows)
                for column in table.indexed:
                    database.table(name).create_index([column])
    finally:
        database.close()


def write_workbook(path: Path, sheet: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a workbook with one sheet: a row of headings, then the rows; dates as dates."""
    workbook = Workbook(write_only=True)
    page = workbook.create_sheet(sheet)
    page.append(list(headings))
    for row in rows:
        page.append(list(row))
    workbook.save(path)
    workbook.close()


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV file as a spreadsheet program would: semicolons, UTF-8 with its mark."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows([headings, *rows])


def write_toml(
    path: Path, head: Mapping[str, str | int], tables: Sequence[tuple[str, Mapping[str, str | int]]]
) -> None:
    """Write a TOML file: first plain values, then tables of an array each under its name."""
    lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
    for name, table in tables:
        lines += ["", f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
