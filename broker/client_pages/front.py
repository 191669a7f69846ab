"""FLOW of one visit of a client: a code opens the page, the page shows the log, the other code ends the consent.

The code stands in no address that stays: the QR code's leads on at once. For the length of a visit the server knows the
code by a cookie. A code that is unknown, old or guessed looks like any other, and so does too much trying.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, cast

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.web.answers import file
from adapters.web.assets import Assets
from adapters.web.client_words import shipped_words
from adapters.web.forms import read_form, said
from adapters.web.headers import Headers
from adapters.web.pages import Pages
from adapters.web.sessions import FORM_FIELD, Session, Sessions
from adapters.web.throttle import Throttle, address_of
from adapters.web.words import Words, language_for
from broker.client_pages.shown import line
from broker.clients import Clients, Opened
from consent_ledger.core.state import LedgerState
from schemas.client_address import CLIENT_PAGES
from schemas.client_texts import LANGUAGES
from schemas.errors import Busy, HandschlagError, LedgerInconsistent, Unavailable
from schemas.ids import Hash
from schemas.registry import Registry

PREFIX: Final = CLIENT_PAGES
MAX_CODE: Final = 80
_LANGUAGE: Final = "handschlag-client-language"

_log = structlog.get_logger()

End = Callable[[Request], Awaitable[Response]]


class Result(NamedTuple):
    """What came of typing the withdrawal code: `done`, `wrong` or `not_yet`; of `done` the entry that ended it."""

    what: str
    entry: int = 0
    at_ms: int = 0


@dataclass(frozen=True)
class Front:
    """The client's pages of one broker."""

    clients: Clients
    state: Callable[[], LedgerState]
    registries: Mapping[Hash, Registry]
    sessions: Sessions[str]
    throttle: Throttle
    pages: Pages
    assets: Assets

    def app(self, *, tls: bool) -> Starlette:
        """Give the web application."""
        ends: list[tuple[str, str, End]] = [
            ("GET", "", self._entry),
            ("POST", "", self._typed),
            ("GET", "/view", self._view),
            ("POST", "/stop", self._stop),
            ("POST", "/language", self._set_language),
            ("POST", "/leave", self._leave),
            ("GET", "/proof/{index}.{form}", self._proof),
            ("GET", "/{code}", self._scanned),
        ]
        routes = [Route(PREFIX + path, end, methods=[method]) for method, path, end in ends]
        middleware = [Middleware(Headers, tls=tls), Middleware(GZipMiddleware, minimum_size=500)]
        handlers = {HTTPException: self._problem, HandschlagError: self._unavailable}
        return Starlette(routes=[*routes, self.assets.route()], middleware=middleware, exception_handlers=handlers)

    # -- opening ---------------------------------------------------------------------------------------------------

    async def _entry(self, request: Request) -> Response:
        """Ask for the view code."""
        return self._show("entry.html", request, problem="")

    async def _typed(self, request: Request) -> Response:
        """Take a view code that was typed."""
        return await self._open(request, said(await read_form(request), "code"))

    async def _scanned(self, request: Request) -> Response:
        """Take a view code from the QR code's address, and lead on to one without it."""
        return await self._open(request, str(request.path_params["code"]))

    async def _open(self, request: Request, code: str) -> Response:
        address = address_of(request)
        if not self.throttle.may_try(address):
            return self._show("entry.html", request, status=429, problem="entry.later")
        opened = await self.clients.open(code) if len(code) <= MAX_CODE else None
        if opened is None:
            self.throttle.failed(address)
            return self._show("entry.html", request, status=404, problem="entry.wrong")
        response = RedirectResponse(f"{PREFIX}/view", 303)
        session = self.sessions.begin(code, response)
        session.notes["language"] = opened.language
        return response

    # -- the page --------------------------------------------------------------------------------------------------

    async def _view(self, request: Request) -> Response:
        """Show everything under the code."""
        session = self.sessions.of(request)
        opened = None if session is None else await self.clients.open(session.who)
        if session is None or opened is None:
            return RedirectResponse(PREFIX, 303)
        return self._shown(request, session, opened, None)

    async def _stop(self, request: Request) -> Response:
        """End the consent by the other code; said to be over only with the ledger's receipt."""
        session = self.sessions.of(request)
        form = await read_form(request)
        if session is None or not session.sent_by_its_form(said(form, FORM_FIELD)):
            return RedirectResponse(PREFIX, 303)
        address = address_of(request)
        result = Result("wrong")
        if self.throttle.may_try(address):
            result = await self._withdrawn(session.who, said(form, "code"))
        if result.what == "wrong":
            self.throttle.failed(address)
        opened = await self.clients.open(session.who)
        return RedirectResponse(PREFIX, 303) if opened is None else self._shown(request, session, opened, result)

    async def _withdrawn(self, view_code: str, code: str) -> Result:
        try:
            receipt = await self.clients.withdraw(view_code, code)
        except LedgerInconsistent:
            raise
        except (Busy, Unavailable):
            return Result("not_yet")
        if receipt is None:
            return Result("wrong")
        return Result("done", receipt.index, receipt.leaf.entry.time)

    async def _proof(self, request: Request) -> Response:
        """Give an entry of this story, or the proof that it stands in the log (C2SP tlog-proof)."""
        session = self.sessions.of(request)
        opened = None if session is None else await self.clients.open(session.who)
        named, form = request.path_params["index"], request.path_params["form"]
        index = (
            next((step.index for step in opened.steps if str(step.index) == named), -1) if opened is not None else -1
        )
        if index < 0 or form not in {"entry", "tlog-proof"}:
            raise HTTPException(404)
        receipt = await self.clients.sequencer.receipt(index)
        content = receipt.leaf.raw if form == "entry" else receipt.proof
        return file(content, f"{index}.{form}")

    async def _set_language(self, request: Request) -> Response:
        """Change the language of the pages."""
        wish = said(await read_form(request), "language")
        response = RedirectResponse(f"{PREFIX}/view" if self.sessions.of(request) else PREFIX, 303)
        if wish in LANGUAGES:
            response.set_cookie(_LANGUAGE, wish, max_age=86_400, secure=True, httponly=True, samesite="lax")
        return response

    async def _leave(self, request: Request) -> Response:
        """Forget the code."""
        response = RedirectResponse(PREFIX, 303)
        self.sessions.end(request, response)
        return response

    # -- showing ---------------------------------------------------------------------------------------------------

    def _shown(self, request: Request, session: Session[str], opened: Opened, result: Result | None) -> Response:
        language = self._language(request, opened.language)
        words = Words(self.pages.texts[language], language, self.state(), self.registries)
        return self._show(
            "view.html",
            request,
            language=language,
            opened=opened,
            words=words,
            say=partial(line, words),
            result=result,
            form_field=FORM_FIELD,
            form_secret=session.form_secret,
        )

    def _language(self, request: Request, wish: str = "") -> str:
        return language_for(request.cookies.get(_LANGUAGE, ""), wish, request.headers.get("accept-language", ""))

    def _show(
        self, template: str, request: Request, *, status: int = 200, language: str = "", **values: object
    ) -> Response:
        chosen = language or self._language(request)
        known = {name: shipped.words for name, shipped in shipped_words().items()}
        frame = {"direction": known[chosen].direction, "languages": known, "home": PREFIX}
        return self.pages.show(template, chosen, status=status, **frame, **values)

    async def _problem(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self._show("entry.html", request, status=status, problem="entry.wrong")

    async def _unavailable(self, request: Request, error: Exception) -> Response:
        """Say that it did not work yet; for the operator a line says why, by a code that names nobody."""
        if isinstance(error, LedgerInconsistent):
            raise error
        _log.warning("client page failed", code=cast("HandschlagError", error).code.value, error=type(error).__name__)
        return self._show("entry.html", request, status=503, problem="stop.not_yet")
