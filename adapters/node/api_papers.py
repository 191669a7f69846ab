"""The part of the node's HTTP API that gives papers; who may have which says `access.ALLOWED`."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from adapters.node.api_calls import ExchangePath, Who
from adapters.node.api_consents import ConsentPath
from adapters.node.desk import Desk
from adapters.node.papers import officer
from adapters.node.papers.blocks import Attached, Paper, markdown
from adapters.node.papers.pdf import in_thread
from adapters.node.papers.receipt import notice, receipt
from adapters.node.papers.record import record
from schemas.ids import ExchangeId
from schemas.statements import Language

PDF: Final = "application/pdf"
JSON_LD: Final = "application/ld+json"
MARKDOWN: Final = "text/markdown; charset=utf-8"

PaperPath = Annotated[str, Path(pattern=r"^[a-z0-9]{1,20}$", description="Which paper: processing, assessment, ...")]
_PDF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {PDF: {}}, "description": "A PDF."}}
_PDF_OR_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {PDF: {}, "text/markdown": {}}, "description": "The paper."}
}


_RECORD: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {JSON_LD: {}}, "description": "The record."}}


def papers(desk: Desk) -> APIRouter:
    """Serve papers for clients and for data protection."""
    router = APIRouter(tags=["papers"])

    @router.get("/consents/{consent}/receipt.pdf", response_class=Response, responses=_PDF)
    async def consent_receipt(consent: ConsentPath) -> Response:
        """Give a collected consent's receipt for the client: both codes, in the client's language and in German."""
        return await _pdf(desk, receipt(await desk.running.consents.get(consent), desk.making))

    @router.get("/consents/{consent}/record", response_class=Response, responses=_RECORD)
    async def consents_record(consent: ConsentPath) -> Response:
        """Give a collected consent's record by ISO/IEC TS 27560, as JSON-LD with terms of the DPV; no person."""
        content = record(await desk.running.consents.get(consent), desk.making, desk.now_ms)
        return JSONResponse(content, media_type=JSON_LD)

    @router.get("/requests/{exchange}/notice.pdf", response_class=Response, responses=_PDF)
    async def request_notice(exchange: ExchangePath, who: Who, language: Language = "de") -> Response:
        """Give the notice for the person of one of the caller's own requests on a statute (Art. 13, 14 GDPR)."""
        asked = await desk.own_request(ExchangeId(exchange), who)
        code = await desk.running.store.notices.code(asked.exchange)
        return await _pdf(desk, notice(asked, code, language, desk.making))

    @router.get("/papers/{paper}", response_class=Response, responses=_PDF_OR_TEXT)
    async def officers_paper(paper: PaperPath, form: Literal["pdf", "md"] = "pdf") -> Response:
        """Give a paper for data protection as it follows from law, settings and approvals: PDF, or Markdown to edit."""
        at_ms = desk.now_ms
        made = officer.paper(paper, desk.making, desk.running.approvals.own(), at_ms)
        if form == "md":
            return Response(markdown([made]), media_type=MARKDOWN)
        return await _pdf(desk, ([made], []))

    return router


async def _pdf(desk: Desk, made: tuple[list[Paper], list[Attached]]) -> Response:
    """Answer with papers as a PDF, made beside the event loop."""
    content = await in_thread(*made, desk.now_ms)
    return Response(content, media_type=PDF, headers={"Content-Disposition": "inline"})
