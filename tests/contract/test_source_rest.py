"""A web service as a source keeps the contract, asks for no more than was granted and never takes a wrong shape."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi.responses import JSONResponse

from adapters.sources.mapping import parse
from adapters.sources.port import LocalRef, Search, Source
from adapters.sources.rest import MAX_ANSWER_BYTES, RestSource
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.record import PersonBlock
from tests.contract.test_sources import SourceContract
from tests.support.agency_service import ADDRESS, ServiceAgency
from tests.support.agency_tables import COLUMNS, KNOWN, MAPPING, PHONE, ROW, Agency, value_of

OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")


class TestRest(SourceContract):
    """A web service keeps the contract."""

    @pytest.fixture
    async def agency(self, tmp_path: Path) -> AsyncIterator[Agency]:
        """Give an agency with a service."""
        made = ServiceAgency(tmp_path)
        yield made
        await made.close()


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[ServiceAgency]:
    """Give an agency with a service and one row."""
    made = ServiceAgency(tmp_path)
    made.write(ROW)
    yield made
    await made.close()


def changed(agency: ServiceAgency, *changes: tuple[str, str]) -> Source:
    """Open a source whose mapping differs in some places."""
    text = agency.text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return agency.open(parse(text, "mapping.toml", KNOWN))


async def test_only_granted_members_are_asked_for(agency: ServiceAgency) -> None:
    """The service is told the members of the granted field, its provenance and the key, and no others."""
    await agency.open().fetch(LocalRef("1"), frozenset({PHONE}))
    assert agency.service.asked == [("/clients/1", {"fields": "Nr,Telefon,Stand,Bestritten"})]


async def test_looking_for_a_person_asks_for_names_only(agency: ServiceAgency) -> None:
    """Each name is one question; birth date and given names stay here."""
    await agency.open().candidates(OLENA.model_copy(update={"other_names": ("Rudska",)}))
    assert [asked["name"] for _, asked in agency.service.asked] == ["Havchenko", "Rudska"]
    members = "Nr,Akte,Name,Vorname,Geburt,Geschlecht,Land,Geburtsname,Sperre,Betreuung,Team"
    assert all(asked == {"name": asked["name"], "fields": members} for _, asked in agency.service.asked)


async def test_a_service_that_cannot_select_is_asked_without(agency: ServiceAgency) -> None:
    """Without a parameter for it the answer holds more than was asked; only the granted field is read."""
    source = changed(agency, ('select = "fields"\n', ""))
    (phone,) = await source.fetch(LocalRef("1"), frozenset({PHONE}))
    assert phone.values[0].value == "0171 1234567"
    assert agency.service.asked == [("/clients/1", {})]


async def test_pointers_reach_into_the_answer(agency: ServiceAgency) -> None:
    """Members of members and of lists are columns like any others (RFC 6901)."""
    agency.service.instead = JSONResponse(
        {**ROW, "Telefon": {"a/b": ["0170", "0171"]}, "Stand": None, "Bestritten": None}
    )
    source = changed(agency, ('column = "Telefon"', 'column = "/Telefon/a~1b/1"'))
    assert await value_of(source, PHONE) == "0171"
    assert agency.service.asked[-1][1]["fields"] == "Nr,Telefon,Stand,Bestritten"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({**ROW, "Telefon": ["0171"]}, "more than one value stands at Telefon"),
        ({**ROW, "Telefon": {"x": 1}}, "more than one value stands at Telefon"),
        ({"Nr": 1}, "nothing stands at Telefon"),
        ({}, "nothing stands at Nr"),
        ([], "nothing stands at Nr"),
        ("Havchenko", "nothing stands at Nr"),
        (None, "is no JSON, or nothing"),
        ({**ROW, "Nr": 2, "Stand": None, "Bestritten": None}, "another key than the one asked for"),
    ],
)
async def test_a_wrong_shape_is_named_by_its_pointer(agency: ServiceAgency, answer: object, said: str) -> None:
    """A member that lacks is no blank, and another person's row is no answer; nothing of it is repeated."""
    agency.service.instead = JSONResponse(answer)
    with pytest.raises(Malformed, match=said) as refused:
        await agency.open().fetch(LocalRef("1"), frozenset({PHONE}))
    assert "Havchenko" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "nothing stands at /items"),
        ({"items": {}}, "no list stands at /items"),
        ({"items": ["Havchenko"]}, "nothing stands at Nr"),
        ({"items": [], "next": "/clients?page=2"}, "the service cuts its list"),
    ],
)
async def test_a_wrong_list_is_named(agency: ServiceAgency, answer: object, said: str) -> None:
    """A list that is not there, or is cut, finds nobody: a rival could stand behind the cut."""
    agency.service.instead = JSONResponse(answer)
    for call in (agency.open().candidates(OLENA), agency.open().search(Search(family_name="x")), agency.open().check()):
        with pytest.raises(Malformed, match=said):
            await call


