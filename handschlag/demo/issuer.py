"""A small sign-on for the demo: OpenID Connect with made-up staff, one click instead of a password.

`python -m handschlag.demo.issuer FILE` serves what the file says, on the loopback only. A real agency uses its own
sign-on; nothing of this is part of a node.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import sys
import tomllib
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import OKPKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.infra.clock import SystemClock
from adapters.infra.http_server import listen, serving
from adapters.infra.process import stop_signals
from consent_ledger.ports import Clock
from schemas.wire import Wire

CODE_LIFE_MS: Final = 60_000
TOKEN_LIFE_S: Final = 300
_ALGORITHM: Final = "Ed25519"


class Person(Wire):
    """A made-up member of staff."""

    sub: str
    name: str
    role: str
    team: str | None = None


class Client(Wire):
    """An agency's node, as it is known here."""

    title: str
    secret: str
    address: str
    staff: tuple[Person, ...]


class Issuing(Wire):
    """What the file says."""

    port: int
    clients: dict[str, Client]


class _Granted(NamedTuple):
    client: str
    person: Person
    nonce: str
    challenge: str
    until_ms: int


@dataclass
class Issuer:
    """The sign-on."""

    issuing: Issuing
    clock: Clock
    _key: OKPKey = field(default_factory=lambda: OKPKey.generate_key(_ALGORITHM, {"kid": "demo"}))
    _codes: dict[str, _Granted] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The issuer's name, which is its address."""
        return f"http://localhost:{self.issuing.port}"

    def app(self) -> Starlette:
        """Give the web application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/keys", self._keys),
                Route("/authorize", self._choose, methods=["GET"]),
                Route("/authorize", self._chosen, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _configuration(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.name,
                "authorization_endpoint": f"{self.name}/authorize",
                "token_endpoint": f"{self.name}/token",
                "jwks_uri": f"{self.name}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [{**self._key.as_dict(private=False), "alg": _ALGORITHM, "use": "sig"}]})

    async def _choose(self, request: Request) -> Response:
        """Show the made-up staff of the agency that asks; what was asked for travels through the form."""
        client = self._asking(request.query_params.get("client_id", ""), request.query_params.get("redirect_uri", ""))
        if client is None:
            return PlainTextResponse("unknown client", 400)
        kept = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in request.query_params.items()
        )
        people = "".join(
            f'<p><button name="person" value="{number}">{escape(one.name)}, {escape(one.role)}</button></p>'
            for number, one in enumerate(client.staff)
        )
        title = escape(client.title)
        return HTMLResponse(
            f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{title}</title></head>'
            f"<body><main><h1>{title}</h1><p>Vorführung: erfundene Personen, kein Kennwort.</p>"
            f'<form method="post">{kept}{people}</form></main></body></html>'
        )

    async def _chosen(self, request: Request) -> Response:
        """Send the browser back with a code for the chosen person."""
        form = parse_qs((await request.body()).decode())
        said = {name: values[0] for name, values in form.items()}
        client = self._asking(said.get("client_id", ""), said.get("redirect_uri", ""))
        number = said.get("person", "")
        if client is None or not number.isdigit() or int(number) >= len(client.staff):
            return PlainTextResponse("unknown client or person", 400)
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Granted(
            said["client_id"],
            client.staff[int(number)],
            said.get("nonce", ""),
            said.get("code_challenge", ""),
            self.clock.now_ms() + CODE_LIFE_MS,
        )
        back = urlencode({"code": code, "state": said.get("state", "")})
        return RedirectResponse(f"{said['redirect_uri']}?{back}", 303)

    async def _token(self, request: Request) -> Response:
        """Change a code into an ID token, once, for the client it was made for and who holds the verifier."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        granted = self._codes.pop(form.get("code", ""), None)
        name, secret = _basic(request.headers.get("authorization", ""))
        client = self.issuing.clients.get(name)
        if granted is None or client is None or granted.client != name or granted.until_ms < self.clock.now_ms():
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        fits = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == granted.challenge
        if not fits or not hmac.compare_digest(secret.encode(), client.secret.encode()):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now_s = self.clock.now_ms() // 1000
        claims = {"iss": self.name, "aud": name, "iat": now_s, "exp": now_s + TOKEN_LIFE_S, "nonce": granted.nonce}
        person = granted.person.model_dump(exclude_none=True)
        token = jwt.encode({"alg": _ALGORITHM, "kid": "demo"}, claims | person, self._key, algorithms=[_ALGORITHM])
        return JSONResponse({"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": token})

    def _asking(self, name: str, back: str) -> Client | None:
        client = self.issuing.clients.get(name)
        return client if client is not None and back == f"{client.address}/login/back" else None


def _basic(header: str) -> tuple[str, str]:
    """Read client id and secret of HTTP Basic (RFC 7617)."""
    try:
        name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except ValueError:
        return "", ""
    return name, secret


async def _run(issuing: Issuing) -> None:
    with listen("127.0.0.1", issuing.port) as listener:
        async with serving(Issuer(issuing, SystemClock()).app(), listener):
            await stop_signals().wait()


if __name__ == "__main__":
    asyncio.run(_run(Issuing.model_validate(tomllib.loads(Path(sys.argv[1]).read_text("utf-8")), strict=False)))
