"""A broker's pages over a log in memory, without a broker."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from broker.core.route import may_fetch
from broker.log_files import LogFiles
from broker.operator_api import Health, Pages, make_app
from broker.own_entries import OwnEntries
from consent_ledger.core.leaf import Leaf
from schemas.ids import AgencyId, Hash
from tests.support.ledger_world import Ledger, stored
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG

HEALTHY = Health(
    sequencer_runs=True,
    nats_connected=True,
    disk_writable=True,
    keys_loaded=True,
    witnessed=True,
    serves=True,
    uncosigned=0,
)


async def healthy() -> Health:
    """Give the health of a broker in order."""
    return HEALTHY


def own_of(ledger: Ledger | None = None, note: Callable[[], bytes | None] = lambda: None) -> OwnEntries:
    """Give what agencies may see of a log, under a checkpoint; of an empty one unless there is a log."""
    store = MemoryStore(LOG) if ledger is None else MemoryStore(LOG, stored(ledger))

    def allowed(leaf: Leaf, agency: AgencyId) -> bool:
        return ledger is not None and may_fetch(leaf, agency, ledger.state.keys)

    return OwnEntries(LogFiles(store, lambda: store.size), note, allowed)


@asynccontextmanager
async def visiting(pages: Pages) -> AsyncIterator[httpx.AsyncClient]:
    """Ask the application directly, without a socket."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app(pages)), base_url="http://broker") as client:
        yield client


@asynccontextmanager
async def officers_site(
    ledger: Ledger, note: Callable[[], bytes | None], officers: dict[AgencyId, Hash]
) -> AsyncIterator[httpx.AsyncClient]:
    """Visit the pages of a log whose newest checkpoint `note` gives, as officers with tokens do."""
    own = own_of(ledger, note)
    pages = Pages(healthy, lambda: "", note, own.files.read, lambda _: None, own, officers=officers)
    async with visiting(pages) as client:
        yield client
    own.files.close()
