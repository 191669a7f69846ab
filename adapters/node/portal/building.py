"""Puts the pages of a node together, and the API and the pages under one address."""

from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from adapters.node.api import make_app
from adapters.node.desk import Desk
from adapters.node.portal import (
    cases,
    client_requests,
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
from adapters.web.beside import beside
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.sign_on import SignOn
from adapters.web.throttle import Throttle

API: Final = ("/v1", "/health", "/metrics", "/openapi.json")


def portal(desk: Desk, sign_on: SignOn, sessions: Sessions[Colleague], settings: LoginSettings) -> ASGIApp:
    """Give one application: what the API serves is the API's, all else are pages."""
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
    parts = (cases, packages, requests, notices, releases, officer, papers, registry, watch, consents, client_requests)
    served = {route: page for part in parts for route, page in part.pages().items()}
    pages = front.app(served, f"{issuer.scheme}://{issuer.netloc}", tls=settings.address.startswith("https:"))
    return beside(pages, dict.fromkeys(API, make_app(desk)))
