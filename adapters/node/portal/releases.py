"""The pages of those who answer: what waits for a human, side by side with the own rows; release or refuse."""

from typing import Final, NamedTuple

from starlette.responses import RedirectResponse, Response

from adapters.node import api_views as views
from adapters.node.access import Route
from adapters.node.portal.front import Page, Visit
from adapters.node.releases import Chosen
from adapters.sources.port import LocalRef
from adapters.sources.typed import Typed
from schemas.errors import Malformed
from schemas.ids import CodeName, ExchangeId, FieldName

_TYPED: Final = "typed."
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
    asked = sorted({field for one in found for field in one.fields})
    blanks = {field: _blank(visit, field) for field in asked} if visit.desk.source.by_hand else {}
    return visit.show("releases.html", waiting=found, reasons=REASONS, labels=visit.labels, blanks=blanks)


async def release(visit: Visit) -> Response:
    """Let the record of the chosen row travel."""
    exchange = ExchangeId(visit.request.path_params["exchange"])
    ref = visit.said("ref")
    if not ref:
        message = "ref: choose the row that is the person"
        raise Malformed(message)
    typed = _typed(visit) if visit.desk.source.by_hand else None
    chosen = Chosen(LocalRef(ref), typed, CodeName(visit.colleague.caller.role))
    await visit.desk.holder.releases.release(exchange, chosen)
    return RedirectResponse("/releases", 303)


class Blank(NamedTuple):
    """One field of a paper file on the screen: how it is typed, and the words to choose from where it is a code."""

    type: str
    words: tuple[tuple[str, str], ...]


def _blank(visit: Visit, field: FieldName) -> Blank:
    law = visit.desk.running.federation.view.registry()
    rule = None if law is None else law.fields.get(field)
    if law is None or rule is None:
        return Blank("text", ())
    known = None if rule.code_list is None else law.code_lists.get(rule.code_list)
    words = () if known is None else tuple((one.code, getattr(one.label, visit.language)) for one in known.values)
    return Blank(rule.type, words)


def _typed(visit: Visit) -> dict[FieldName, tuple[Typed, ...]]:
    """Take what a human typed of a paper file; a blank field is not known. Malformed names what breaks a rule."""
    found: dict[FieldName, tuple[Typed, ...]] = {}
    verified = visit.said("verified") or "none"
    for name in visit.form:
        field = name.removeprefix(_TYPED)
        if name == field or not visit.said(name):
            continue
        try:
            found[FieldName(field)] = (Typed.model_validate({"text": visit.said(name), "verified": verified}),)
        except ValueError as error:
            message = f"{field}: is too long or holds a sign that is none"
            raise Malformed(message) from error
    return found


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
