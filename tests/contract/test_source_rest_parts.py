"""A web service that gives its list in parts: all of them are read, none twice, and not without end."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from adapters.sources.mapping import parse
from adapters.sources.port import Search
from adapters.sources.rest import RestSource
from adapters.sources.rest_parts import MAX_PARTS
from schemas.errors import Malformed
from tests.support.agency_service import TOKEN, ServiceAgency
from tests.support.agency_tables import COLUMNS, KNOWN, ROW

SIZE = 2
BY = {
    "cursor": 'parts = { by = "cursor", parameter = "after", cursor = "/next" }',
    "offset": 'parts = { by = "offset", parameter = "skip" }',
    "page": 'parts = { by = "page", parameter = "page" }',
    "page from 0": 'parts = { by = "page", parameter = "page", first_page = 0 }',
    "link": 'parts = { by = "link" }',
}


class Service:
    """Gives rows by twos, in whichever way it is asked; `endless` always has more."""

    def __init__(self, rows: int, first_page: int, *, endless: bool = False) -> None:
        """Take how many rows there are."""
        self.rows = [{**dict.fromkeys(COLUMNS), **ROW, "Nr": str(number)} for number in range(rows)]
        self.first_page = first_page
        self.endless = endless
        self.asked: list[dict[str, str]] = []
        self.app = FastAPI()
        self.app.add_api_route("/clients", self.find)

    async def find(self, request: Request) -> JSONResponse:
        """Give one part."""
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        self.asked.append(dict(request.query_params))
        asked = self.asked[-1]
        first = int(asked.get("after") or asked.get("skip") or 0)
        if "page" in asked:
            first = (int(asked["page"]) - self.first_page) * SIZE
        more = self.endless or first + SIZE < len(self.rows)
        part = [{name: str(cell) if cell is not None else None for name, cell in row.items()} for row in self.rows]
        body: dict[str, object] = {"items": part[:SIZE] if self.endless else part[first : first + SIZE]}
        link = f'<https://elsewhere.example/x?after={first + SIZE}>; rel="next"' if more else '</clients>; rel="first"'
        if more:
            body["next"] = first + SIZE
        return JSONResponse(body, headers={"link": link})


def opened(service: Service, by: str, folder: Path) -> RestSource:
    """Open a source over the service, whose mapping says how parts are asked for."""
    agency = ServiceAgency(folder)
    text = agency.text().replace('more = "/next"', BY[by])
    mapping = parse(text, "mapping.toml", KNOWN)
    return RestSource(mapping, agency.secret, transport=httpx.ASGITransport(service.app))


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("rows", [0, 1, 2, 5, 6])
async def test_every_part_is_read_once(tmp_path: Path, by: str, rows: int) -> None:
    """Whichever way a service counts, all rows come, and what was searched for is asked with each part."""
    service = Service(rows, 0 if by == "page from 0" else 1)
    source = opened(service, by, tmp_path)
    found = await source.search(Search(family_name=str(ROW["Name"])))
    assert sorted(one.ref for one in found) == sorted(str(number) for number in range(rows))
    assert {asked["name"] for asked in service.asked} == {ROW["Name"]}
    await source.close()


@pytest.mark.parametrize("by", BY)
async def test_a_list_without_end_is_refused(tmp_path: Path, by: str) -> None:
    """A service that always has more is not asked for ever."""
    service = Service(2, 1, endless=True)
    source = opened(service, by, tmp_path)
    with pytest.raises(Malformed, match=f"more than {MAX_PARTS} parts"):
        await source.search(Search(family_name=str(ROW["Name"])))
    assert len(service.asked) == MAX_PARTS
    await source.close()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ('parts = { by = "offset" }', "parameter: is needed"),
        ('parts = { by = "link", parameter = "x" }', "parameter: is needed"),
        ('parts = { by = "cursor", parameter = "x" }', "cursor: is needed"),
        ('parts = { by = "guess" }', "rest.parts.by"),
    ],
)
def test_a_mapping_says_how_parts_are_asked_for(tmp_path: Path, parts: str, said: str) -> None:
    """What is missing or too much is named."""
    text = ServiceAgency(tmp_path).text().replace('more = "/next"', parts)
    with pytest.raises(Malformed, match=said):
        parse(text, "mapping.toml", KNOWN)
