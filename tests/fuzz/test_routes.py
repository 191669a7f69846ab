"""Every route of every page and API, called byte by byte: odd paths, odd forms, odd headers, by everybody.

Pages have no description to hold them to. What must hold is that no call makes the server fail, that nothing odd stops
a node or breaks the log, and that an answer never repeats a script it was sent.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from adapters.node.access import ALLOWED, OPEN, Role
from adapters.node.portal import doors
from adapters.web.sessions import FORM_FIELD
from broker.audit_pages.wishes import Wish
from schemas import canonical
from tests.fuzz.grounds import AUDITOR, OFFICER, Ground, broker_ground, node_ground, portal_ground
from tests.support.asgi_visit import Call
from tests.support.pens import VIEW_CODE
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER

pytestmark = pytest.mark.slow

FAILED: Final = 500
UNAVAILABLE: Final = 503
EXAMPLES: Final = [60, pytest.param(2500, marks=pytest.mark.long)]
METHODS: Final = ("GET", "POST", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW")
SCRIPT: Final = "\"'><script>alert(1)</script>"
ODD: Final = (
    *("", " ", "0", "-1", "9" * 20, "9" * 5000, "1e400", "NaN", "0x10", "\u0663", "\u00b2", "null", "true", "{x}"),
    *(
        "\x00",
        "\x7f",
        "\ufffd",
        "\u202e",
        "\U0001f600",
        "a" * 3000,
        "..",
        "../../etc",
        "a/b",
        "a\\b",
        "%",
        "%zz",
        "&=;",
    ),
    *("2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "31.12.2026", "2026-W01-1", SCRIPT, "${x}", "{{ x }}"),
)
KINDS: Final = (
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain; charset=nothing",
    "",
)
ODD_HEADERS: Final = (
    (b"accept-language", b"\xff\xfe,;q=1"),
    (b"accept-language", b"de;q=x," * 200),
    (b"accept-encoding", b"gzip"),
    (b"content-length", b"9" * 5000),
    (b"content-length", b"\xb2"),
    (b"content-length", b"-1"),
    (b"cookie", b"=;==; __Host-handschlag=\xff; " + b"a=b;" * 300),
    (b"authorization", b"Bearer"),
    (b"authorization", b"Bearer a.b.c"),
    (b"authorization", b"\xff\xff \xff"),
    (b"range", b"bytes=9-1"),
    (b"if-none-match", b"*"),
    (b"host", b"[::"),
)
_NAME: Final = re.compile(r'name="([a-z_]+)"')
_HOLE: Final = re.compile(r"\{[^}]*\}")
_SECRET: Final = re.compile(r'name="form_secret" value="([0-9a-f]+)"')


class Caller(NamedTuple):
    """Somebody who calls: the headers they are known by, and what their forms carry."""

    headers: tuple[tuple[bytes, bytes], ...] = ()
    form: tuple[tuple[str, str], ...] = ()


class Served(NamedTuple):
    """What is called: an application, the paths of its routes, the fields of its forms, and who calls."""

    ground: Ground
    paths: Sequence[str]
    fields: Sequence[str]
    callers: Sequence[Caller]


def fields_of(*packages: str) -> list[str]:
    """Give the names of all form fields in the templates of packages."""
    texts = (one.read_text("utf-8") for name in packages for one in (files(name) / "templates").iterdir())
    return sorted({name for text in texts for name in _NAME.findall(text)})


@some.composite
def calls(draw: some.DrawFn, served: Served) -> Call:
    """Draw a call of a route, its holes and forms filled with words that mean something and with odd ones."""
    words = some.one_of(some.sampled_from(served.ground.known), some.sampled_from(ODD), some.text(max_size=20))
    pairs = some.lists(some.tuples(some.sampled_from([*served.fields, "x"]), words), max_size=8)
    path = _HOLE.sub(lambda _: quote(draw(words), safe=""), draw(some.sampled_from(served.paths)))
    query = urlencode(draw(pairs)) if draw(some.booleans()) else ""
    caller, kind = draw(some.sampled_from(served.callers)), draw(some.sampled_from(KINDS))
    body = body_of(kind, [*draw(pairs), *caller.form])
    told = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    odd = draw(some.lists(some.sampled_from(ODD_HEADERS), max_size=2))
    headers = [*caller.headers, *told, *odd]
    return Call(draw(some.sampled_from(METHODS)), f"{path}?{query}" if query else path, headers, body)


def body_of(kind: str, form: Sequence[tuple[str, str]]) -> bytes:
    """Write a form in the way its type says, or in one that does not fit it."""
    if kind.startswith("multipart"):
        parts = (f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form)
        return "".join((*parts, "--x--\r\n")).encode()
    if kind.endswith("json"):
        return canonical.pretty(dict(form)).encode()
    return urlencode(form).encode()


def attack(served: Served, most: int) -> None:
    """Make many calls; no answer says that the server failed, and none repeats a script."""

    @settings(max_examples=most, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(calls(served))
    def called(call: Call) -> None:
        answer = served.ground.visit(call)
        assert answer.status < FAILED or (answer.status == UNAVAILABLE and b"unavailable" in answer.body), answer
        assert SCRIPT.encode() not in answer.body, answer

    called()


@pytest.mark.parametrize("most", EXAMPLES)
@pytest.mark.parametrize("agency", [COLLECTOR, REQUESTER, HOLDER])
def test_nothing_breaks_a_nodes_pages(tmp_path: Path, agency: str, most: int) -> None:
    """Everybody who can log in, with their forms' own secret and an open case, and a stranger.

    The way to the sign-on leads to another server, and that out of the login to nothing more to call.
    """
    with portal_ground(tmp_path, agency) as (ground, seats):
        callers = [Caller()]
        for cookie, secret in seats:
            callers.append(Caller(((b"cookie", cookie.encode()),), ((FORM_FIELD, secret),)))
        paths = [route.path for route in (*doors.DOORS, *doors.OPEN) if route.path not in {"/login/go", "/logout"}]
        attack(Served(ground, paths, fields_of("adapters.node.portal", "adapters.web"), callers), most)


@pytest.mark.parametrize("most", EXAMPLES)
def test_nothing_breaks_a_nodes_api(tmp_path: Path, most: int) -> None:
    """Every role and nobody, with bodies that are no JSON and heads that are odd."""
    with node_ground(tmp_path, REQUESTER) as ground:
        callers = [Caller(), *(Caller(((b"authorization", f"Bearer {ground.token(role)}".encode()),)) for role in Role)]
        paths = [route.path for route in (*ALLOWED, *OPEN)]
        fields = ["purpose", "holder", "fields", "consent", "body", "start", "form", "language"]
        attack(Served(ground, paths, fields, callers), most)


@pytest.mark.parametrize("most", EXAMPLES)
def test_nothing_breaks_what_a_broker_serves(tmp_path: Path, most: int) -> None:
    """Clients with a code, auditors with a token, officers, and strangers."""
    with broker_ground(tmp_path) as ground:
        callers = [Caller(), *(Caller(((b"authorization", f"Bearer {word}".encode()),)) for word in (AUDITOR, OFFICER))]
        for path, field, word in (("/c", "code", VIEW_CODE), ("/audit", "token", AUDITOR)):
            callers += [logged_in(ground, path, field, word)] * 3
        paths = [path for path in ground.paths if path not in {"/c/leave", "/audit/leave"}]
        fields = [*fields_of("broker.client_pages", "broker.audit_pages"), *Wish._fields, "before", "after", "start"]
        attack(Served(ground, paths, fields, callers), most)


def logged_in(ground: Ground, path: str, field: str, word: str) -> Caller:
    """Open pages by a code or token, and take up their cookie and their forms' secret."""
    form = urlencode({field: word}).encode()
    length = (b"content-length", str(len(form)).encode())
    answer = ground.visit(Call("POST", path, [(b"content-type", KINDS[0].encode()), length], form))
    cookie = answer.headers["set-cookie"].partition(";")[0].encode()
    page = ground.visit(Call("GET", answer.headers["location"], [(b"cookie", cookie)]))
    (secret, *_) = _SECRET.findall(page.body.decode())
    return Caller(((b"cookie", cookie),), ((FORM_FIELD, secret),))
