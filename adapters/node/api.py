"""The node's HTTP API, with parts in files of their own (`api_*`): for the agency's own systems and for the portal.

Nothing is open by default: `access.ALLOWED` says which role may use which route, and what does not stand there is not
served. A call's walk: known route, token, role, size (`_Gate`); then form (FastAPI and `api_models`); then the flow.
Every error is one shape, `{code, detail}`, with the stable codes of `schemas.errors`. What names a person is sent in
bodies, never in paths or queries, and nothing of a call is logged.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.node import api_models as shapes
from adapters.node import api_views as views
from adapters.node.access import OPEN, Role, may, routes_of
from adapters.node.api_calls import CALLER, ExchangePath, Who, question_of
from adapters.node.api_consents import ACCEPTED, consents
from adapters.node.api_notices import notices
from adapters.node.api_packages import packages
from adapters.node.api_papers import papers
from adapters.node.api_releases import releases
from adapters.node.approvals import Wish
from adapters.node.desk import Desk
from adapters.node.metrics import CONTENT_TYPE, render
from adapters.node.store.rows import AskedState
from adapters.sources.port import Search
from adapters.web.forms import declared_length
from schemas.errors import Code, HandschlagError, LedgerInconsistent, Malformed, Misuse, NotAuthentic
from schemas.ids import RANDOM_PATTERN, ApprovalId, CodeName, ExchangeId

MAX_BODY_BYTES: Final = 256 * 1024
MAX_FINDINGS: Final = 20

_OPEN_STATES: Final = frozenset({AskedState.SENT, AskedState.GRANTED})
_STATUS: Final[Mapping[Code, HTTPStatus]] = {
    Code.GRANT_UNKNOWN: HTTPStatus.NOT_FOUND,
    Code.CONSENT_UNKNOWN: HTTPStatus.NOT_FOUND,
    Code.GIVEN_UNKNOWN: HTTPStatus.NOT_FOUND,
    Code.NO_APPROVAL: HTTPStatus.NOT_FOUND,
    Code.GRANT_CLOSED: HTTPStatus.CONFLICT,
    Code.DEADLINE_PASSED: HTTPStatus.CONFLICT,
    Code.PROHIBITED: HTTPStatus.CONFLICT,
    Code.NOT_ENTITLED: HTTPStatus.CONFLICT,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": shapes.Problem, "description": "No valid token of this agency."},
    403: {"model": shapes.Problem, "description": "The token's role may not do this."},
    404: {"model": shapes.Problem, "description": "There is no such request, consent or approval here."},
    409: {"model": shapes.Problem, "description": "Too late, decided already, or for another person to decide."},
    413: {"model": shapes.Problem, "description": "The body is too large."},
    422: {"model": shapes.Problem, "description": "A field breaks a rule; nothing was changed."},
    503: {"model": shapes.Problem, "description": "Broker, source or disk did not answer; try again later."},
}
_NUMBERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {}}, "description": "Counters in the text format of Prometheus."}
}

_BEARER: Final = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A role token of this agency.")
ApprovalPath = Annotated[str, Path(pattern=RANDOM_PATTERN, description="The approval's id.")]


def make_app(desk: Desk) -> FastAPI:
    """Give the web application of a node."""
    app = FastAPI(
        title="Handschlag node",
        summary="Ask other agencies for a client's records, collect consents, release what others ask for.",
        version="1",
        docs_url=None,
        redoc_url=None,
    )
    asking, answering = (
        (_requests(desk), packages(desk), notices(desk), consents(desk)),
        (releases(desk), _answers(desk)),
    )
    for router in (*asking, *answering, papers(desk), _officer(desk)):
        app.include_router(router, prefix="/v1", responses=_ERRORS, dependencies=[Depends(_BEARER)])
    app.include_router(_upkeep(desk))

    @app.exception_handler(HandschlagError)
    async def told(_: Request, error: HandschlagError) -> JSONResponse:
        """Answer an error of ours; a contradiction of the log stops the node."""
        if isinstance(error, LedgerInconsistent) and desk.node is not None:
            desk.node.background.stop(error)
        return _problem(_status_of(error), error.code, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        """Name each field and the rule it breaks, and repeat no value."""
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, Code.MALFORMED, _findings(error))

    @app.exception_handler(HTTPException)
    async def unreadable(_: Request, __: HTTPException) -> JSONResponse:
        """Say that a body could not be read."""
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, Code.MALFORMED, "body: cannot be read")

    app.add_middleware(_Gate, desk=desk)
    return app


def _requests(desk: Desk) -> APIRouter:
    """Serve what this agency asks for."""
    router = APIRouter(tags=["asking"])

    @router.post("/requests", status_code=201, responses=ACCEPTED)
    async def ask(body: shapes.NewRequest, who: Who, response: Response) -> shapes.RequestDetail:
        """Ask another agency for fields of a client's record.

        201 when it is decided: `answered` with the record, or `refused` with the rule. 202 while it is `granted` (the
        holder answers later) or `sent` (the broker is out of reach and is asked again): look again at `Location`.
        """
        asked = await desk.requester.ask(question_of(body, who))
        if asked.state in _OPEN_STATES:
            response.status_code = HTTPStatus.ACCEPTED
        response.headers["Location"] = f"/v1/requests/{asked.exchange}"
        return desk.told(asked)

    @router.get("/requests")
    async def asked_by_me(who: Who) -> list[shapes.RequestLine]:
        """List the caller's own latest requests, newest first, without records."""
        return [views.request_line(asked) for asked in await desk.requester.results(who.staff)]

    @router.get("/requests/{exchange}")
    async def result(exchange: ExchangePath, who: Who) -> shapes.RequestDetail:
        """Give one of the caller's own requests: the record with provenance, what was cut and by which rule."""
        return desk.told(await desk.own_request(ExchangeId(exchange), who))

    @router.get("/requests/{exchange}/receipt")
    async def receipt(exchange: ExchangePath, who: Who) -> shapes.Receipts:
        """Give the ledger's receipts of a request: the entries' texts and their proofs. They name no person."""
        anybodys = who.role in {Role.DPO, Role.AUDITOR}
        asked = await (
            desk.requester.result(ExchangeId(exchange)) if anybodys else desk.own_request(ExchangeId(exchange), who)
        )
        return shapes.Receipts(grant=views.receipt_text(asked.grant), answer=views.receipt_text(asked.answer))

    return router


