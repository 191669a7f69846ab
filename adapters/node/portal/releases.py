"""The pages of those who answer: what waits for a human, side by side with the own rows; release or refuse."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from adapters.node import api_views as views
from adapters.node.access import Route
from adapters.node.portal.front import Page, Visit
from adapters.node.releases import Chosen
from adapters.sources.port import LocalRef
from schemas.errors import Malformed
from schemas.ids import CodeName, ExchangeId

REASONS: Final = ("another_person", "not_this_purpose", "too_uncertain", "protects_the_client")
"""Why a human refuses; for the holder's own list only, the requester learns none of it."""


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/releases"): waiting,
        Route("POST", "/releases/{exchange}/release"): release,
        Route("POST", "/releases/{exchange}/refuse"): refuse,
        Route("GET", "/disclosures"): disclosures,
    }


async def waiting(visit: Visit) -> Response:
    """List what waits, oldest first, each with the rows it may be about."""
    found = [views.waiting_release(one) for one in await visit.desk.holder.releases.waiting()]
    return visit.show("releases.html", waiting=found, reasons=REASONS, labels=visit.labels)


async def release(visit: Visit) -> Response:
    """Let the record of the chosen row travel."""
    exchange = ExchangeId(visit.request.path_params["exchange"])
    ref = visit.said("ref")
    if not ref:
        message = "ref: choose the row that is the person"
        raise Malformed(message)
    await visit.desk.holder.releases.release(
        exchange, Chosen(LocalRef(ref), None, CodeName(visit.colleague.caller.role))
    )
    return RedirectResponse("/releases", 303)


async def refuse(visit: Visit) -> Response:
    """Refuse for a coded reason; outwardly nothing happens until the deadline."""
    reason = visit.said("reason")
    if reason not in REASONS:
        message = "reason: is none of those offered"
        raise Malformed(message)
    exchange = ExchangeId(visit.request.path_params["exchange"])
    await visit.desk.holder.releases.refuse(exchange, CodeName(reason))
    return RedirectResponse("/releases", 303)


async def disclosures(visit: Visit) -> Response:
    """Show the disclosure register, newest first: what Art. 15 GDPR asks for."""
    lines = [views.disclosure(line) for line in await visit.desk.running.store.received.disclosures()]
    return visit.show("disclosures.html", lines=lines, labels=visit.labels)
