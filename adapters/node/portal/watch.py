"""How much staff look at, for the data protection officer; who stands in for whom, for all whom it concerns."""

from datetime import timedelta
from typing import Final

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Role, Route
from adapters.node.colleagues import ANSWERING, ASKING
from adapters.node.portal.front import Page, Visit
from adapters.node.store.colleagues import StandIn
from schemas.calendar import berlin_day, end_of_day_ms
from schemas.errors import Malformed, Misuse
from schemas.ids import Hash

DAYS: Final = ("7", "14", "28", "56", "84")
_HASH_CHARS: Final = 64


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/watch"): watch,
        Route("POST", "/watch/resolve"): resolve,
        Route("GET", "/stand-ins"): stand_ins,
        Route("POST", "/stand-ins"): stand_in,
        Route("POST", "/stand-ins/end"): end_stand_in,
    }


async def watch(visit: Visit) -> Response:
    """Show what staff did lately, by pseudonym."""
    return await _shown(visit, None)


async def resolve(visit: Visit) -> Response:
    """Show whom a pseudonym stands for, once the reason is written down."""
    pseudonym = visit.said("pseudonym").lower()
    if len(pseudonym) != _HASH_CHARS or not all(sign in "0123456789abcdef" for sign in pseudonym):
        message = "pseudonym: is 64 digits and letters from a to f"
        raise Malformed(message)
    officer = visit.colleague.caller.staff
    person = await visit.desk.running.colleagues.resolve(officer, Hash(pseudonym), visit.said("reason"))
    return await _shown(visit, (Hash(pseudonym), person.name))


async def _shown(visit: Visit, resolved: tuple[Hash, str] | None) -> Response:
    node = visit.desk.running
    watched, decisions = await node.colleagues.watched(), await node.store.deciding.steps()
    return visit.show(
        "watch.html",
        watched=watched,
        seen=sorted({one.pseudonym for one in watched} | {one.pseudonym for one in decisions}),
        resolved=resolved,
        resolutions=await node.store.colleagues.resolutions(),
        decisions=decisions,
        staff=await node.store.colleagues.all(),
    )


async def stand_ins(visit: Visit) -> Response:
    """Show who stands in for whom, and let oneself, or the steward anybody, be stood in for."""
    colleagues, role = visit.desk.running.colleagues, visit.colleague.caller.role
    staff = await visit.desk.running.store.colleagues.all()
    group = next((group for group in (ASKING, ANSWERING) if role in group), (*ASKING, *ANSWERING))
    fit = [one for one in staff.values() if one.role in group]
    return visit.show(
        "stand_ins.html",
        standing=[one for one in await colleagues.stand_ins() if _may_settle(visit, one.absent, one.deputy)],
        staff=staff,
        fit=fit,
        possible=len(fit) > 1,
        days=DAYS,
        anybody=_settles_all(visit),
    )


async def stand_in(visit: Visit) -> Response:
    """Let somebody stand in for some days."""
    if visit.said("days") not in DAYS:
        message = "days: choose what is offered"
        raise Malformed(message)
    own = visit.colleague.caller.staff
    absent = visit.said("absent") if _settles_all(visit) else own
    last = berlin_day(visit.desk.now_ms) + timedelta(days=int(visit.said("days")))
    await visit.desk.running.colleagues.stand_in(StandIn(absent, visit.said("deputy"), end_of_day_ms(last)))
    return RedirectResponse("/stand-ins", 303)


async def end_stand_in(visit: Visit) -> Response:
    """End it; the absent one, the deputy and the steward may."""
    absent, deputy = visit.said("absent"), visit.said("deputy")
    if not _may_settle(visit, absent, deputy):
        message = "absent: this is settled between others"
        raise Misuse(message)
    await visit.desk.running.colleagues.end_stand_in(absent, deputy)
    return RedirectResponse("/stand-ins", 303)


def _settles_all(visit: Visit) -> bool:
    return visit.colleague.caller.role is Role.ACCESS_STEWARD


def _may_settle(visit: Visit, *parties: str) -> bool:
    return _settles_all(visit) or visit.colleague.caller.staff in parties
