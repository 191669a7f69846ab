"""Puts the pages of a node together, and the API and the pages under one address."""

from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.node.api import make_app
from adapters.node.desk import Desk
from adapters.node.portal import (
    cases,
    consents,
    notices,
    officer,
    packages,
    papers,
    registry,
    releases,
    requests,
    watch,
)
from adapters.node.portal.front import Colleague, Front, colleague_of
from adapters.node.settings import LoginSettings
from adapters.web.assets import Assets
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.sign_on import SignOn
from adapters.web.throttle import Throttle

API: Final = ("/v1/", "/health", "/metrics", "/openapi.json")


def portal(desk: Desk, sign_on: SignOn, sessions: Sessions[Colleague], settings: LoginSettings) -> ASGIApp:
    """Give one application: what begins like the API is the API, all else are pages."""
    assets = Assets.load()
    front = Front(
        desk=desk,
        sign_on=sign_on,
        sessions=sessions,
        throttle=Throttle(sign_on.clock),
        pages=Pages("adapters.node.portal", assets),
        assets=assets,
        colleague_of=colleague_of(settings.role, settings.team),
    )
    issuer = urlsplit(settings.issuer)
    parts = (cases, packages, requests, notices, releases, officer, papers, registry, watch, consents)
    served = {route: page for part in parts for route, page in part.pages().items()}
    pages = front.app(served, f"{issuer.scheme}://{issuer.netloc}", tls=settings.address.startswith("https:"))
    return _Beside(make_app(desk), pages)


class _Beside:
    """Two applications under one address."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a call to the one it is for."""
        app = self._api if str(scope.get("path", "")).startswith(API) else self._pages
        await app(scope, receive, send)
