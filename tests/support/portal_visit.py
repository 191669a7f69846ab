"""A colleague at the pages of one node of a small world, without a browser."""

import secrets
from collections.abc import Mapping
from copy import copy
from http.cookies import SimpleCookie

import httpx
from starlette.responses import Response

from adapters.node.access import Role
from adapters.node.desk import Desk
from adapters.node.metrics import Reports
from adapters.node.node import Node
from adapters.node.portal.building import portal
from adapters.node.portal.front import Colleague
from adapters.node.settings import LoginSettings
from adapters.node.tokens import Caller, Tokens, new_key, read_public
from adapters.web.sessions import COOKIE, FORM_FIELD, Sessions
from adapters.web.sign_on import Registered, SignOn
from consent_ledger.ports import Clock
from schemas.ids import AgencyId

LOGIN = LoginSettings(issuer="https://login.example", client="node", address="https://node.example")


NAMES = {"staff-1": "Made Up", "staff-2": "Bente Beispiel", "staff-3": "Nadja Neu", "staff-7": "Sina Sieben"}
"""Invented names of staff by id."""


class House:
    """The pages of a node, and whoever comes to them; `node` None is one that has not started."""

    def __init__(self, clock: Clock, node: Node | None = None, sign_on: type[SignOn] = SignOn) -> None:
        """Open the doors."""
        self.sessions: Sessions[Colleague] = Sessions(clock, secrets.token_bytes)
        desk = Desk(Tokens(AgencyId("amt"), read_public(new_key()[1]), clock), Reports(lambda *_: None), node)
        registered = Registered(LOGIN.issuer, LOGIN.client, "s", LOGIN.address)
        self.app = portal(desk, sign_on(registered, clock, secrets.token_bytes), self.sessions, LOGIN)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=LOGIN.address)

    def anew(self) -> "House":
        """Give the same pages to a browser that remembers nothing: many visits need them made only once."""
        same = copy(self)
        same.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=LOGIN.address)
        return same

    def log_in(self, role: Role, staff: str = "staff-1", team: str | None = None) -> tuple[Mapping[str, str], str]:
        """Give the cookie of a fresh login, and the secret its forms carry."""
        response = Response()
        session = self.sessions.begin(Colleague(Caller(staff, role), NAMES.get(staff, "Made Up"), team), response)
        cookie = SimpleCookie(response.headers["set-cookie"])[COOKIE]
        assert (cookie["httponly"], cookie["secure"], cookie["path"]) == (True, True, "/")
        return {"cookie": f"{COOKIE}={cookie.value}"}, session.form_secret


class Seated:
    """Somebody who has logged in."""

    def __init__(self, house: House, role: Role, staff: str = "staff-1", team: str | None = None) -> None:
        """Log in with a role."""
        self._client = house.client
        headers, self._secret = house.log_in(role, staff, team)
        self._client.cookies.set(*headers["cookie"].split("=", 1))

    async def open(self, path: str) -> httpx.Response:
        """Open a page, following to where it leads."""
        return await self._client.get(path, follow_redirects=True)

    async def send(self, path: str, **said: str | list[str]) -> httpx.Response:
        """Send a form, following to where it leads."""
        data = {FORM_FIELD: self._secret, **said}
        return await self._client.post(path, data=data, follow_redirects=True)
