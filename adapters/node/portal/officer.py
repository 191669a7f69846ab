"""The data protection officer's pages: approvals to give and to end; the catalogue that the steward publishes."""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from starlette.responses import RedirectResponse, Response

from adapters.node import api_views as views
from adapters.node.access import Role, Route
from adapters.node.approvals import Wish
from adapters.node.core.compose import lawbook
from adapters.node.portal.front import Page, Visit
from adapters.web.client_words import shipped_words
from schemas.calendar import DAY_MS
from schemas.errors import Malformed
from schemas.ids import ApprovalId, CodeName, FieldName, Purpose
from schemas.registry import conditions_of
from schemas.statements import SINGLE_CASE

DAYS: Final = ("90", "180", "365")
"""For how long an approval may be given here; it is renewed by hand, so that somebody looks at it again."""
SOON_DAYS: Final = 60
"""So long before its end an approval is marked: time enough to look at it again."""
ASKING: Final = (Role.ADVISER, Role.SPECIALLY_AUTHORISED, Role.CLERK_ANSWER)


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/officer"): desk,
        Route("POST", "/officer/approve"): approve,
        Route("POST", "/officer/renew"): renew,
        Route("POST", "/officer/end"): end,
        Route("GET", "/holdings"): holdings,
        Route("POST", "/holdings/publish"): publish,
    }


async def desk(visit: Visit) -> Response:
    """Show what is approved, and what may be."""
    node = visit.desk.running
    now_ms = visit.desk.now_ms
    given = [views.approval_line(name, approval) for name, approval in node.approvals.own().items()]
    purposes = views.purposes(node.federation.view, node.identity.agency, now_ms)
    return visit.show(
        "officer.html",
        given=sorted(given, key=lambda one: one.valid_until_ms),
        soon_ms=now_ms + SOON_DAYS * DAY_MS,
        purposes=purposes,
        days=DAYS,
        roles=ASKING,
        labels=visit.labels,
        single_case=SINGLE_CASE,
        demands=sorted(conditions_of(lawbook(node.federation.view)) - {SINGLE_CASE}),
    )


async def approve(visit: Visit) -> Response:
    """Approve a kind of access: a role, a purpose, at most the ticked fields, for some days."""
    days, role = visit.said("days"), visit.said("role")
    if days not in DAYS or role not in ASKING:
        message = "days, role: choose what is offered"
        raise Malformed(message)
    node = visit.desk.running
    until = visit.desk.now_ms + int(days) * DAY_MS
    fields = tuple(FieldName(name) for name in visit.form.get("fields", []))
    wish = Wish(
        role=CodeName(role),
        purpose=Purpose(visit.said("purpose")),
        valid_until=until,
        fields=fields,
        automatic=visit.said("automatic") == "yes",
        conditions=tuple(map(CodeName, visit.form.get("conditions", []))),
    )
    await node.approvals.approve(wish)
    return RedirectResponse("/officer", 303)


async def renew(visit: Visit) -> Response:
    """Approve the same again for twelve months from now."""
    await visit.desk.running.approvals.renew(ApprovalId(visit.said("approval")))
    return RedirectResponse("/officer", 303)


async def end(visit: Visit) -> Response:
    """End an approval; what was granted under it and not disclosed yet is withheld."""
    await visit.desk.running.approvals.end(ApprovalId(visit.said("approval")))
    return RedirectResponse("/officer", 303)


async def holdings(visit: Visit) -> Response:
    """Show which fields agencies say they hold: catalogues, never persons."""
    publishes, node = Route("POST", "/holdings/publish"), visit.desk.running
    current = await node.background.tried("catalogues", node.federation.learn_catalogues())
    found = [(one.agency, _by_category(one.fields)) for one in views.catalogues(node.federation.view)]
    can = node.source is not None and visit.may(publishes)
    kinds = shipped_words()[visit.language].words.category
    return visit.show(
        "holdings.html", catalogues=found, labels=visit.labels, kinds=kinds, may_publish=can, current=current
    )


def _by_category(fields: Iterable[FieldName]) -> list[tuple[str, list[FieldName]]]:
    """Put fields together by what they are about."""
    return [(category, list(names)) for category, names in groupby(fields, key=_category)]


def _category(field: FieldName) -> str:
    return field.partition(".")[0]


async def publish(visit: Visit) -> Response:
    """Tell the federation which fields this agency's source can deliver, as its mapping says."""
    await visit.desk.running.approvals.publish(visit.desk.source.catalogue)
    return RedirectResponse("/holdings", 303)
