"""The pages of packages: several requests of one occasion in two clicks, and one checklist of what became of each.

Which requests belong together stays at this agency; the address of a checklist is a random id that means nothing else.
"""

from typing import NamedTuple

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Route
from adapters.node.api_models import RequestDetail
from adapters.node.explaining import unasked
from adapters.node.packaging import Item, Package, Packaging
from adapters.node.portal.cases import opened_case
from adapters.node.portal.front import Page, Visit
from adapters.node.portal.tiles import Errand, asking, chosen, errands, tiles
from schemas.errors import Malformed, Misuse
from schemas.explain import Said
from schemas.record import PersonBlock


class Line(NamedTuple):
    """A line of the checklist as it is shown: with why nothing comes, and the request where there is one."""

    item: Item
    why: list[Said]
    asked: RequestDetail | None


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("POST", "/case/package"): package,
        Route("POST", "/case/package/send"): send,
        Route("GET", "/packages/{occasion}"): checklist,
    }


async def package(visit: Visit) -> Response:
    """Show, before it is sent, what will be asked of whom, and what cannot be asked now."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    errand = await _errand(visit, opened.person)
    return visit.show("package.html", case=opened, errand=errand, labels=visit.labels)


async def send(visit: Visit) -> Response:
    """Ask what is ticked, and show the checklist."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    errand = await _errand(visit, opened.person)
    ticked = [one.partition(",") for one in visit.form.get("part", [])]
    if not ticked:
        message = "part: tick at least one request"
        raise Malformed(message)
    asked = [chosen(errand.parts, purpose, holder) for purpose, _, holder in ticked]
    questions = [asking(visit, tile, opened.person, opened.file_number) for tile in asked]
    occasion = await Packaging(visit.desk.requester).start(questions)
    return RedirectResponse(f"/packages/{occasion}", 303)


async def checklist(visit: Visit) -> Response:
    """Show what came, what waits and what was refused."""
    own = visit.colleague.caller.staff
    staff = await visit.desk.running.colleagues.reads_for(own)
    found = await Packaging(visit.desk.requester).checklist(visit.request.path_params["occasion"], *staff)
    await visit.desk.running.colleagues.looked(own, "", "read", None)
    return visit.show(
        "checklist.html", package=found, title=title(visit, found), lines=[_line(visit, one) for one in found.items]
    )


def title(visit: Visit, found: Package) -> str:
    """Name a package by its occasion, where the law in force knows one for all its parts."""
    rules = {} if visit.law is None else visit.law.purposes
    occasions = {rules[one.part.purpose].row.occasion for one in found.items if one.part.purpose in rules}
    only = occasions.pop() if len(occasions) == 1 else None
    return visit.front.pages.texts[visit.language]("package.title") if only is None else visit.occasion(only)


async def _errand(visit: Visit, person: PersonBlock) -> Errand:
    """Find the occasion a form names among what may be asked for this client."""
    for errand in errands(visit, await tiles(visit, person)):
        if errand.occasion == visit.said("occasion"):
            return errand
    message = "occasion: nothing may be asked for it for this client now"
    raise Misuse(message)


def _line(visit: Visit, item: Item) -> Line:
    part, node = item.part, visit.desk.running
    if item.asked is not None:
        told = visit.desk.told(item.asked)
        return Line(item, [one for one in told.explanation if one.does == "stopped"], told)
    if part.problem is None:
        return Line(item, [], None)
    why = unasked(part.problem, part.holder, part.purpose, node.identity.agency, node.federation.view)
    return Line(item, why, None)
