"""The node's pages without a browser: who may open what, forged forms, headers, and nothing personal in an address."""

from functools import cache
from http.cookies import SimpleCookie
from typing import get_args

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.node.access import Role, Route
from adapters.node.portal.doors import DOORS, OPEN
from adapters.node.portal.front import Colleague, colleague_of
from adapters.node.tokens import Caller
from adapters.web.headers import FIXED, HSTS
from adapters.web.sessions import COOKIE, FORM_FIELD, IDLE_MS, LONGEST_MS
from adapters.web.sign_on import SignOn
from adapters.web.texts import load
from adapters.web.throttle import PER_MS, TRIES
from schemas.errors import NotAuthentic, Unavailable
from schemas.registry import AgencyKind, BasisKind, CodeList, FieldDef, Inform, Prohibition, PurposeRow
from schemas.registry_diff import HEADINGS
from tests.support.pens import ManualClock
from tests.support.portal_visit import House

pytestmark = pytest.mark.slow  # each case makes all pages anew

FORMS = [route for route in sorted(DOORS) if route.method == "POST"]


@cache
def opened(sign_on: type[SignOn] = SignOn) -> House:
    """Make the pages once for all who only look whether a door opens: no time passes there, and no node runs."""
    return House(ManualClock(1_800_000_000_000), sign_on=sign_on)


def path_of(route: Route) -> str:
    """Fill the ids of a path in."""
    return route.path.replace("{exchange}", "0" * 32).replace("{occasion}", "0" * 32)


CASEWORK = ("/case", "/clients", "/consents", "/notices", "/packages", "/requests")


def test_casework_is_for_those_who_ask_alone() -> None:
    """Whatever shows a client's case, request, package or consent opens for advisers and for nobody else."""
    asking = {Role.ADVISER, Role.SPECIALLY_AUTHORISED}
    found = {route: roles for route, roles in DOORS.items() if route.path.startswith(CASEWORK)}
    assert {route.path.split("/")[1] for route in found} == {path[1:] for path in CASEWORK}
    assert {route: roles for route, roles in found.items() if roles != asking} == {}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("route", sorted(DOORS), ids=" ".join)
async def test_each_page_opens_for_its_roles_alone(route: Route, role: Role) -> None:
    """Every page and every role: who is not named is refused before the page sees anything."""
    house = opened().anew()
    headers, form_secret = house.log_in(role)
    answer = await house.client.request(
        route.method,
        path_of(route),
        headers=headers,
        data={FORM_FIELD: form_secret} if route.method == "POST" else None,
    )
    assert (answer.status_code == 403) == (role not in DOORS[route])


@pytest.mark.parametrize("route", sorted(DOORS), ids=" ".join)
async def test_without_a_login_each_page_leads_to_it(route: Route) -> None:
    """No page shows anything to a stranger, nor to who brings a made-up cookie."""
    house = opened().anew()
    for headers in ({}, {"cookie": f"{COOKIE}={'0' * 64}"}):
        answer = await house.client.request(route.method, path_of(route), headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    "route", [route for route in sorted(DOORS) if route.method == "POST"], ids=lambda one: one.path
)
async def test_a_form_from_elsewhere_is_refused(route: Route) -> None:
    """A form without the session's own secret, or with another session's, changes nothing."""
    house = opened().anew()
    role = min(DOORS[route])
    headers, _ = house.log_in(role)
    _, others = house.log_in(role)
    for sent in ({}, {FORM_FIELD: ""}, {FORM_FIELD: others}):
        assert (await house.client.post(path_of(route), headers=headers, data=sent)).status_code == 403