def _answers(desk: Desk) -> APIRouter:
    """Serve what others ask of this agency, and its own source."""
    router = APIRouter(tags=["answering"])

    @router.get("/disclosures")
    async def disclosures() -> list[shapes.Disclosure]:
        """Give the disclosure register, newest first: what Art. 15 GDPR asks for."""
        return [views.disclosure(line) for line in await desk.running.store.received.disclosures()]

    @router.post("/clients/search")
    async def search(body: shapes.ClientSearch) -> list[shapes.Client]:
        """Search this agency's own source; a body carries what is searched for, as paths and queries get logged."""
        return [views.client(found) for found in await desk.source.search(Search(**dict(body)))]

    return router


def _officer(desk: Desk) -> APIRouter:
    """Serve approvals, the catalogue and the law."""
    router = APIRouter(tags=["officer"])

    @router.post("/approvals", status_code=201)
    async def approve(body: shapes.NewApproval) -> shapes.Approved:
        """Approve a kind of access: a role, a purpose, at most these fields, until a day."""
        wish = Wish(
            role=CodeName(body.role),
            purpose=body.purpose,
            valid_until=body.valid_until_ms,
            fields=tuple(body.fields),
            ceiling=body.ceiling,
            automatic=body.automatic,
            conditions=tuple(body.conditions),
        )
        return shapes.Approved(approval=await desk.running.approvals.approve(wish))

    @router.post("/approvals/{approval}/renew", status_code=201)
    async def renew(approval: ApprovalPath) -> shapes.Approved:
        """Approve the same again for twelve months from now, in place of an approval that is in force."""
        return shapes.Approved(approval=await desk.running.approvals.renew(ApprovalId(approval)))

    @router.delete("/approvals/{approval}", status_code=204, response_model=None)
    async def end(approval: ApprovalPath) -> None:
        """End an approval; what was granted under it and not disclosed yet is withheld."""
        await desk.running.approvals.end(ApprovalId(approval))

    @router.get("/approvals")
    async def approvals() -> list[shapes.ApprovalLine]:
        """List this agency's approvals that are in force."""
        return [views.approval_line(name, approval) for name, approval in desk.running.approvals.own().items()]

    @router.put("/catalogue")
    async def publish() -> shapes.Catalogue:
        """Tell the federation which fields this agency's source can deliver, as its mapping says."""
        catalogue = desk.source.catalogue
        await desk.running.approvals.publish(catalogue)
        return shapes.Catalogue(agency=desk.running.identity.agency, fields=sorted(catalogue))

    @router.get("/registry")
    async def registry() -> list[shapes.PurposeLine]:
        """List the purposes in force with the agencies that may ask and hold."""
        identity = desk.running.identity
        return views.purposes(desk.running.federation.view, identity.agency, identity.clock.now_ms())

    @router.get("/catalogues")
    async def catalogues() -> list[shapes.Catalogue]:
        """List which fields agencies can deliver; while the broker is out of reach, as far as it is known here."""
        federation = desk.running.federation
        await desk.running.background.tried("catalogues", federation.learn_catalogues())
        return views.catalogues(federation.view)

    return router


