"""The caseworker's pages: find one's own client, open the case, choose a purpose, send.

Two clicks lead from an open case to the answer: the purpose, and "send". Holder, fields and basis are preset from the
law, the consents held and the role.
"""

from typing import Final, NamedTuple, TypeGuard

from starlette.responses import RedirectResponse, Response

from adapters.node import api_views as views
from adapters.node.access import Route
from adapters.node.api_models import PurposeLine
from adapters.node.core.compose import Question
from adapters.node.core.matching import PersonIndex
from adapters.node.core.matching.beside import Part, differing
from adapters.node.portal.front import Page, Visit
from adapters.node.store.colleagues import Look
from adapters.node.store.rows import Consent, ConsentState
from adapters.sources.persons import of_team
from adapters.sources.port import Candidate, LocalRef, Search
from schemas import canonical
from schemas import statements as st
from schemas.errors import Malformed, Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, GivenId, Purpose
from schemas.record import PersonBlock

CASE: Final = "case"
"""In the session: the key of the client's row, or what was typed for a client without one."""
_BY_HAND: Final = "by hand"


class Tile(NamedTuple):
    """A purpose as the case shows it: what may be asked of whom, and on which basis; why not, where it may not."""

    purpose: PurposeLine
    holder: AgencyId
    consent: Consent | None
    ready: bool
    differs: tuple[Part, ...] = ()


class _Held(NamedTuple):
    """A consent or given basis that may be this client's, and what differs from how this agency knows them."""

    consent: Consent
    differs: tuple[Part, ...]


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
    typed = {name: visit.said(name) for name in ("family_name", "given_names", "birth_date", "file_number")}
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
        visit.session.notes[CASE] = f"ref {ref}"
    else:
        typed = {name: visit.said(name) for name in ("family_name", "given_names", "birth_date")}
        person = _person(typed)
        visit.session.notes[CASE] = f"{_BY_HAND} {canonical.encode_model(person).decode()}"
    return RedirectResponse("/case", 303)


async def case(visit: Visit) -> Response:
    """Show the open case: who it is, what can be asked, what was asked."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    asked = await visit.desk.requester.results(visit.colleague.caller.staff)
    mine = [views.request_line(one) for one in asked if opened.file_number and one.case_ref == opened.file_number]
    return visit.show("case.html", case=opened, tiles=await _tiles(visit, opened), asked=mine)


async def question(visit: Visit) -> Response:
    """Show, before it is sent, exactly what will be asked."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    tile = _chosen(visit, await _tiles(visit, opened))
    return visit.show("question.html", case=opened, tile=tile, labels=visit.labels)


async def send(visit: Visit) -> Response:
    """Ask, and show the answer."""
    opened = await opened_case(visit)
    if opened is None:
        return RedirectResponse("/clients", 303)
    tile = _chosen(visit, await _tiles(visit, opened))
    caller = visit.colleague.caller
    asked = await visit.desk.requester.ask(
        Question(
            purpose=tile.purpose.purpose,
            holder=tile.holder,
            role=CodeName(caller.role),
            staff=caller.staff,
            consent=ConsentId(tile.consent.id) if _is_consent(tile.consent) else None,
            given=None if tile.consent is None or _is_consent(tile.consent) else GivenId(tile.consent.id),
            norm=None if tile.consent is not None else tile.purpose.norm[0],
            declared=tuple(tile.purpose.conditions),
            person=None if tile.consent is not None else opened.person,
            case_ref=opened.file_number or None,
        )
    )
    return RedirectResponse(f"/requests/{asked.exchange}", 303)


def _is_consent(held: Consent | None) -> TypeGuard[Consent]:
    """Tell a consent from a client's request or a duty to cooperate, which a request names by another word."""
    return held is not None and isinstance(held.statement, st.ConsentGiven)


async def opened_case(visit: Visit) -> Case | None:
    """Read the open case anew, so that it is as the source has it now."""
    kind, _, rest = visit.session.notes.get(CASE, "").partition(" ")
    if kind == "ref":
        found = await _own_client(visit, LocalRef(rest))
        return Case(found.person, found.file_number, found.transfer_block)
    if kind:
        typed = rest.removeprefix("hand ")
        return Case(canonical.decode_model(PersonBlock, typed.encode()), "", blocked=False)
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


async def _tiles(visit: Visit, opened: Case) -> list[Tile]:
    """Give every purpose this agency may ask for, with each holder; consents of this client are found by themselves."""
    node = visit.desk.running
    mine = [one for one in await node.store.bases.consents() if _may_serve(one, node.identity.agency)]
    held = [_Held(one, differing(opened.person, one.package.person)) for one in alike(opened.person, mine)]
    lines = views.purposes(node.federation.view, node.identity.agency, node.identity.clock.now_ms())
    return [
        _tile(line, holder, held)
        for line in lines
        if line.may_ask
        for holder in line.holders
        if holder != node.identity.agency
    ]


def alike(person: PersonBlock, consents: list[Consent]) -> list[Consent]:
    """Give the consents that are this person's, or may be under another spelling: those first that differ least.

    Agencies spell a client differently; who they are to each other only a human can say, so it is shown what differs.
    """
    index, by_ref = PersonIndex(), {LocalRef(str(number)): one for number, one in enumerate(consents)}
    for ref, one in by_ref.items():
        index.add(Candidate(ref, ref, one.package.person, transfer_block=False, guardian=False))
    found = [by_ref[one.candidate.ref] for one in index.query(person).candidates]
    same = [one for one in consents if _known_as(one.package.person) == _known_as(person)]
    return [*same, *sorted(found, key=lambda one: len(differing(person, one.package.person)))]


def _tile(line: PurposeLine, holder: AgencyId, held: list[_Held]) -> Tile:
    fits = (
        one for one in held if one.consent.statement.purpose == line.purpose and holder in one.consent.statement.holders
    )
    found = next(fits, None)
    by_law = "statute" in line.basis and bool(line.norm)
    consent, differs = (None, ()) if found is None else found
    return Tile(line, holder, consent, ready=consent is not None or by_law, differs=differs)


def _may_serve(consent: Consent, own: AgencyId) -> bool:
    return consent.state is ConsentState.GIVEN and consent.statement.recipient == own


def _known_as(person: PersonBlock) -> tuple[str, str, str | None]:
    """Give what a consent is found by: the collector may know more or less of a person than this agency does."""
    return person.family_name.casefold(), person.given_names.casefold(), person.birth_date


def _chosen(visit: Visit, tiles: list[Tile]) -> Tile:
    purpose, holder = Purpose(visit.said("purpose")), AgencyId(visit.said("holder"))
    for tile in tiles:
        if (tile.purpose.purpose, tile.holder) == (purpose, holder) and tile.ready:
            return tile
    message = "purpose: may not be asked of this agency for this client now"
    raise Misuse(message)


def _search(typed: dict[str, str]) -> Search:
    try:
        return Search.model_validate({name: value for name, value in typed.items() if value})
    except ValueError as error:
        raise Malformed(_TYPED) from error


def _person(typed: dict[str, str]) -> PersonBlock:
    try:
        return PersonBlock.model_validate({name: value for name, value in typed.items() if value})
    except ValueError as error:
        raise Malformed(_TYPED) from error


_TYPED: Final = "client: a name may hold letters only, and a date is a year, a month or a day such as 1991-03-17"
