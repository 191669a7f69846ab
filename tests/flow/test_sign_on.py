"""The way to the agency's sign-on and back, with the demo's own issuer: one way in, and a page for all that is none."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.node.desk import Desk
from adapters.node.metrics import Reports
from adapters.node.portal.building import portal
from adapters.node.portal.front import Colleague
from adapters.node.tokens import Tokens, new_key, read_public
from adapters.web import sign_on
from adapters.web.sessions import COOKIE, Sessions
from adapters.web.sign_on import Registered, SignOn
from handschlag.demo.issuer import CODE_LIFE_MS, Client, Issuer, Issuing, Person
from schemas.ids import AgencyId
from tests.support.pens import ManualClock
from tests.support.portal_visit import LOGIN

pytestmark = pytest.mark.slow  # each case makes all pages anew

STAFF = (
    Person(sub="demo.adviser", name="Ayla Berger", role="adviser"),
    Person(sub="demo.dpo", name="Dr. Hanno Feld", role="dpo"),
)
KNOWN = "made-up"
BACK = "/login/back"


@dataclass
class Street:
    """An agency's pages and the sign-on they trust; `odd` answers in the sign-on's place, by path."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(1_800_000_000_000))
    odd: dict[str, Response] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open both."""
        client = Client(title="Jobcenter", secret=KNOWN, address=LOGIN.address, staff=STAFF)
        self.issuer = Issuer(Issuing(port=8443, clients={LOGIN.client: client}), self.clock)
        self._issuing = self.issuer.app()
        way = httpx2.ASGITransport(self._answer)
        registered = Registered(self.issuer.name, LOGIN.client, KNOWN, LOGIN.address)
        ours = SignOn(registered, self.clock, secrets.token_bytes, way)
        sessions: Sessions[Colleague] = Sessions(self.clock, secrets.token_bytes)
        desk = Desk(Tokens(AgencyId("amt"), read_public(new_key()[1]), self.clock), Reports(lambda *_: None))
        self.pages: ASGIApp = portal(desk, ours, sessions, LOGIN.model_copy(update={"issuer": self.issuer.name}))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.odd.get(str(scope["path"]), self._issuing)(scope, receive, send)

    def browser(self) -> httpx.AsyncClient:
        """Open a browser at the agency's pages."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.pages), base_url=LOGIN.address)

    async def chosen(self, browser: httpx.AsyncClient, person: int = 0, **changed: str) -> dict[str, str]:
        """Begin a way, choose a person at the sign-on, and give what comes back; `changed` is asked of it instead."""
        return await self.back({**await self.begun(browser), **changed}, person)

    async def begun(self, browser: httpx.AsyncClient) -> dict[str, str]:
        """Begin a way, and give what is asked of the sign-on."""
        return _query(await browser.get("/login/go"))

    async def back(self, asked: Mapping[str, str], person: int = 0) -> dict[str, str]:
        """Choose a person at the sign-on, and give what comes back."""
        way = httpx.ASGITransport(self._issuing)
        async with httpx.AsyncClient(transport=way, base_url=self.issuer.name) as at_sign_on:
            answer = await at_sign_on.post("/authorize", data={**asked, "person": str(person)})
        assert answer.headers["location"].startswith(LOGIN.address + BACK)
        return _query(answer)


def _query(answer: httpx.Response) -> dict[str, str]:
    """Give what the address says that an answer leads to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def cookie_of(answer: httpx.Response, name: str) -> Mapping[str, object]:
    """Give the attributes of a cookie an answer sets."""
    jar = SimpleCookie(answer.headers["set-cookie"])
    assert list(jar) == [name]
    return {key: value for key, value in jar[name].items() if value}


async def test_one_way_leads_in() -> None:
    """There and back with the code, the pages open; both cookies are bound to this host, TLS and no script."""
    street = Street()
    async with street.browser() as browser:
        bound = {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
        gone = await browser.get("/login/go")
        assert cookie_of(gone, sign_on.COOKIE) == {**bound, "max-age": str(sign_on.WAY_MS // 1000)}
        answer = await browser.get(BACK, params=await street.chosen(browser))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert cookie_of(answer, COOKIE) == bound
        assert COOKIE.startswith("__Host-")
        assert sign_on.COOKIE.startswith("__Host-")
        assert "Ayla Berger" in (await browser.get("/")).text


async def refused(browser: httpx.AsyncClient, said: Mapping[str, str]) -> None:
    """See that a way back leads to a page that says so, and to no session."""
    answer = await browser.get(BACK, params=said)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert "Die Anmeldung hat nicht geklappt" in answer.text or "The login did not work" in answer.text
    assert (await browser.get("/")).headers["location"] == "/login"


@pytest.mark.parametrize(
    "bent",
    [
        lambda said: {**said, "state": "0" * 30},
        lambda said: {"code": said["code"]},
        lambda said: {"state": said["state"]},
        lambda said: {**said, "code": "0" * 43},
        lambda said: {"error": "access_denied", "state": said["state"]},
        lambda _: {},
        lambda _: {"code": "\x00ü", "state": "\ud7ff"},
    ],
    ids=["state", "no state", "no code", "code", "denied", "nothing", "garbage"],
)
async def test_a_bent_way_back_is_none(bent: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Another state, another code, none, or the sign-on's no: the login page says it did not work."""
    street = Street()
    async with street.browser() as browser:
        await refused(browser, bent(await street.chosen(browser)))


