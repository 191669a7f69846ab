"""Log in at the agency's own sign-on: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), by Authlib.

What the sign-on says of a person is taken from the ID token alone, after its signature, issuer, audience, times and
nonce were checked. The way there and back belongs to one browser, which carries it in a cookie that only this process
can read: however many set out and never come back, nothing is kept of them here.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from nacl.encoding import URLSafeBase64Encoder
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from starlette.requests import Request
from starlette.responses import RedirectResponse

from consent_ledger.ports import Clock
from schemas.errors import NotAuthentic, Unavailable

COOKIE: Final = "__Host-handschlag-login"
ALGORITHMS: Final = ["RS256", "PS256", "ES256", "Ed25519"]
"""Signatures only; nothing symmetric, so the client's secret cannot make an ID token."""
WAY_MS: Final = 10 * 60_000
SKEW_S: Final = 60
TIMEOUT_S: Final = 10.0
CALLBACK: Final = "/login/back"
ENDS: Final = frozenset({"authorization_endpoint", "token_endpoint", "jwks_uri"})
"""What the sign-on has to say of itself."""
ODD: Final = (ValueError, TypeError, KeyError, AttributeError)
"""What the libraries raise over an answer that is JSON of another shape, or none."""
_ODDLY: Final = "login: the sign-on answers in another form than the standard's"

Claims = dict[str, Any]


@dataclass(frozen=True)
class Registered:
    """How this server is known at the sign-on; `address` is its own, as browsers reach it."""

    issuer: str
    client: str
    secret: str
    address: str


class _Way(NamedTuple):
    """One login under way."""

    state: str
    nonce: str
    verifier: str
    began: str


@dataclass
class SignOn:
    """The way to the sign-on and back."""

    registered: Registered
    clock: Clock
    random_bytes: Callable[[int], bytes]
    transport: httpx2.AsyncBaseTransport | None = None
    """The way to the sign-on; None is the network."""
    _walked: dict[str, int] = field(default_factory=dict)
    _found: dict[str, str] | None = None
    _keys: KeySet | None = None

    def __post_init__(self) -> None:
        """Make the key of the cookies; a process that starts anew lets those begin again who are on their way."""
        self._box = SecretBox(self.random_bytes(SecretBox.KEY_SIZE))

    async def begin(self) -> RedirectResponse:
        """Send a browser to the sign-on; Unavailable when that is out of reach."""
        places, now = await self._places(), self.clock.now_ms()
        nonce, verifier = (self.random_bytes(32).hex() for _ in range(2))
        async with self._client() as client:
            url, state = client.create_authorization_url(
                places["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        way = " ".join(_Way(state, nonce, verifier, str(now))).encode()
        cookie = self._box.encrypt(way, self.random_bytes(SecretBox.NONCE_SIZE), URLSafeBase64Encoder).decode()
        response = RedirectResponse(url, 303)
        response.set_cookie(
            COOKIE, cookie, max_age=WAY_MS // 1000, path="/", secure=True, httponly=True, samesite="lax"
        )
        return response

    async def finish(self, request: Request) -> Claims:
        """Take a browser that comes back, and give what the sign-on vouches for.

        Raises NotAuthentic for anything that is not the end of a way begun here, Unavailable when the sign-on fails.
        """
        way = self._way(request.cookies.get(COOKIE, ""))
        places = await self._places()
        try:
            async with self._client(way.state) as client:
                token = await client.fetch_token(
                    places["token_endpoint"], authorization_response=str(request.url), code_verifier=way.verifier
                )
            unverified_token = str(token.get("id_token", ""))
        except AuthlibBaseError as error:
            message = "login: the sign-on did not confirm it"
            raise NotAuthentic(message) from error
        except httpx2.HTTPError as error:
            message = "login: the sign-on does not answer"
            raise Unavailable(message) from error
        except ODD as error:
            raise Unavailable(_ODDLY) from error
        claims = self._checked(unverified_token, await self._key_set(places), way.nonce)
        self._walked[way.state] = int(way.began)
        return claims

    def _way(self, unverified_cookie: str) -> _Way:
        """Read a browser's way back; NotAuthentic unless it was begun here, lately, and not walked to its end yet."""
        now = self.clock.now_ms()
        self._walked = {state: began for state, began in self._walked.items() if now - began <= WAY_MS}
        try:
            way = _Way(*self._box.decrypt(unverified_cookie.encode(), encoder=URLSafeBase64Encoder).decode().split(" "))
        except (CryptoError, ValueError, TypeError):
            way = None
        if way is None or now - int(way.began) > WAY_MS or way.state in self._walked:
            message = "login: was not begun here, or took too long"
            raise NotAuthentic(message)
        return way

    def _checked(self, unverified_token: str, keys: KeySet, nonce: str) -> Claims:
        """Check an ID token (OpenID Connect Core 3.1.3.7)."""
        try:
            claims = jwt.decode(unverified_token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            # A key that was changed at the sign-on is fetched with the next try.
            self._keys = None
            message = "login: the ID token is not signed by the sign-on"
            raise NotAuthentic(message) from error
        now_s, audience = self.clock.now_ms() // 1000, claims.get("aud")
        issued, ends, meant = claims.get("iat"), claims.get("exp"), str(claims.get("nonce"))
        fits = (
            claims.get("iss") == self.registered.issuer
            and self.registered.client in (audience if isinstance(audience, list) else [audience])
            and hmac.compare_digest(meant.encode(), nonce.encode())
            and isinstance(issued, int)
            and isinstance(ends, int)
            and issued - SKEW_S <= now_s < ends + SKEW_S
        )
        if not fits:
            message = "login: the ID token is not for this login"
            raise NotAuthentic(message)
        return claims

    def _client(self, state: str | None = None) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self.registered.client,
            client_secret=self.registered.secret,
            redirect_uri=self.registered.address + CALLBACK,
            scope="openid profile",
            code_challenge_method="S256",
            state=state,
            timeout=TIMEOUT_S,
            transport=self.transport,
        )

    async def _places(self) -> dict[str, str]:
        """Ask the sign-on once where its ends are (OpenID Connect Discovery 1.0)."""
        if self._found is None:
            found = await self._fetch(self.registered.issuer + "/.well-known/openid-configuration")
            if found.get("issuer") != self.registered.issuer:
                message = "login: the sign-on says it is somebody else"
                raise Unavailable(message)
            if not found.keys() >= ENDS:
                raise Unavailable(_ODDLY)
            self._found = {name: str(value) for name, value in found.items()}
        return self._found

    async def _key_set(self, places: dict[str, str]) -> KeySet:
        if self._keys is None:
            unverified_keys = await self._fetch(places["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(unverified_keys)  # type: ignore[arg-type]  # its own check
            except (JoseError, *ODD) as error:
                raise Unavailable(_ODDLY) from error
        return self._keys

    async def _fetch(self, url: str) -> Claims:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_S, transport=self.transport) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                found = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            message = "login: the sign-on does not answer"
            raise Unavailable(message) from error
        return found if isinstance(found, dict) else {}
