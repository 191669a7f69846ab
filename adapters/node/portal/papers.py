"""Pages that give files: an answer to keep or to work on, and what data protection wants in writing."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Route
from adapters.node.papers import exports
from adapters.node.papers.blocks import markdown
from adapters.node.papers.officer import paper
from adapters.node.papers.pdf import in_thread
from adapters.node.papers.person import as_json, as_paper, draw_up, proofs
from adapters.node.papers.receipt import notice, receipt
from adapters.node.portal.consents import RECEIPT
from adapters.node.portal.front import Page, Visit
from adapters.node.store.reports import Drawn
from adapters.web.answers import file
from schemas.errors import Code, Misuse
from schemas.ids import ConsentId, ExchangeId

TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "md": "text/markdown; charset=utf-8",
}


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/requests/{exchange}/export/{form}"): export,
        Route("GET", "/requests/{exchange}/notice/{language}"): notice_sheet,
        Route("GET", "/consents/receipt.pdf"): receipt_sheet,
        Route("GET", "/officer/papers/{name}/{form}"): officers_paper,
        Route("GET", "/officer/person"): person,
        Route("POST", "/officer/person"): persons_report,
    }


async def export(visit: Visit) -> Response:
    """Give one's own answer as a file, each value with where it comes from."""
    path = visit.request.path_params
    asked = await visit.desk.own_request(ExchangeId(path["exchange"]), visit.colleague.caller)
    form = str(path["form"])
    await visit.desk.running.colleagues.looked(visit.colleague.caller.staff, "", "read", None)
    match form:
        case "json":
            content = exports.as_json(asked)
        case "csv":
            content = exports.as_csv(asked, visit.labels)
        case "pdf":
            texts = visit.front.pages.texts[visit.language]
            sheet = exports.as_paper(asked, visit.labels, visit.shown, texts, visit.language)
            content = await in_thread([sheet], [], visit.desk.now_ms)
        case _:
            raise _no_form()
    return _file(content, f"answer.{form}", form)


async def notice_sheet(visit: Visit) -> Response:
    """Give the notice to hand to the person a request on a statute is about."""
    path, node = visit.request.path_params, visit.desk.running
    asked = await visit.desk.own_request(ExchangeId(path["exchange"]), visit.colleague.caller)
    code = await node.store.notices.code(asked.exchange)
    made = notice(asked, code, str(path["language"]), visit.desk.making)
    return _file(await in_thread(*made, visit.desk.now_ms), "notice.pdf", "pdf")


async def receipt_sheet(visit: Visit) -> Response:
    """Give the receipt of the consent just taken, to print for the client or to send to their phone."""
    name = visit.session.notes.get(RECEIPT, "").partition(" ")[0]
    if not name:
        return RedirectResponse("/consents", 303)
    made = receipt(await visit.desk.running.consents.get(ConsentId(name)), visit.desk.making)
    return _file(await in_thread(*made, visit.desk.now_ms), "receipt.pdf", "pdf")


async def officers_paper(visit: Visit) -> Response:
    """Give a paper for data protection, as PDF or as text to work on."""
    node, path = visit.desk.running, visit.request.path_params
    name, form, at_ms = str(path["name"]), str(path["form"]), visit.desk.now_ms
    made = paper(name, visit.desk.making, node.approvals.own(), at_ms)
    match form:
        case "md":
            content = markdown([made]).encode()
        case "pdf":
            content = await in_thread([made], [], at_ms)
        case _:
            raise _no_form()
    return _file(content, f"{name}.{form}", form)


async def person(visit: Visit) -> Response:
    """Show which reports were drawn up, and the form for another one."""
    return visit.show("person.html", drawn=await visit.desk.running.store.reports.all())


async def persons_report(visit: Visit) -> Response:
    """Give the report on one person (Art. 15 GDPR), for a written reason."""
    node, form = visit.desk.running, visit.said("form")
    at_ms = visit.desk.now_ms
    officer, (ref, case, reason) = visit.colleague.caller.staff, map(visit.said, ("ref", "case_ref", "reason"))
    if form not in {"pdf", "json"}:
        raise _no_form()
    report = await draw_up(node.store, Drawn(at_ms, officer, ref, case, reason))
    if form == "json":
        return _file(as_json(report), "report.json", form)
    content = await in_thread([as_paper(report, visit.desk.making)], proofs(report), at_ms)
    return _file(content, "report.pdf", form)


def _no_form() -> Misuse:
    message = "form: there is no such form of this paper"
    return Misuse(message, code=Code.MALFORMED)


def _file(content: bytes, name: str, form: str) -> Response:
    """Answer with a file that is saved under a name that says nothing of anybody."""
    return file(content, name, TYPES[form])