async def test_a_nonce_of_another_login_is_none() -> None:
    """An ID token that was made for another way is no login, though the code and the verifier fit."""
    street = Street()
    async with street.browser() as browser:
        await refused(browser, await street.chosen(browser, nonce="0" * 64))


async def test_a_code_lasts_a_minute() -> None:
    """A code that has run out leads nowhere."""
    street = Street()
    async with street.browser() as browser:
        said = await street.chosen(browser)
        street.clock.ms += CODE_LIFE_MS + 1
        await refused(browser, said)


async def test_a_way_lasts_ten_minutes() -> None:
    """Who stayed at the sign-on for too long begins anew, however fresh the code is."""
    street = Street()
    async with street.browser() as browser:
        asked = await street.begun(browser)
        street.clock.ms += sign_on.WAY_MS + 1
        await refused(browser, await street.back(asked))


async def test_a_way_is_gone_once() -> None:
    """After a login its way leads in no second time, with another fresh code of the same way either."""
    street = Street()
    async with street.browser() as browser:
        asked = await street.begun(browser)
        first, second = await street.back(asked), await street.back(asked)
        assert (await browser.get(BACK, params=first)).status_code == 303
        browser.cookies.delete(COOKIE)
        for said in (first, second):
            await refused(browser, said)


async def test_a_code_of_somebody_elses_way_logs_nobody_in() -> None:
    """Who is made to follow a link with another's code is not logged in as them (state, and PKCE behind it)."""
    street = Street()
    async with street.browser() as victim, street.browser() as attacker:
        own, planted = await street.chosen(victim), await street.chosen(attacker, person=1)
        await refused(victim, planted)
        own = await street.chosen(victim)
        await refused(victim, {**own, "code": planted["code"]})


ODD: dict[str, Callable[[], tuple[str, Response]]] = {
    "token is down": lambda: ("/token", PlainTextResponse("down", 503)),
    "token is a page": lambda: ("/token", PlainTextResponse("<html>")),
    "token is a list": lambda: ("/token", JSONResponse([])),
    "token is nothing": lambda: ("/token", JSONResponse(None)),
    "no ID token": lambda: ("/token", JSONResponse({"access_token": "a", "token_type": "Bearer"})),
    "ID token is a number": lambda: ("/token", JSONResponse({"access_token": "a", "id_token": 5})),
    "ID token is garbage": lambda: ("/token", JSONResponse({"access_token": "a", "id_token": "a.b.c"})),
    "keys are down": lambda: ("/keys", PlainTextResponse("down", 503)),
    "keys are a page": lambda: ("/keys", PlainTextResponse("<html>")),
    "keys are a list": lambda: ("/keys", JSONResponse([])),
    "keys are none": lambda: ("/keys", JSONResponse({"keys": "none"})),
    "keys are odd": lambda: ("/keys", JSONResponse({"keys": [{"kty": "EC", "crv": 5}]})),
    "keys are others": lambda: ("/keys", JSONResponse({"keys": []})),
}
"""What a sign-on that is broken answers, and where."""


@pytest.mark.parametrize("how", ODD)
async def test_a_broken_sign_on_is_a_page(how: str) -> None:
    """Whatever the sign-on says, the colleague reads a sentence, and nobody is logged in."""
    path, answer = ODD[how]()
    street = Street(odd={path: answer})
    async with street.browser() as browser:
        back = await browser.get(BACK, params=await street.chosen(browser))
        assert (back.status_code in {403, 503}, "set-cookie" in back.headers) == (True, False)
        assert "<h1" in back.text
        street.odd.clear()
        assert (await browser.get(BACK, params=await street.chosen(browser))).status_code == 303


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("down", 503),
        PlainTextResponse("<html>"),
        JSONResponse([]),
        JSONResponse({"issuer": "https://somebody.example"}),
        JSONResponse({"issuer": "http://localhost:8443"}),
    ],
    ids=["down", "a page", "a list", "somebody else", "no ends"],
)
async def test_a_sign_on_that_does_not_say_where_it_is_is_a_page(answer: Response) -> None:
    """Without its configuration nobody is sent anywhere; once it is there, the way is open."""
    street = Street(odd={"/.well-known/openid-configuration": answer})
    async with street.browser() as browser:
        gone = await browser.get("/login/go")
        assert (gone.status_code, "<h1" in gone.text) == (503, True)
        street.odd.clear()
        assert (await browser.get("/login/go")).status_code == 303


async def test_however_many_set_out_the_next_one_gets_in() -> None:
    """Whoever goes to the sign-on and never comes back takes nobody's place."""
    street = Street()
    async with street.browser() as strangers, street.browser() as browser:
        for _ in range(1001):
            assert (await strangers.get("/login/go")).status_code == 303
        answer = await browser.get(BACK, params=await street.chosen(browser))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_way_is_read_by_the_process_that_began_it_alone() -> None:
    """A cookie of another process, a changed one and one that is none begin no session; the right one does."""
    street, other = Street(), Street()
    async with street.browser() as browser, other.browser() as elsewhere:
        said = await street.chosen(browser)
        right = browser.cookies[sign_on.COOKIE]
        await elsewhere.get("/login/go")
        for wrong in (elsewhere.cookies[sign_on.COOKIE], f"A{right[1:]}", right[:-4], "ü"):
            async with street.browser() as stranger:
                cookie = f"{sign_on.COOKIE}={wrong}".encode("latin-1")
                answer = await stranger.get(BACK, params=said, headers=[(b"cookie", cookie)])
                assert answer.status_code == 403
        assert (await browser.get(BACK, params=said)).status_code == 303