async def test_a_login_ends_by_itself_and_by_leaving() -> None:
    """After half an hour without use, after a working day, and after logging out, a cookie is worth nothing."""
    clock = ManualClock(1_800_000_000_000)
    house = House(clock)
    for passing in ((IDLE_MS + 1,), (IDLE_MS,) * (LONGEST_MS // IDLE_MS + 1)):
        headers, _ = house.log_in(Role.ADVISER)
        for step in passing:
            assert (await house.client.get("/", headers=headers)).status_code == 200
            clock.ms += step
        assert (await house.client.get("/", headers=headers)).status_code == 303
    headers, form_secret = house.log_in(Role.ADVISER)
    assert (await house.client.post("/logout", headers=headers, data={FORM_FIELD: form_secret})).status_code == 303
    assert (await house.client.get("/", headers=headers)).status_code == 303


class Away(SignOn):
    """A sign-on that does not answer."""

    async def begin(self) -> RedirectResponse:
        """Lead nowhere."""
        message = "login: the sign-on does not answer"
        raise Unavailable(message)

    async def finish(self, request: Request) -> dict[str, object]:
        """Vouch for nobody."""
        del request
        return await self.begin()  # type: ignore[return-value]  # it never returns


@pytest.mark.parametrize("logged_in", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("route", [*sorted({*DOORS, *OPEN}), Route("GET", "/nowhere"), Route("PUT", "/")], ids=" ".join)
async def test_every_answer_carries_the_headers(route: Route, *, logged_in: bool) -> None:
    """Nothing from elsewhere, no frame, no referrer, no copy kept: of every route, to colleagues and to strangers."""
    house = opened(Away).anew()
    headers, form_secret = house.log_in(min(DOORS.get(route, {Role.ADVISER})))
    answer = await house.client.request(
        route.method,
        path_of(route),
        headers=headers if logged_in else {},
        data={FORM_FIELD: form_secret} if route.method == "POST" else None,
    )
    policy = answer.headers["content-security-policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    for name, value in FIXED.items():
        assert answer.headers[name] == value
    assert answer.headers["strict-transport-security"] == HSTS
    assert answer.headers["cache-control"] == "no-store"


async def test_only_assets_are_kept_by_a_browser() -> None:
    """They carry nothing of anybody, under a name that changes with their bytes; a name there is not is not served."""
    house = House(ManualClock(1_800_000_000_000))
    headers, _ = house.log_in(Role.ADVISER)
    page = (await house.client.get("/", headers=headers)).text
    sheet = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await house.client.get(sheet)
    assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await house.client.get(sheet.replace("kern", "nothing"))).status_code == 404


async def test_every_cookie_is_bound() -> None:
    """Session and language: to this host, to TLS, out of reach of scripts, and not sent along by other sites' forms."""
    house = House(ManualClock(1_800_000_000_000))
    headers, form_secret = house.log_in(Role.ADVISER)
    answer = await house.client.post("/language", headers=headers, data={FORM_FIELD: form_secret, "language": "en"})
    response = Response()
    house.sessions.begin(Colleague(Caller("a.b", Role.DPO), "A", None), response)
    for said in (answer.headers["set-cookie"], response.headers["set-cookie"]):
        (cookie,) = SimpleCookie(said).values()
        bound = {name: cookie[name] for name in ("httponly", "secure", "samesite", "path", "domain")}
        assert bound == {"httponly": True, "secure": True, "samesite": "lax", "path": "/", "domain": ""}
    assert COOKIE.startswith("__Host-")


async def test_a_way_back_that_was_not_begun_here_is_no_login() -> None:
    """Codes and states made elsewhere lead nowhere."""
    house = House(ManualClock(1_800_000_000_000))
    answer = await house.client.get("/login/back?code=abc&state=def")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_who_fails_to_log_in_too_often_waits_a_while() -> None:
    """Ten ways back that were none, then a pause of a minute, whatever is brought."""
    clock = ManualClock(1_800_000_000_000)
    house = House(clock)
    for _ in range(TRIES):
        assert (await house.client.get("/login/back?code=abc&state=def")).status_code == 403
    assert (await house.client.get("/login/back?code=abc&state=def")).status_code == 429
    clock.ms += PER_MS
    assert (await house.client.get("/login/back?code=abc&state=def")).status_code == 403


@pytest.mark.parametrize("path", ["/login/go", "/login/back"])
async def test_a_sign_on_that_does_not_answer_is_told_in_a_sentence(path: str) -> None:
    """Nobody is logged in, nobody is counted as guessing, and the page is none of a defect."""
    house = House(ManualClock(1_800_000_000_000), sign_on=Away)
    sentence = load("adapters.node.portal")["de"]("login.away")
    for _ in range(TRIES + 1):
        answer = await house.client.get(path)
        assert (answer.status_code, "set-cookie" in answer.headers, sentence in answer.text) == (503, False, True)


async def test_a_page_that_cannot_work_says_so_in_a_sentence() -> None:
    """While the node is not ready its pages answer 503 with the code, and no trace of a defect."""
    house = House(ManualClock(1_800_000_000_000))
    headers, _ = house.log_in(Role.DPO)
    answer = await house.client.get("/officer", headers=headers)
    assert (answer.status_code, "unavailable" in answer.text) == (503, True)
    assert "Traceback" not in answer.text


def test_the_sign_on_names_a_role_we_know() -> None:
    """A claim with a role of ours makes a colleague; any other, or none, is no login."""
    made = colleague_of("role", "team")
    assert made({"sub": "a.b", "role": "dpo", "team": "Ost"}) == Colleague(Caller("a.b", Role.DPO), "a.b", "Ost")
    for claims in ({"sub": "a.b"}, {"sub": "a.b", "role": "chief"}):
        with pytest.raises(NotAuthentic):
            made(claims)


def test_both_languages_say_the_same_things() -> None:
    """What is there in German is there in English, and the other way round."""
    texts = load("adapters.node.portal")
    assert texts["de"].keys == texts["en"].keys


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_key_of_the_law_has_a_word(language: str) -> None:
    """What can change in the law has a name on the officer's page: each table and each key of each row."""
    texts = load("adapters.node.portal", [language])[language]
    assert all(texts.has(f"registry.table.{table}") for table in HEADINGS)
    keys = {key for shape in (AgencyKind, CodeList, FieldDef, Prohibition, PurposeRow) for key in shape.model_fields}
    assert not {key for key in keys if not texts.has(f"registry.of.{key}")}
    kinds = (BasisKind, Inform, *(PurposeRow.model_fields[key].annotation for key in ("mode", "release", "review")))
    assert not {word for kind in kinds for word in get_args(kind) if not texts.has(f"registry.says.{word}")}
    assert OPEN.isdisjoint(DOORS)
