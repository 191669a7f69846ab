"""The pages of a client's own request: that one agency hands another what it has of them, once.

Nobody asks the client for it, so there is no question and no no: they read what they ask for in their own language, the
German beside it, and take the receipt with both codes, as after a consent.
"""

from typing import Final

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Route
from adapters.node.core.consent_text import Side, side
from adapters.node.core.taking import Given
from adapters.node.portal import offers
from adapters.node.portal.cases import opened_case
from adapters.node.portal.consents import RECEIPT
from adapters.node.portal.front import Page, Visit
from adapters.node.portal.offers import Asking
from adapters.node.portal.ways import tongues, way_named
from adapters.web.client_words import shipped_words
from schemas import canonical
from schemas.calendar import berlin_day
from schemas.errors import Malformed, Misuse
from schemas.ids import Norm

ASKED: Final = "asked"
"""Where the session keeps what the client asks for, until it is recorded."""


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("POST", "/consents/request"): choose,
        Route("GET", "/consents/request"): text,
        Route("POST", "/consents/request/record"): record,
    }


async def choose(visit: Visit) -> Response:
    """Take the choice, and lead on to the text."""
    case, way = await opened_case(visit), way_named(visit, "client_request", visit.said("way"))
    days, language = visit.said("days"), visit.said("language")
    offered = days in map(str, offers.DAYS) and language in {one.language for one in tongues(visit)}
    if case is None or way is None or not offered:
        message = "request: choose what is offered"
        raise Malformed(message)
    until = offers.last_day(berlin_day(visit.desk.now_ms), int(days))
    asked = Asking(
        purpose=way.purpose.purpose,
        recipient=way.recipient,
        holder=way.holder,
        language=language,
        until=until,
        uses=1,
    )
    visit.session.notes[ASKED] = canonical.encode_model(asked).decode()
    return RedirectResponse("/consents/request", 303)


async def text(visit: Visit) -> Response:
    """Show what the client asks for, in their language with the German beside it."""
    case, asked = await opened_case(visit), _asked(visit)
    if case is None or asked is None:
        return RedirectResponse("/consents", 303)
    rule = visit.desk.by.law.purposes.get(asked.purpose)
    norms = () if rule is None else rule.row.norm
    sides = [_side(visit, asked, asked.language), _side(visit, asked, "de")]
    return visit.show("client_request.html", case=case, sides=sides, norms=norms)


async def record(visit: Visit) -> Response:
    """Have the request signed and logged, as the client read it, and lead on to its receipt."""
    case, asked = await opened_case(visit), _asked(visit)
    if case is None or asked is None:
        return RedirectResponse("/consents", 303)
    if visit.said("text") != _side(visit, asked, asked.language).told.hash:
        message = "request: the text has changed since it was shown; show it again"
        raise Misuse(message)
    terms = offers.terms(asked, visit.desk.by.law)
    norm = Norm(visit.said("norm"))
    given = await visit.desk.collector.give(
        Given(kind="client_request", **terms._asdict(), person=case.person, norm=norm)
    )
    del visit.session.notes[ASKED]
    visit.session.notes[RECEIPT] = f"{given.id} {asked.language}"
    return RedirectResponse("/consents/receipt", 303)


def _asked(visit: Visit) -> Asking | None:
    kept = visit.session.notes.get(ASKED)
    return None if kept is None else canonical.decode_model(Asking, kept.encode())


def _side(visit: Visit, asked: Asking, language: str) -> Side:
    by = visit.desk.by
    return side(offers.terms(asked, by.law), language, shipped_words(), by, "client_request")