def _upkeep(desk: Desk) -> APIRouter:
    """Serve health and counters."""
    router = APIRouter(tags=["upkeep"])

    @router.get("/health", responses={503: {"model": shapes.Health, "description": "Not ready."}})
    async def health(response: Response) -> shapes.Health:
        """Say whether the node does its work, and nothing else; the only route without a token.

        Not before it has joined; not while NATS or its disk is gone, its key is revoked or the log was found broken;
        not while receipts lack their witnesses.
        """
        found = await desk.health()
        if not found.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    @router.get("/metrics", response_class=Response, dependencies=[Depends(_BEARER)], responses=_NUMBERS | _ERRORS)
    async def metrics() -> PlainTextResponse:
        """Give counters in the text format of Prometheus; they name nobody."""
        node = desk.running
        asked, received = await node.store.asked.counts(), await node.store.received.counts()
        ready, ends_s = await desk.works(), desk.access_ends_s
        text = render(desk.reports, node.service.answered, asked, received, ready=ready, access_ends_s=ends_s)
        return PlainTextResponse(text, media_type=CONTENT_TYPE)

    return router


class _Gate:
    """Lets a call through to its route: a valid token, a route of the table, a role that may, a body not too large.

    It stands before everything else: nothing of a call is read before it is known who calls, and a route that is not in
    the table is not there.
    """

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        """Stand before an application."""
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one call."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, _unstored(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Give the answer to a call that is not let through, None for one that is; notes who calls."""
        routes = routes_of(scope["path"])
        route = next((route for route in routes if route.method == scope["method"]), None)
        if route in OPEN:
            return None
        try:
            caller = self._desk.tokens.verify(_bearer(scope))
        except NotAuthentic as error:
            headers = {"WWW-Authenticate": "Bearer"}
            return _problem(HTTPStatus.UNAUTHORIZED, error.code, str(error), headers)
        if route is None:
            status = HTTPStatus.METHOD_NOT_ALLOWED if routes else HTTPStatus.NOT_FOUND
            return _problem(status, Code.UNKNOWN_TOPIC, "request: no such path is served with this method")
        if not may(caller.role, route):
            return _problem(HTTPStatus.FORBIDDEN, Code.NOT_ENTITLED, "token: its role may not do this")
        if _too_large(scope):
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Code.TOO_LARGE, f"body: over {MAX_BODY_BYTES} bytes")
        scope[CALLER] = caller
        return None


def _bearer(scope: Scope) -> str:
    """Give the token of an Authorization header, empty where there is none or more than one."""
    headers = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, token = (headers[0] if len(headers) == 1 else b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _too_large(scope: Scope) -> bool:
    """Tell whether a body is too large, or does not say how large it is."""
    headers = dict(scope["headers"])
    length = declared_length(headers.get(b"content-length", b"0").decode("latin-1"))
    return b"transfer-encoding" in headers or length is None or length > MAX_BODY_BYTES


def _unstored(send: Send) -> Send:
    """Say that no answer may be stored on its way."""

    async def unstored(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return unstored


def _problem(status: HTTPStatus, code: Code, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": code.value, "detail": detail}, status, headers)


def _status_of(error: HandschlagError) -> HTTPStatus:
    """Give the status of an error: what the caller can mend is theirs, everything else is "try again later"."""
    if isinstance(error, Malformed | Misuse):
        return _STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
    return HTTPStatus.SERVICE_UNAVAILABLE


def _findings(error: RequestValidationError) -> str:
    """Put what is wrong with a call into one line: place and rule of each finding, no value."""
    found = error.errors()[:MAX_FINDINGS]
    if any(one["type"] == "json_invalid" for one in found):
        return "body: is no JSON"
    return "; ".join(f"{_place(one['loc'])}: {str(one['msg']).removeprefix('Value error, ')}" for one in found)


def _place(steps: Sequence[int | str]) -> str:
    """Name the way to a field; a key the caller made up is named only where it has the form of ours."""
    names = [str(step) for step in steps if step != "body"] or ["body"]
    return ".".join(name if re.fullmatch(r"[a-z0-9_]{1,64}", name) else "?" for name in names)
