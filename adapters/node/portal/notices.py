"""The pages of notices: which persons are still to be told of an exchange on a statute, by when, and that they were.

A colleague sees those of their own requests, and of whom they stand in for.
"""

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Route
from adapters.node.notices import Notice, Notices
from adapters.node.portal.front import Page, Visit
from adapters.web.client_words import shipped_words
from schemas.calendar import berlin_day
from schemas.errors import Malformed
from schemas.ids import ExchangeId


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/notices"): notices,
        Route("GET", "/notices/{exchange}"): notice,
        Route("POST", "/notices/{exchange}"): hand_out,
    }


async def notices(visit: Visit) -> Response:
    """List what is still to be handed out, the most urgent first, and what was handed out last."""
    staff = await visit.desk.running.colleagues.reads_for(visit.colleague.caller.staff)
    found = Notices(visit.desk.requester)
    return visit.show(
        "notices.html",
        waiting=await found.waiting(*staff),
        handed=await found.handed(*staff),
        languages=_languages(),
        today=berlin_day(visit.desk.now_ms).isoformat(),
    )


async def notice(visit: Visit) -> Response:
    """Show one notice: print it in the person's language, then note that they have it."""
    return visit.show(
        "notice.html",
        notice=await _own(visit),
        papers=visit.desk.making.languages,
        languages=_languages(),
        today=berlin_day(visit.desk.now_ms).isoformat(),
    )


async def hand_out(visit: Visit) -> Response:
    """Note that the person has it, and go back to the list."""
    asked, language = (await _own(visit)).asked, visit.said("language")
    if language not in _languages():
        message = "language: choose one that is offered"
        raise Malformed(message)
    await Notices(visit.desk.requester).hand_out(asked, visit.said("on"), language, visit.colleague.caller.staff)
    return RedirectResponse("/notices", 303)


def _languages() -> dict[str, str]:
    """Give the languages in which somebody may have been told, on paper or by word of mouth, by their own names."""
    return {language: one.words.name for language, one in shipped_words().items()}


async def _own(visit: Visit) -> Notice:
    asked = await visit.desk.own_request(ExchangeId(visit.request.path_params["exchange"]), visit.colleague.caller)
    return await Notices(visit.desk.requester).of(asked)