async def test_a_list_may_be_the_answer_itself(agency: ServiceAgency) -> None:
    """Without `rows` the answer is the list."""
    agency.service.instead = JSONResponse([{**dict.fromkeys(COLUMNS), **ROW}])
    source = changed(agency, ('rows = "/items"\n', ""), ('more = "/next"\n', ""))
    assert [found.ref for found in await source.candidates(OLENA)] == ["1"]
    agency.service.instead = JSONResponse({})
    with pytest.raises(Malformed, match="no list stands at the top"):
        await source.check()


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (500, Unavailable, "cannot answer now (500)"),
        (503, Unavailable, "cannot answer now (503)"),
        (429, Unavailable, "cannot answer now (429)"),
        (401, Malformed, "refuses the token (401); mend the file named by secret_file"),
        (403, Malformed, "refuses the token (403)"),
        (302, Malformed, "answers 302; mend rest in mapping.toml"),
        (400, Malformed, "answers 400; mend rest in mapping.toml"),
    ],
)
async def test_each_status_has_its_meaning(
    agency: ServiceAgency, status: int, kind: type[Exception], said: str
) -> None:
    """Faults of the service pass, refusals and wrong paths have to be mended; redirects are not followed."""
    agency.service.instead = JSONResponse({"detail": "Havchenko"}, status, headers={"location": "/clients/2"})
    for call in (agency.open().lookup(LocalRef("1")), agency.open().candidates(OLENA)):
        with pytest.raises(kind, match=re.escape(said)) as refused:
            await call
        assert "Havchenko" not in str(refused.value)


async def test_a_wrong_path_is_not_an_empty_list(agency: ServiceAgency) -> None:
    """404 for the list means a mistake in the mapping, 404 for a row that it is gone."""
    agency.service.instead = JSONResponse({}, 404)
    with pytest.raises(Malformed, match=r"mend rest\.find in mapping.toml"):
        await agency.open().check()
    with pytest.raises(Unavailable, match="no longer there"):
        await agency.open().lookup(LocalRef("1"))


async def test_a_changed_token_needs_no_restart(agency: ServiceAgency) -> None:
    """The file is read for each request; a token that others may read is not used."""
    source = agency.open()
    right = agency.secret.read_text()
    agency.secret.write_text("old")
    with pytest.raises(Malformed, match="refuses the token"):
        await source.check()
    agency.secret.write_text(right)
    await source.check()
    agency.secret.chmod(0o640)
    with pytest.raises(Malformed, match=r"akten\.token: others may read the secret"):
        await source.check()


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"\xff", b"x" * 9000])
async def test_a_token_out_of_form_is_refused(agency: ServiceAgency, content: bytes) -> None:
    """A token is one line of text."""
    agency.secret.write_bytes(content)
    with pytest.raises(Malformed, match=r"akten\.token: the secret is one line"):
        await agency.open().check()


async def test_a_token_that_is_gone_is_unavailable(agency: ServiceAgency) -> None:
    """Without its file nothing is asked."""
    agency.secret.unlink()
    with pytest.raises(Unavailable, match=r"akten\.token: the secret cannot be read"):
        await agency.open().check()
    assert agency.service.asked == []


async def test_a_service_may_need_no_token(agency: ServiceAgency) -> None:
    """Without a file no header is sent."""
    source = RestSource(agency.mapping, None, transport=httpx.ASGITransport(agency.service.app))
    with pytest.raises(Malformed, match="refuses the token"):
        await source.check()
    await source.close()


