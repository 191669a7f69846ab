"""A small web service of an agency, built with FastAPI, and the agency that runs it, for the contract of sources."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from adapters.sources.mapping import SourceMapping
from adapters.sources.port import Source
from adapters.sources.rest import RestSource
from adapters.sources.text import normal_name
from tests.support.agency_tables import COLUMNS, MAPPING, TABLE, Agency, Cell, Row

ADDRESS: Final = "https://akten.musterstadt.example"
TOKEN: Final = "token-of-the-tests"  # noqa: S105  # of a service that lives as long as a test
_MORE: Final = """
[rest]
find = "/clients"
find_by = { family_name = "name", given_names = "given", birth_date = "born", file_number = "file" }
rows = "/items"
more = "/next"
one = "/clients/{ref}"
select = "fields"
"""


class AgencyService:
    """The service: rows, what it was asked, and what it answers instead while a test says so."""

    def __init__(self) -> None:
        """Begin without rows."""
        self.rows: list[dict[str, Cell]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.instead: JSONResponse | None = None
        self.hangs = False
        self.app = FastAPI()
        self.app.add_api_route("/clients", self.find)
        self.app.add_api_route("/clients/{key}", self.one)

    async def find(self, request: Request) -> JSONResponse:
        """Give the rows whose name begins so, whatever its case."""
        return await self._answered(request) or JSONResponse(
            {"items": [_selected(row, request) for row in self.rows if _fits(row, request.query_params)]}
        )

    async def one(self, key: str, request: Request) -> JSONResponse:
        """Give one row."""
        found = [row for row in self.rows if str(row.get("Nr")) == key]
        answer = JSONResponse(_selected(found[0], request)) if found else JSONResponse({}, 404)
        return await self._answered(request) or answer

    async def _answered(self, request: Request) -> JSONResponse | None:
        self.asked.append((request.url.path, dict(request.query_params)))
        if self.hangs:
            await asyncio.Event().wait()
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({}, 401)
        return self.instead


def _fits(row: Row, asked: Mapping[str, str]) -> bool:
    names = [normal_name(str(row.get(column) or "")) for column in ("Name", "Geburtsname")]
    name = asked.get("name")
    return name is None or any(one.startswith(normal_name(name)) for one in names)


def _selected(row: Row, request: Request) -> dict[str, str | int | float | bool | None]:
    wanted = request.query_params.get("fields")
    members = wanted.split(",") if wanted else row
    return {name: _json(row[name]) for name in members if name in row}


def _json(cell: Cell) -> str | int | float | bool | None:
    return cell.isoformat() if isinstance(cell, date) else cell


class ServiceAgency(Agency):
    """An agency whose rows are behind a web service in this process."""

    name = ADDRESS

    def __init__(self, folder: Path) -> None:
        """Begin without rows; the token stands in a file in `folder`."""
        super().__init__()
        self.service = AgencyService()
        self.secret = folder / "akten.token"
        self.secret.write_text(f"{TOKEN}\n")
        self.secret.chmod(0o600)

    def text(self, template: str = MAPPING) -> str:
        """Name the service, its paths and the file of the token."""
        return template.format(kind="rest", location=ADDRESS, more=f'secret_file = "{self.secret.name}"') + _MORE

    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Let the service answer with these rows."""
        del table
        self.service.rows = [{column: row.get(column) for column in columns} for row in rows]

    def make(self, mapping: SourceMapping) -> Source:
        """Open it on a transport that calls the service directly."""
        return RestSource(mapping, self.secret, transport=httpx.ASGITransport(self.service.app))
