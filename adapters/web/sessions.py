"""Who is logged in: a random cookie, of which the server keeps the SHA-256 only, in memory and for hours.

A restart logs everybody out. Each session has a secret that every form sends back (against forged requests), and ends
after a while without use, and after a working day anyhow.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from consent_ledger.ports import Clock

COOKIE: Final = "__Host-handschlag"
IDLE_MS: Final = 30 * 60_000
LONGEST_MS: Final = 10 * 3_600_000
MAX_SESSIONS: Final = 10_000
FORM_FIELD: Final = "form_secret"

WhoT = TypeVar("WhoT")


@dataclass
class Session(Generic[WhoT]):
    """One login: who, the secret of its forms, what it chose, and until when."""

    who: WhoT
    form_secret: str
    began_ms: int
    used_ms: int
    notes: dict[str, str] = field(default_factory=dict)

    def sent_by_its_form(self, unverified_secret: str) -> bool:
        """Tell whether a form was made for this session; compared in constant time."""
        return hmac.compare_digest(unverified_secret.encode(), self.form_secret.encode())


class Sessions(Generic[WhoT]):
    """All logins of one server."""

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes], cookie: str = COOKIE) -> None:
        """Take time and randomness, and the cookie's name where one address has logins of two kinds."""
        self._cookie = cookie
        self._clock = clock
        self._random = random_bytes
        self._open: dict[str, Session[WhoT]] = {}

    def begin(self, who: WhoT, response: Response) -> Session[WhoT]:
        """Log somebody in: a new cookie, never one that came from outside."""
        self._drop_old()
        name, now = self._random(32).hex(), self._clock.now_ms()
        session = Session(who, self._random(32).hex(), now, now)
        self._open[_digest(name)] = session
        # SameSite=Lax: the way back from the sign-on is a link from elsewhere, and must find the session it makes.
        response.set_cookie(self._cookie, name, path="/", secure=True, httponly=True, samesite="lax")
        return session

    def of(self, request: Request) -> Session[WhoT] | None:
        """Give the session of a request, None without a valid one."""
        name = request.cookies.get(self._cookie, "")
        session = self._open.get(_digest(name)) if name else None
        if session is None:
            return None
        now = self._clock.now_ms()
        if now - session.used_ms > IDLE_MS or now - session.began_ms > LONGEST_MS:
            del self._open[_digest(name)]
            return None
        session.used_ms = now
        return session

    def end(self, request: Request, response: Response) -> None:
        """Log out."""
        self._open.pop(_digest(request.cookies.get(self._cookie, "")), None)
        site: Literal["lax"] = "lax"
        response.delete_cookie(self._cookie, path="/", secure=True, httponly=True, samesite=site)

    def _drop_old(self) -> None:
        now = self._clock.now_ms()
        for name, session in list(self._open.items()):
            if now - session.used_ms > IDLE_MS or now - session.began_ms > LONGEST_MS:
                del self._open[name]
        while len(self._open) >= MAX_SESSIONS:
            del self._open[next(iter(self._open))]


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
