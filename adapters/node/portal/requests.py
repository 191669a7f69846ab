"""What was asked and what came of it: the list, filtered and arranged as each colleague likes it, and the answer.

Filters and columns stand in the address, because they name nobody; a file number or a person never does.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Route
from adapters.node.notices import Notices
from adapters.node.packaging import Packaging
from adapters.node.portal.front import Page, Visit
from adapters.node.portal.packages import title
from adapters.node.store.colleagues import Arrangement, Known
from adapters.node.store.rows import NO_RECEIPT, Asked, AskedState
from adapters.web.pages import moment
from schemas.errors import Malformed
from schemas.ids import RANDOM_PATTERN, ExchangeId

COLUMNS: Final = ("at", "holder", "purpose", "case", "state", "answer_by", "basis", "staff")
SHOWN: Final = ("at", "holder", "purpose", "case", "state")
"""What is shown where nobody chose."""
MAX_NAME: Final = 60
RANDOM: Final = re.compile(RANDOM_PATTERN)
"""The form of a consent's id, by which a basis that is one is told from a norm."""


class Filter(NamedTuple):
    """What of the list is shown: only this state, holder or purpose, and these columns; empty is any."""

    state: str
    holder: str
    purpose: str
    columns: tuple[str, ...]

    @property
    def query(self) -> str:
        """The filter as an address has it."""
        said = [(name, getattr(self, name)) for name in ("state", "holder", "purpose")]
        return urlencode([pair for pair in said if pair[1]] + [("column", name) for name in self.columns])

    def fits(self, asked: Asked) -> bool:
        """Tell whether a request is shown."""
        pairs = ((self.state, asked.state), (self.holder, asked.holder), (self.purpose, asked.purpose))
        return all(wish in {"", is_} for wish, is_ in pairs)


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/requests"): requests,
        Route("GET", "/requests/{exchange}"): answer,
        Route("POST", "/arrangements"): arrange,
        Route("POST", "/arrangements/forget"): forget,
    }


async def requests(visit: Visit) -> Response:
    """List what this colleague, and those they stand in for, asked: newest first."""
    node, own = visit.desk.running, visit.colleague.caller.staff
    readable = await node.colleagues.reads_for(own)
    asked = await visit.desk.requester.results(*readable)
    packages = await Packaging(visit.desk.requester).started(*readable)
    wish, staff = _filter(visit.request.query_params.multi_items()), await node.store.colleagues.all()
    texts = visit.front.pages.texts[visit.language]
    return visit.show(
        "requests.html",
        wish=wish,
        packages=[(one, title(visit, one)) for one in packages],
        found=[_row(visit, one, wish.columns, staff) for one in asked if wish.fits(one)],
        columns=COLUMNS,
        states=[(state.value, texts(f"state.{state}")) for state in AskedState],
        holders=sorted({(one.holder, visit.agency(one.holder)) for one in asked}),
        asked_for=sorted({(one.purpose, visit.purposes.get(one.purpose, one.purpose)) for one in asked}),
        arrangements=await node.store.colleagues.arrangements(own),
    )


async def answer(visit: Visit) -> Response:
    """Show one answer: every value with where it comes from, and what was cut and why."""
    caller = visit.colleague.caller
    asked = await visit.desk.own_request(ExchangeId(visit.request.path_params["exchange"]), caller)
    await visit.desk.running.colleagues.looked(caller.staff, "", "read", None)
    # Who gave no consent is told of it: the notice is handed out in the person's language.
    told = RANDOM.fullmatch(asked.basis) is None and asked.grant != NO_RECEIPT
    return visit.show(
        "answer.html",
        notices=visit.desk.making.languages if told else {},
        due=Notices(visit.desk.requester).told_of(asked) if told else None,
        asked=visit.desk.told(asked),
        labels=visit.labels,
    )


async def arrange(visit: Visit) -> Response:
    """Keep the filter and columns of the list under a name."""
    name = visit.said("name")
    if not 0 < len(name) <= MAX_NAME:
        message = f"name: give the view a name of at most {MAX_NAME} letters"
        raise Malformed(message)
    wish = _filter((key, value) for key, values in visit.form.items() for value in values)
    tables = visit.desk.running.store.colleagues
    await visit.desk.running.store.write(tables.arrange(visit.colleague.caller.staff, Arrangement(name, wish.query)))
    return RedirectResponse(f"/requests?{wish.query}", 303)


async def forget(visit: Visit) -> Response:
    """Forget a view."""
    store = visit.desk.running.store
    await store.write(store.colleagues.forget_arrangement(visit.colleague.caller.staff, visit.said("name")))
    return RedirectResponse("/requests", 303)


class Row(NamedTuple):
    """A line of the list as it is shown: its cells in the order of the columns, and what its link is called by."""

    exchange: ExchangeId
    purpose: str
    at: str
    cells: tuple[str, ...]


def _row(visit: Visit, asked: Asked, columns: tuple[str, ...], staff: Mapping[str, Known]) -> Row:
    texts = visit.front.pages.texts[visit.language]
    known = staff.get(asked.staff)
    purpose, at = visit.purposes.get(asked.purpose, asked.purpose), moment(asked.at)
    cells = {
        "at": at,
        "holder": visit.agency(asked.holder),
        "purpose": purpose,
        "case": asked.case_ref or "\N{EN DASH}",
        "state": texts(f"state.{asked.state}"),
        "answer_by": moment(asked.answer_by),
        "basis": texts("requests.by_consent") if RANDOM.fullmatch(asked.basis) else asked.basis,
        "staff": asked.staff if known is None else known.name,
    }
    return Row(asked.exchange, purpose, at, tuple(cells[name] for name in columns))


def _filter(said: Iterable[tuple[str, str]]) -> Filter:
    """Take what an address or form says; what is none of ours is left aside."""
    pairs = list(said)
    only = {name: next((value for key, value in pairs if key == name), "") for name in ("state", "holder", "purpose")}
    columns = tuple(name for name in COLUMNS if ("column", name) in pairs)
    return Filter(**only, columns=columns or SHOWN)
