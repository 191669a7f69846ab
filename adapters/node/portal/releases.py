"""The pages of those who answer: what waits for a human, side by side with the own rows; release or refuse.

Who is unsure asks a colleague; where the purpose demands two persons, the second confirms what the first chose.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, get_args

from starlette.responses import RedirectResponse, Response

from adapters.node import api_views as views
from adapters.node.access import Route
from adapters.node.core.deciding import AskedWhy, RefusedWhy
from adapters.node.core.matching.beside import PARTS
from adapters.node.portal.front import Page, Visit
from adapters.node.release_models import CandidateLine, WaitingRelease
from adapters.node.releases import Chosen, Wish
from adapters.sources.port import LocalRef
from adapters.sources.typed import Typed, typed_date
from schemas.errors import Malformed
from schemas.ids import CodeName, ExchangeId, FieldName
from schemas.record import PersonBlock, Value

_TYPED: Final = "typed."
_DONE: Final = "releases.done"
REASONS: Final[tuple[RefusedWhy, ...]] = get_args(RefusedWhy)
ASKED_WHY: Final[tuple[AskedWhy, ...]] = get_args(AskedWhy)
_OTHER_NAMES: Final = "other_names"
_COLUMNS: Final = (*PARTS, _OTHER_NAMES)


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/releases"): waiting,
        Route("POST", "/releases/{exchange}/release"): release,
        Route("POST", "/releases/{exchange}/confirm"): confirm,
        Route("POST", "/releases/{exchange}/refuse"): refuse,
        Route("POST", "/releases/{exchange}/ask"): ask,
        Route("POST", "/releases/{exchange}/take-back"): take_back,
        Route("GET", "/disclosures"): disclosures,
    }


class Cell(NamedTuple):
    """One part of a person as it is shown, and whether it is known on both sides and not the same."""

    text: str
    differs: bool


class Line(NamedTuple):
    """A person in the comparison: an own row with its key and file number, or, without, the one asked for."""

    ref: str
    file_number: str
    blocked: bool
    cells: tuple[Cell, ...]
    differs: tuple[str, ...]


class Comparison(NamedTuple):
    """The person asked for beside the own rows; columns nobody knows anything of are left out."""

    columns: tuple[str, ...]
    asked: Line | None
    rows: tuple[Line, ...]


async def waiting(visit: Visit) -> Response:
    """List what waits, oldest first, each with the rows it may be about: what is mine to decide before what is not."""
    node, own = visit.desk.running, visit.colleague.caller.staff
    found = [views.waiting_release(one) for one in await visit.desk.holder.releases.waiting(own)]
    asked = sorted({field for one in found for field in one.fields})
    blanks = {field: _blank(visit, field) for field in asked} if visit.desk.source.by_hand else {}
    staff = await node.store.colleagues.all()
    return visit.show(
        "releases.html",
        waiting=[(one, _compared(visit, one)) for one in sorted(found, key=lambda one: not one.yours)],
        done=visit.session.notes.pop(_DONE, ""),
        reasons=REASONS,
        asked_why=ASKED_WHY,
        acts_for=await node.colleagues.reads_for(own),
        own=own,
        colleagues=[one for one in await node.colleagues.who_release() if one.staff != own],
        names={name: known.name for name, known in staff.items()},
        labels=visit.labels,
        blanks=blanks,
    )


def _compared(visit: Visit, one: WaitingRelease) -> Comparison:
    people = [line.person for line in one.candidates] + ([] if one.person is None else [one.person])
    columns = tuple(part for part in _COLUMNS if any(getattr(person, part) for person in people))
    asked = (
        None
        if one.person is None
        else Line("", "", blocked=False, cells=_cells(visit, one.person, columns), differs=())
    )
    return Comparison(columns, asked, tuple(_line(visit, row, columns) for row in one.candidates))


def _line(visit: Visit, row: CandidateLine, columns: tuple[str, ...]) -> Line:
    cells = _cells(visit, row.person, columns, row.differs)
    return Line(row.ref, row.file_number, row.transfer_block, cells, tuple(row.differs))


def _cells(
    visit: Visit, person: PersonBlock, columns: tuple[str, ...], differs: Iterable[str] = ()
) -> tuple[Cell, ...]:
    marked = frozenset(differs)
    return tuple(Cell(_written(visit, person, part), part in marked) for part in columns)


def _written(visit: Visit, person: PersonBlock, part: str) -> str:
    """Write a part of a person as people read it."""
    if part == _OTHER_NAMES:
        return ", ".join(person.other_names) or "\N{EN DASH}"
    known = getattr(person, part)
    field = FieldName(f"identity_core.{part}")
    return "\N{EN DASH}" if known is None else visit.shown(field, Value(value=known))


def _exchange(visit: Visit) -> ExchangeId:
    return ExchangeId(visit.request.path_params["exchange"])


def _back(visit: Visit, done: str) -> Response:
    """Lead back to the list, which says once what was done."""
    visit.session.notes[_DONE] = done
    return RedirectResponse("/releases", 303)


async def release(visit: Visit) -> Response:
    """Let the record of the chosen row travel, or keep this first of two yeses."""
    ref = visit.said("ref")
    if not ref:
        message = "ref: choose the row that is the person"
        raise Malformed(message)
    typed = _typed(visit) if visit.desk.source.by_hand else None
    staff, role = visit.colleague.caller
    kept = await visit.desk.holder.releases.release(
        _exchange(visit), Chosen(LocalRef(ref), staff, typed, CodeName(role))
    )
    return _back(visit, "released" if kept is None else "agreed")


async def confirm(visit: Visit) -> Response:
    """Be the second person, for the first yes that was looked at."""
    agreed_at = visit.said("agreed_at")
    if not agreed_at.isascii() or not agreed_at.isdigit():
        message = "agreed_at: which yes is confirmed, as the form says it"
        raise Malformed(message)
    await visit.desk.holder.releases.confirm(_exchange(visit), visit.colleague.caller.staff, int(agreed_at))
    return _back(visit, "released")


async def ask(visit: Visit) -> Response:
    """Ask a colleague to decide."""
    why = next((one for one in ASKED_WHY if one == visit.said("why")), None)
    if why is None and visit.said("why"):
        message = "why: is none of those offered"
        raise Malformed(message)
    wish = Wish(visit.said("colleague"), why, visit.said("note"))
    await visit.desk.holder.releases.ask(_exchange(visit), visit.colleague.caller.staff, wish)
    return _back(visit, "asked")


async def take_back(visit: Visit) -> Response:
    """End the asking, as who asked or who was asked."""
    await visit.desk.holder.releases.take_back(_exchange(visit), visit.colleague.caller.staff)
    return _back(visit, "taken_back")


class Blank(NamedTuple):
    """One field of a paper file on the screen: how it is typed, and the words to choose from where it is a code."""

    type: str
    words: tuple[tuple[str, str], ...]

    def word(self, typed: str) -> str:
        """Give the word for what was typed, where it is a code."""
        return dict(self.words).get(typed, typed)


def _blank(visit: Visit, field: FieldName) -> Blank:
    law = visit.law
    rule = None if law is None else law.fields.get(field)
    if law is None or rule is None:
        return Blank("text", ())
    known = None if rule.code_list is None else law.code_lists.get(rule.code_list)
    words = () if known is None else tuple((one.code, getattr(one.label, visit.language)) for one in known.values)
    return Blank(rule.type, words)


def _typed(visit: Visit) -> dict[FieldName, tuple[Typed, ...]]:
    """Take what a human typed of a paper file; a blank field is not known. Malformed names what breaks a rule."""
    found: dict[FieldName, tuple[Typed, ...]] = {}
    about = {
        "verified": visit.said("verified") or "none",
        "discussed": typed_date("discussed", visit.said("discussed")),
    }
    for name in visit.form:
        field = name.removeprefix(_TYPED)
        if name == field or not visit.said(name):
            continue
        try:
            found[FieldName(field)] = (Typed.model_validate({"text": visit.said(name), **about}),)
        except ValueError as error:
            message = f"{field}: is too long or holds a sign that is none"
            raise Malformed(message) from error
    return found


async def refuse(visit: Visit) -> Response:
    """Refuse for a coded reason; outwardly nothing happens until the deadline."""
    why = next((one for one in REASONS if one == visit.said("reason")), None)
    if why is None:
        message = "reason: is none of those offered"
        raise Malformed(message)
    await visit.desk.holder.releases.refuse(_exchange(visit), visit.colleague.caller.staff, why)
    return _back(visit, "refused")


async def disclosures(visit: Visit) -> Response:
    """Show the disclosure register, newest first: what Art. 15 GDPR asks for."""
    lines = [views.disclosure(line) for line in await visit.desk.running.store.received.disclosures()]
    return visit.show("disclosures.html", lines=lines, labels=visit.labels)
