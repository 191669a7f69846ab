"""Runs the transcript in docs/connect-a-source.md: `python -m tests.support.transcript` writes its outputs anew.

Blocks are done in order: `csv` makes a workbook, `sql` is run by the database's owner, `toml` whose first line names a
file writes it, and of `console` each line that begins with `$` is a command whose output follows.
"""

import csv
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

import psycopg
from openpyxl import Workbook

from tests.support.postgres import OWNER_PASSWORD, Place, postgres

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "connect-a-source.md"
DATABASE: Final = "wohnen"
_BLOCK: Final = re.compile(r"^```(csv|sql|toml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(page: str, folder: Path, place: Place) -> str:
    """Do what a page says in a folder, and give the page with the outputs as they are."""
    _own(place, "postgres", f"DROP DATABASE IF EXISTS {DATABASE}")
    _own(place, "postgres", "DROP ROLE IF EXISTS handschlag")
    _own(place, "postgres", f"CREATE DATABASE {DATABASE}")
    return _BLOCK.sub(lambda block: f"```{block[1]}\n{_done(block[1], block[2], folder, place)}```", page)


def _done(kind: str, text: str, folder: Path, place: Place) -> str:
    """Do what one block says, and give it as it should read."""
    head, _, body = text.partition("\n")
    if kind == "csv":
        name, sheet = head.removeprefix("# ").split(", sheet ")
        book = Workbook()
        book.worksheets[0].title = sheet
        for row in csv.reader(StringIO(body)):
            book.worksheets[0].append([cell or None for cell in row])
        book.save(folder / name)
    elif kind == "sql":
        _own(place, DATABASE, text)
    elif kind == "toml" and head.startswith("# "):
        (folder / head.removeprefix("# ")).write_text(body)
    elif kind == "console":
        return "".join(_typed(text, folder, place))
    return text


def _typed(text: str, folder: Path, place: Place) -> Iterator[str]:
    """Type the commands of a block."""
    commands = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PGHOST": place.host, "PGPORT": str(place.port)}
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        yield f"$ {command}\n{done.stdout.decode()}"


def _own(place: Place, database: str, statements: str) -> None:
    """Do something as the owner of the server."""
    with psycopg.connect(
        host=place.host,
        port=place.port,
        user="owner",
        password=OWNER_PASSWORD,
        dbname=database,
        autocommit=True,
    ) as open_:
        open_.execute(statements.encode())


def main() -> None:
    """Write the page anew with what the commands say now."""
    with postgres() as place, tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(run(PAGE.read_text(encoding="utf-8"), Path(folder), place), encoding="utf-8")


if __name__ == "__main__":
    main()
