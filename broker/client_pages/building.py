"""Puts the client's pages beside the operator's API under one address."""

import secrets

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.web.assets import PREFIX as STATIC
from adapters.web.assets import Assets
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.throttle import Throttle
from broker.client_pages.front import PREFIX, Front
from broker.client_pages.shown import LANGUAGES
from broker.clients import Clients
from broker.log_files import LogFiles
from broker.process import Broker
from consent_ledger.ports import Clock


def client_pages(broker: Broker, files: LogFiles, clock: Clock, *, tls: bool) -> ASGIApp:
    """Give the client's pages over a running broker; `tls` says that browsers reach them over TLS."""
    assets = Assets.load()
    front = Front(
        clients=Clients(broker.sequencer, files, clock, broker.notices.tell),
        state=lambda: broker.sequencer.state,
        registries=broker.setup.bundles.ready,
        sessions=Sessions(clock, secrets.token_bytes),
        throttle=Throttle(clock),
        pages=Pages("broker.client_pages", assets, LANGUAGES),
        assets=assets,
    )
    return front.app(tls=tls)


def beside(api: ASGIApp, pages: ASGIApp) -> ASGIApp:
    """Give one application: what begins like the client's pages is theirs, all else is the API."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Give a call to the one it is for."""
        path = str(scope.get("path", ""))
        theirs = path == PREFIX or path.startswith((f"{PREFIX}/", f"{STATIC}/"))
        await (pages if theirs else api)(scope, receive, send)

    return app
