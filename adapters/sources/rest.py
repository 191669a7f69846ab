"""A web service of an agency as a source: JSON over HTTPS, asked with a bearer token, read by JSON pointers (RFC 6901).

The service narrows, this side decides: what it finds is compared again, a row it answers with must carry the key that
was asked for. Where it can select members, no other than the granted ones are asked for. A list that the service says
is cut is refused, because a rival of the person could stand behind the cut.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import httpx
import orjson

from adapters.sources.cells import Row, Unreadable, read_row, readings
from adapters.sources.mapping import Service, SourceMapping, field_columns, person_columns, rules_of
from adapters.sources.persons import RowReader, demand_query, fits, may_be
from adapters.sources.port import MAX_CANDIDATES, Candidate, LocalRef, Search
from adapters.sources.rest_parts import MAX_PARTS, Part, following
from adapters.sources.secret_file import read_secret
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.ids import FieldName
from schemas.record import FieldValues, PersonBlock

TIMEOUT_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
_NOBODY: Final = "Handschlag-Probe"
_REFUSED: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_NOT_NOW: Final = frozenset({408, 425, 429})
_OK: Final = 200
_SERVER_FAULT: Final = 500


class _Answer(NamedTuple):
    """What stands in an answer, None for 404, and its Link header."""

    content: object
    link: str = ""


class RestSource:
    """A service that finds persons and gives one of them. Keeps the contract of `adapters.sources.port.Source`."""

    by_hand: Final = False

    def __init__(
        self,
        mapping: SourceMapping,
        secret: Path | None,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare for the service; nothing is asked before the first call.

        `secret` is the file of its bearer token, read for each request, so it may be changed. `timeout_s` bounds each
        call as a whole, `transport` is for tests.
        """
        if mapping.rest is None:
            message = f"{mapping.file}: rest: a web service needs it"
            raise Misuse(message)
        self._mapping = mapping
        self._service: Service = mapping.rest
        self._secret = secret
        self._timeout_s = timeout_s
        self._persons = person_columns(mapping)
        self._reader = RowReader(mapping, self._persons)
        self._client = httpx.AsyncClient(base_url=mapping.location, timeout=timeout_s, transport=transport)

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields of the mapping."""
        return frozenset(self._mapping.fields)

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Ask for each name of the person, then compare names and birth dates here."""
        if person.birth_date is None:
            return ()
        found: dict[LocalRef, Candidate] = {}
        async with self._in_time():
            for name in dict.fromkeys((person.family_name, *person.other_names)):
                found |= {one.ref: one for one in await self._found({self._service.find_by.family_name: name})}
        return _first(one for one in found.values() if may_be(person, one))

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Ask with what the service understands, then compare all that was typed here."""
        demand_query(query)
        by = self._service.find_by
        pairs = (
            (by.family_name, query.family_name),
            (by.given_names, query.given_names),
            (by.birth_date, query.birth_date),
            (by.file_number, query.file_number),
        )
        parameters = {name: typed for name, typed in pairs if name is not None and typed}
        if not parameters:
            message = "search: this service does not find persons by that; give a family name"
            raise Misuse(message)
        async with self._in_time():
            return _first(one for one in await self._found(parameters) if fits(query, one))

    async def persons(self, after: object | None) -> None:
        """Give nothing: a service is asked for one name at a time."""
        del after

    async def state(self) -> None:
        """Give nothing."""

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Ask for one person, with the members that tell persons apart."""
        async with self._in_time():
            row = await self._one(ref, self._persons)
        candidate = self._reader.candidate(row)
        if candidate is None:
            message = f"{self._mapping.location}{self._service.one}: the row has no usable name"
            raise Malformed(message)
        return candidate

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Ask for one person, with the members of the granted fields and their provenance only."""
        if not fields <= self.catalogue:
            message = f"{self._mapping.file}: it maps no {', '.join(sorted(fields - self.catalogue))}"
            raise Misuse(message)
        columns = tuple(dict.fromkeys((self._mapping.key, *field_columns(self._mapping, None, fields))))
        async with self._in_time():
            row = await self._one(ref, columns)
        try:
            found = sorted(read_row(readings(rules_of(self._mapping, None, fields), columns), row))
        except Unreadable as unreadable:
            message = f"{self._mapping.location}{self._service.one}, {unreadable}"
            raise Malformed(message) from None
        return tuple(FieldValues(field=name, values=() if value is None else (value,)) for name, value in found)

    async def check(self) -> None:
        """Ask for a name that nobody has: address, token and the shape of the list; members show only in rows."""
        async with self._in_time():
            await self._found({self._service.find_by.family_name: _NOBODY})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Bound one call as a whole, however many requests it takes."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError:
            message = f"{self._mapping.location}: no answer within {self._timeout_s:g} s"
            raise Unavailable(message) from None

    async def _found(self, parameters: Mapping[str, str]) -> list[Candidate]:
        place = f"{self._mapping.location}{self._service.find}"
        rows: list[object] = []
        asked = self._selected(self._persons) | dict(parameters)
        for number in range(1, MAX_PARTS + 1):
            answer = await self._get(self._service.find, asked)
            now = self._rows(answer, place)
            rows += now
            after = self._following(number, asked, Part(len(rows), len(now), None, answer.link), answer)
            if after is None:
                found = (self._reader.candidate(_cells(row, self._persons, place)) for row in rows)
                return [one for one in found if one is not None]
            asked = after
        message = f"{place}: the list has more than {MAX_PARTS} parts; let it find fewer rows, or larger parts"
        raise Malformed(message)

    def _rows(self, answer: _Answer, place: str) -> list[object]:
        """Give the rows of one answer; a list that is cut, and cannot be gone on with, is refused."""
        if answer.content is None:
            message = f"{place}: the service does not know this path (404); mend rest.find in {self._mapping.file}"
            raise Malformed(message)
        if self._service.more is not None and _at(answer.content, self._service.more, place, may_lack=True):
            message = f"{place}: the service cuts its list; let it find fewer rows or give all of them"
            raise Malformed(message)
        rows = _at(answer.content, self._service.rows, place)
        if not isinstance(rows, list):
            message = f"{place}: no list stands at {self._service.rows or 'the top'}"
            raise Malformed(message)
        return rows

    def _following(self, number: int, asked: dict[str, str], came: Part, answer: _Answer) -> dict[str, str] | None:
        parts, place = self._service.parts, f"{self._mapping.location}{self._service.find}"
        if parts is None:
            return None
        if parts.cursor is not None:
            came = came._replace(cursor=_at(answer.content, parts.cursor, place, may_lack=True))
        return following(parts, number, asked, came)

    async def _one(self, ref: LocalRef, columns: Sequence[str]) -> Row:
        """Ask for the row of a key; an answer with another key is nobody's record."""
        place = f"{self._mapping.location}{self._service.one}"
        found = await self._get(self._service.one.replace("{ref}", quote(ref, safe="")), self._selected(columns))
        answer = found.content
        if answer is None:
            message = f"{place}: the row is no longer there"
            raise Unavailable(message)
        row = _cells(answer, columns, place)
        if RowReader(self._mapping, columns).key(row) != ref:
            message = f"{place}: the service answers with another key than the one asked for"
            raise Malformed(message)
        return row

    def _selected(self, columns: Sequence[str]) -> dict[str, str]:
        """Name the members wanted, as far as the service can select: the first step of each pointer."""
        if self._service.select is None:
            return {}
        return {self._service.select: ",".join(dict.fromkeys(_steps(column)[0] for column in columns))}

    async def _get(self, path: str, parameters: Mapping[str, str]) -> _Answer:
        """Ask, and give what stands in the answer, nothing for 404; no word of it is repeated in a message."""
        place = f"{self._mapping.location}{path if path == self._service.find else self._service.one}"
        if self._client.is_closed:
            message = f"{self._mapping.location}: the source is closed"
            raise Unavailable(message)
        headers = {"accept": "application/json"}
        if self._secret is not None:
            headers["authorization"] = f"Bearer {await asyncio.to_thread(read_secret, self._secret)}"
        try:
            async with self._client.stream("GET", path, params=parameters, headers=headers) as response:
                raw = await _body(response, place)
        except httpx.HTTPError as error:
            message = f"{place}: the service does not answer ({type(error).__name__})"
            raise Unavailable(message) from None
        status = response.status_code
        if status == _NOT_FOUND:
            return _Answer(None)
        if status in _REFUSED:
            message = f"{place}: the service refuses the token ({status}); mend the file named by secret_file"
            raise Malformed(message)
        if status >= _SERVER_FAULT or status in _NOT_NOW:
            message = f"{place}: the service cannot answer now ({status})"
            raise Unavailable(message)
        if status != _OK:
            message = f"{place}: the service answers {status}; mend rest in {self._mapping.file}"
            raise Malformed(message)
        try:
            answer: object = orjson.loads(raw)
        except orjson.JSONDecodeError:
            answer = None
        if answer is None:
            message = f"{place}: the answer is no JSON, or nothing"
            raise Malformed(message)
        return _Answer(answer, response.headers.get("link", ""))


