"""FLOW of one visit of an auditor: the token opens the pages, each page reads the log, nothing here changes anything.

The token is typed once; for the length of a visit the server knows the auditor by a cookie of its own. A token that is
unknown, old or guessed looks like any other, and so does too much trying.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.web.answers import file, in_language, staff_language
from adapters.web.forms import read_form, said
from adapters.web.headers import Headers
from adapters.web.pages import Pages
from adapters.web.sessions import FORM_FIELD, Session, Sessions
from adapters.web.texts import StaffLanguage
from adapters.web.throttle import Throttle, address_of
from broker.audit_pages.charts import chart
from broker.audit_pages.shown import Words
from broker.audit_pages.wishes import BASES, KINDS, Wish, index_in
from broker.auditing import Auditing
from broker.core.tally import Tally
from broker.long_work import LongWork
from broker.operator_api import may_read_entries
from broker.witness_state import WitnessState
from consent_ledger.core.state import LedgerState
from schemas.errors import HandschlagError, LedgerInconsistent, Malformed, Pruned
from schemas.ids import Hash
from schemas.registry import Registry

PREFIX: Final = "/audit"
MAX_TOKEN: Final = 500

_log = structlog.get_logger()

End = Callable[[Request], Awaitable[Response]]
Door = tuple[str, str]
"""A method and a path below `PREFIX`."""


@dataclass(frozen=True)
class Visit:
    """One request by an auditor whose session was found."""

    front: "Front"
    request: Request
    session: Session[None]
    language: StaffLanguage

    @cached_property
    def words(self) -> Words:
        """What the log means in the auditor's language."""
        front = self.front
        return Words(front.pages.texts[self.language], self.language, front.state(), front.registries)

    def show(self, template: str, status: int = 200, /, **values: object) -> Response:
        """Answer with a page, with the navigation."""
        frame = {"form_field": FORM_FIELD, "form_secret": self.session.form_secret, "words": self.words}
        return self.front.show(template, self.request, status=status, inside=True, **frame, **values)


Page = Callable[[Visit], Awaitable[Response]]

EXPORT: Final[Door] = ("POST", "/export")
PACKED: Final = frozenset({EXPORT})
"""What is small already; packing it once more would only keep the broker busy."""
_SMALLER: Final = Middleware(GZipMiddleware, minimum_size=500)