async def test_a_service_that_hangs_is_unavailable(agency: ServiceAgency) -> None:
    """After the time limit the call ends."""
    agency.service.hangs = True
    source = RestSource(
        agency.mapping, agency.secret, timeout_s=0.02, transport=httpx.ASGITransport(agency.service.app)
    )
    with pytest.raises(Unavailable, match=r"no answer within 0\.02 s"):
        await source.lookup(LocalRef("1"))
    await source.close()


class Broken(httpx.AsyncBaseTransport):
    """A network on which nothing is reached."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Fail as a closed port does."""
        message = "Havchenko"
        raise httpx.ConnectError(message, request=request)


async def test_a_service_that_is_not_there_is_unavailable(agency: ServiceAgency) -> None:
    """Nothing listens: try again later."""
    source = RestSource(agency.mapping, agency.secret, transport=Broken())
    with pytest.raises(Unavailable, match=f"{ADDRESS}/clients: the service does not answer \\(ConnectError\\)"):
        await source.candidates(OLENA)
    await source.close()


class Rubbish(httpx.AsyncBaseTransport):
    """A service that answers every question with the same bytes."""

    def __init__(self, content: bytes) -> None:
        """Keep the bytes."""
        self._content = content

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with them."""
        return httpx.Response(200, content=self._content, request=request)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"<html>", "is no JSON"), (b"[NaN]", "is no JSON"), (b" " * (MAX_ANSWER_BYTES + 1), "more than 8388608 bytes")],
    ids=["html", "NaN", "large"],
)
async def test_an_answer_that_is_none_is_refused(agency: ServiceAgency, content: bytes, said: str) -> None:
    """Pages, rubbish and answers without end are no rows."""
    source = RestSource(agency.mapping, agency.secret, transport=Rubbish(content))
    with pytest.raises(Malformed, match=said):
        await source.candidates(OLENA)
    await source.close()


async def test_a_key_cannot_lead_to_another_path(agency: ServiceAgency) -> None:
    """Slashes and question marks of a key are part of it."""
    agency.write({**ROW, "Nr": "1"}, {**ROW, "Nr": "a b"})
    source = agency.open()
    assert await value_of(source, PHONE, "a b") == "0171 1234567"
    for key in ("../clients", "1?fields=Nr", "1#", "%31"):
        with pytest.raises(Unavailable):
            await source.lookup(LocalRef(key))


async def test_a_search_that_the_service_cannot_do_is_refused(agency: ServiceAgency) -> None:
    """What the service knows no parameter for is compared here, but not alone: it would have to list everybody."""
    by = 'find_by = { family_name = "name", given_names = "given", birth_date = "born", file_number = "file" }'
    source = changed(agency, (by, 'find_by = { family_name = "name" }'))
    assert await source.search(Search(family_name="Hav", file_number="K-2")) == ()
    assert len(await source.search(Search(family_name="Hav", file_number="K-1/26"))) == 1
    with pytest.raises(Misuse, match="give a family name"):
        await source.search(Search(file_number="K-1/26"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (ADDRESS, "http://akten.musterstadt.example", "location: the address of a service begins with https://"),
        (ADDRESS, "https://user:word@akten.musterstadt.example", "location: a password stands in a file of its own"),
        ("/clients/{ref}", "/clients", "rest.one: Value error, the place of the key is {ref}, once"),
        ('find_by = { family_name = "name", ', "find_by = { ", "rest.find_by.family_name: Field required"),
        ('kind = "rest"', 'kind = "csv"', "rest: a web service needs it, nothing else has it"),
    ],
)
def test_a_mistake_in_the_mapping_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The address is https but on this machine, paths and parameters are whole."""
    text = ServiceAgency(tmp_path).text(MAPPING).replace(old, new)
    with pytest.raises(Malformed, match=re.escape(said)):
        parse(text, "mapping.toml", KNOWN)


def test_a_service_needs_its_part_of_the_mapping(tmp_path: Path) -> None:
    """Without paths there is nothing to ask."""
    mapping = ServiceAgency(tmp_path).mapping.model_copy(update={"rest": None})
    with pytest.raises(Misuse, match="rest: a web service needs it"):
        RestSource(mapping, None)
