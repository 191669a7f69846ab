"""The caseworker's pages: find one's own client, open the case, choose a purpose, send.

Two clicks lead from an open case to the answer: the purpose, and "send". Holder, fields and basis are preset from the
law, the consents held and the role.
"""

from typing import Final, NamedTuple

from starlette.responses import RedirectResponse, Response

from adapters.node import api_views as views
from adapters.node.access import Route
from adapters.node.portal.front import Page, Visit
from adapters.node.portal.tiles import asking, chosen, errands, tiles
from adapters.node.store.colleagues import Look
from adapters.sources.persons import of_team
from adapters.sources.port import Candidate, LocalRef, Search
from adapters.sources.typed import typed_date
from schemas import canonical
from schemas.errors import Malformed, Misuse
from schemas.record import PersonBlock, ShortText
from schemas.wire import Wire

CASE: Final = "case"
"""In the session: the key of the client's row, or what was typed for a client without one."""
_REF, _BY_HAND = "ref ", "hand "
_PARTS: Final = ("family_name", "given_names", "birth_date")


class _ByHand(Wire):
    """What was typed of a client whom no source knows; the file number may be left out."""

    person: PersonBlock
    file_number: ShortText | None = None


class Case(NamedTuple):
    """The client a colleague has open."""

    person: PersonBlock
    file_number: str
    blocked: bool


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/"): start,
        Route("GET", "/clients"): clients,
        Route("POST", "/clients"): find_clients,
        Route("POST", "/case"): open_case,
        Route("GET", "/case"): case,
        Route("POST", "/case/question"): question,
        Route("POST", "/case/send"): send,
    }


async def start(visit: Visit) -> Response:
    """Show where to begin."""
    return visit.show("start.html")


async def clients(visit: Visit) -> Response:
    """Show the search for one's own clients."""
    return visit.show("clients.html", found=None, typed={}, source=visit.desk.running.source is not None)


async def find_clients(visit: Visit) -> Response:
    """Search the agency's own source; what was typed travels in the form's body and in no address."""
    typed = {name: visit.said(name) for name in (*_PARTS, "file_number")}
    query = _search(typed)
    found = await visit.desk.source.search(query.model_copy(update={"team": visit.colleague.team}))
    await _looked(visit, "search", _named(query))
    return visit.show("clients.html", found=[views.client(one) for one in found], typed=typed, source=True)


async def open_case(visit: Visit) -> Response:
    """Open a client of the source, or one that is typed in where there is none."""
    ref = visit.said("ref")
    if ref:
        client = await _own_client(visit, LocalRef(ref))
        await _looked(visit, "open", client.person)
        visit.session.notes[CASE] = f"{_REF}{ref}"
    else:
        typed = _by_hand(visit)
        await open_by_hand(visit, typed.person, typed.file_number)
    return RedirectResponse("/case", 303)


async def open_by_hand(visit: Visit, person: PersonBlock, file_number: str | None = None) -> None:
    """Open the case of a client without a row."""
    await _looked(visit, "open", person)
    typed = _ByHand(person=person, file_number=file_number)
    visit.session.notes[CASE] = f"{_BY_HAND}{canonical.encode_model(typed).decode()}"


async def case(visit: Visit) -> Response:
    """Show the open case: who it is, what can be asked, what was asked."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    reads_for = await visit.desk.running.colleagues.reads_for(visit.colleague.caller.staff)
    asked = await visit.desk.requester.results(*reads_for)
    mine = [views.request_line(one) for one in asked if opened.file_number and one.case_ref == opened.file_number]
    found = await tiles(visit, opened.person)
    return visit.show("case.html", case=opened, tiles=found, errands=errands(visit, found), asked=mine)


async def question(visit: Visit) -> Response:
    """Show, before it is sent, exactly what will be asked."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    tile = chosen(await tiles(visit, opened.person), visit.said("purpose"), visit.said("holder"))
    return visit.show("question.html", case=opened, tile=tile, labels=visit.labels)


async def send(visit: Visit) -> Response:
    """Ask, and show the answer."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    tile = chosen(await tiles(visit, opened.person), visit.said("purpose"), visit.said("holder"))
    asked = await visit.desk.requester.ask(asking(visit, tile, opened.person, opened.file_number))
    return RedirectResponse(f"/requests/{asked.exchange}", 303)


async def opened_case(visit: Visit) -> Case | None:
    """Read the open case anew, so that it is as the source has it now."""
    note = visit.session.notes.get(CASE, "")
    if note.startswith(_REF):
        found = await _own_client(visit, LocalRef(note.removeprefix(_REF)))
        return Case(found.person, found.file_number, found.transfer_block)
    if note:
        typed = canonical.decode_model(_ByHand, note.removeprefix(_BY_HAND).encode())
        return Case(typed.person, typed.file_number or "", blocked=False)
    return None


async def _own_client(visit: Visit, ref: LocalRef) -> Candidate:
    """Read a client's row; one of another team is as unknown as none."""
    found = await visit.desk.source.lookup(ref)
    if of_team(visit.colleague.team, found):
        return found
    message = "ref: is no client of your team"
    raise Misuse(message)


async def _looked(visit: Visit, look: Look, person: PersonBlock | None) -> None:
    """Remember that this colleague looked at clients, for the data protection officer."""
    colleague = visit.colleague
    await visit.desk.running.colleagues.looked(colleague.caller.staff, colleague.name, look, person)


def _named(query: Search) -> PersonBlock | None:
    """Give whom a search names, when it has both names."""
    if not query.family_name or not query.given_names:
        return None
    return PersonBlock(family_name=query.family_name, given_names=query.given_names)


def _search(typed: dict[str, str]) -> Search:
    try:
        return Search.model_validate(_written(typed))
    except ValueError as error:
        raise Malformed(_TYPED) from error


def _by_hand(visit: Visit) -> _ByHand:
    try:
        person = PersonBlock.model_validate(_written({name: visit.said(name) for name in _PARTS}))
        return _ByHand(person=person, file_number=visit.said("file_number") or None)
    except ValueError as error:
        raise Malformed(_TYPED) from error


def _written(typed: dict[str, str]) -> dict[str, str]:
    """Give what was typed at all, with a date as people write it (17.03.1991, 03.1991) in the form of the log."""
    found = {name: value for name, value in typed.items() if value}
    if "birth_date" in found:
        found["birth_date"] = typed_date("birth_date", found["birth_date"]) or ""
    return found


_TYPED: Final = "client: a name may hold letters only, and a date is a year, a month or a day such as 17.03.1991"
