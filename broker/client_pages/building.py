"""Puts the client's pages together over a running broker."""

import secrets

from starlette.applications import Starlette

from adapters.web.assets import Assets
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.throttle import Throttle
from broker.client_pages.front import Front
from broker.clients import Clients
from broker.log_files import LogFiles
from broker.process import Broker
from consent_ledger.ports import Clock
from schemas.client_texts import LANGUAGES


def client_pages(broker: Broker, files: LogFiles, clock: Clock, *, tls: bool) -> Starlette:
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