@dataclass(frozen=True)
class Front:
    """The auditor's pages of one broker; `auditors` are SHA-256 of tokens, `sessions` of a cookie of its own."""

    auditing: Auditing
    witnesses: Callable[[], Awaitable[WitnessState | None]]
    tally: Callable[[], Awaitable[Tally]]
    work: LongWork
    state: Callable[[], LedgerState]
    registries: Mapping[Hash, Registry]
    auditors: Sequence[Hash]
    sessions: Sessions[None]
    throttle: Throttle
    pages: Pages

    def app(self, more: Mapping[Door, Page], *, tls: bool) -> Starlette:
        """Give the web application, with more pages than those of this file; the shared assets are served beside it."""
        open_ends: dict[Door, End] = {
            ("GET", ""): self._entry,
            ("POST", ""): self._typed,
            ("POST", "/language"): self._set_language,
        }
        pages: dict[Door, Page] = {
            ("POST", "/leave"): self._leave,
            ("GET", "/entries"): self._entries,
            ("GET", "/entries/{index}"): self._one,
            ("GET", "/entries/{index}/{form}"): self._proof,
            ("GET", "/charts"): self._charts,
            ("GET", "/witnesses"): self._witnesses,
            ("GET", "/checkpoint"): self._checkpoint,
            ("GET", "/check"): self._check,
        }
        ends = open_ends | {door: self._behind(door, page) for door, page in {**pages, **more}.items()}
        routes = [
            Route(PREFIX + path, end, methods=[method], middleware=[] if (method, path) in PACKED else [_SMALLER])
            for (method, path), end in ends.items()
        ]
        middleware = [Middleware(Headers, tls=tls, fetches=True)]
        handlers = {HTTPException: self._problem, HandschlagError: self._failed}
        return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)

    def _behind(self, door: Door, page: Page) -> End:
        """Give the end of a route: session and form are checked before the page sees anything."""

        async def serve(request: Request) -> Response:
            """Let an auditor in, or not."""
            session = self.sessions.of(request)
            if session is None:
                return RedirectResponse(PREFIX, 303)
            if door[0] == "POST" and not session.sent_by_its_form(said(await read_form(request), FORM_FIELD)):
                return self._told(request, "error.form", 403)
            return await page(Visit(self, request, session, staff_language(request)))

        return serve

    # -- the way in and out ----------------------------------------------------------------------------------------

    async def _entry(self, request: Request) -> Response:
        """Ask for the token, or lead on whoever has typed it."""
        if self.sessions.of(request) is not None:
            return RedirectResponse(f"{PREFIX}/entries", 303)
        return self.show("sign_in.html", request, problem="")

    async def _typed(self, request: Request) -> Response:
        """Take a token; compared with every auditor's in constant time."""
        address = address_of(request)
        if not self.throttle.may_try(address):
            return self.show("sign_in.html", request, status=429, problem="sign_in.later")
        token = said(await read_form(request), "token")
        if not token or len(token) > MAX_TOKEN or not may_read_entries(f"Bearer {token}", self.auditors):
            self.throttle.failed(address)
            return self.show("sign_in.html", request, status=403, problem="sign_in.wrong")
        response = RedirectResponse(f"{PREFIX}/entries", 303)
        self.sessions.begin(None, response)
        return response

    async def _leave(self, visit: Visit) -> Response:
        """End the session."""
        response = RedirectResponse(PREFIX, 303)
        self.sessions.end(visit.request, response)
        return response

    async def _set_language(self, request: Request) -> Response:
        """Change the language of the pages."""
        return in_language(said(await read_form(request), "language"), PREFIX)

    # -- the pages -------------------------------------------------------------------------------------------------

    async def _entries(self, visit: Visit) -> Response:
        """Show a page of the log, newest first, filtered."""
        said = visit.request.query_params
        wish = Wish.of(said)
        offered: dict[str, object] = {"wish": wish, "bases": BASES, "kinds": KINDS, "size": self.auditing.size}
        try:
            found = await self.auditing.find(wish.wanted, index_in(said, "before"))
        except Malformed as error:
            return visit.show("entries.html", 422, **offered, found=None, problem=str(error))
        return visit.show("entries.html", **offered, found=found, problem="")

    async def _one(self, visit: Visit) -> Response:
        """Show one entry and the exchange it belongs to."""
        index, after = index_in(visit.request.path_params, "index"), index_in(visit.request.query_params, "after")
        opened = None if index is None else await self.auditing.open(index, after)
        if opened is None:
            raise HTTPException(404)
        return visit.show("entry.html", opened=opened, size=self.auditing.size, after=after)

    async def _proof(self, visit: Visit) -> Response:
        """Give an entry's bytes, or the proof that it stands in the log (C2SP tlog-proof)."""
        index, form = index_in(visit.request.path_params, "index"), visit.request.path_params["form"]
        receipt = None if index is None else await self.auditing.receipt(index)
        if receipt is None or form not in {"entry", "tlog-proof"}:
            raise HTTPException(404)
        content = receipt.entry if form == "entry" else receipt.proof
        return file(content, f"{index}.{form}")

    async def _charts(self, visit: Visit) -> Response:
        """Show how many exchanges there were, drawn and in numbers."""
        tally, words = await self.tally(), visit.words
        outcomes = {**tally.outcomes, "unanswered": tally.unanswered}
        charts = [
            chart("purposes", ((name, words.purpose(name), count) for name, count in tally.purposes.items())),
            chart("outcomes", ((words.outcome(name), words.outcome(name), count) for name, count in outcomes.items())),
            chart("languages", ((words.tongue(name), words.tongue(name), n) for name, n in tally.languages.items())),
        ]
        return visit.show("charts.html", charts=charts, tally=tally, size=self.auditing.size)

    async def _witnesses(self, visit: Visit) -> Response:
        """Show the checkpoint and who has cosigned it."""
        return visit.show("witnesses.html", found=await self.witnesses())

    async def _checkpoint(self, _: Visit) -> Response:
        """Give the checkpoint with its cosignatures, to be kept for a later audit."""
        note = self.auditing.checkpoint()
        if note is None:
            raise HTTPException(404)
        return file(note, "checkpoint")

    async def _check(self, visit: Visit) -> Response:
        """Say how to check all of it on a machine of one's own."""
        return visit.show("check.html", log=f"{str(visit.request.base_url).rstrip('/')}/log")

    # -- showing ---------------------------------------------------------------------------------------------------

    def show(
        self, template: str, request: Request, *, status: int = 200, inside: bool = False, **values: object
    ) -> Response:
        """Answer with a page; `inside` tells that an auditor is signed in."""
        frame = {"home": PREFIX, "here": request.url.path, "inside": inside}
        return self.pages.show(template, staff_language(request), status=status, **frame, **values)

    def _told(self, request: Request, key: str, status: int) -> Response:
        return self.show("problem.html", request, status=status, key=key)

    async def _problem(self, request: Request, error: Exception) -> Response:
        return self._told(request, "error.not_found", cast("HTTPException", error).status_code)

    async def _failed(self, request: Request, error: Exception) -> Response:
        """Say that it did not work; for the operator a line says why, by a code that names nobody."""
        if isinstance(error, LedgerInconsistent):
            raise error
        if isinstance(error, Pruned):
            return self._told(request, "error.pruned", 410)
        _log.warning("audit page failed", code=cast("HandschlagError", error).code.value, error=type(error).__name__)
        return self._told(request, "error.title", 503)