async def _body(response: httpx.Response, place: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            message = f"{place}: the answer has more than {MAX_ANSWER_BYTES} bytes"
            raise Malformed(message)
        parts.append(part)
    return b"".join(parts)


def _first(found: Iterator[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(found, key=lambda one: one.ref))[:MAX_CANDIDATES]


def _steps(column: str) -> list[str]:
    """Give the steps of a JSON pointer; a bare name is that of a member."""
    if not column.startswith("/"):
        return [column]
    return [step.replace("~1", "/").replace("~0", "~") for step in column[1:].split("/")]


def _at(document: object, pointer: str, place: str, *, may_lack: bool = False) -> object:
    """Give what stands at a pointer; a member that is not there is an error, never a blank."""
    for step in _steps(pointer) if pointer else ():
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isascii() and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif may_lack:
            return None
        else:
            message = f"{place}: nothing stands at {pointer}"
            raise Malformed(message)
    return document


def _cells(row: object, columns: Sequence[str], place: str) -> Row:
    """Read the members of a row as cells; dates come as text."""
    cells = []
    for column in columns:
        cell = _at(row, column, place)
        if isinstance(cell, dict | list):
            message = f"{place}: more than one value stands at {column}"
            raise Malformed(message)
        cells.append(cell)
    return tuple(cells)
