"""FLOW of one page: find the door, know the visitor, check the form, let the page do its work, show what came of it.

A page is a function of a `Visit`. Whatever goes wrong on the way is one page of one sentence; nothing of a visit is
logged, and no address holds anything of a person: what a page is about stands in the session.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as Path

from adapters.node.access import Role, Route
from adapters.node.desk import Desk
from adapters.node.portal.doors import AREAS, DOORS, OPEN
from adapters.node.portal.problems import told
from adapters.node.tokens import Caller
from adapters.web.answers import in_language, staff_language
from adapters.web.assets import Assets
from adapters.web.forms import Form, read_form, said
from adapters.web.headers import Headers
from adapters.web.pages import Pages, day
from adapters.web.sessions import FORM_FIELD, Session, Sessions
from adapters.web.sign_on import SignOn
from adapters.web.texts import StaffLanguage
from adapters.web.throttle import Throttle, address_of
from schemas.errors import HandschlagError, LedgerInconsistent, Misuse, NotAuthentic, Unavailable
from schemas.ids import AgencyId, CodeName, FieldName, Purpose
from schemas.record import Value
from schemas.registry import OCCASIONS, CodeList, Registry, called


class Colleague(NamedTuple):
    """Who is logged in, as the sign-on says: the caller as the API knows them, a name to show, a team or none."""

    caller: Caller
    name: str
    team: str | None


@dataclass(frozen=True)
class Visit:
    """One request to one page by one colleague."""

    front: "Front"
    request: Request
    session: Session[Colleague]
    language: StaffLanguage
    form: Form

    @property
    def desk(self) -> Desk:
        """The node behind the pages."""
        return self.front.desk

    @property
    def colleague(self) -> Colleague:
        """Who is logged in."""
        return self.session.who

    @property
    def law(self) -> Registry | None:
        """The law in force, None while this node has not learned it."""
        return self.desk.running.federation.view.registry()

    @property
    def labels(self) -> dict[FieldName, str]:
        """The names of all fields of the law in the colleague's language."""
        law = self.law
        return {} if law is None else {name: getattr(field.label, self.language) for name, field in law.fields.items()}

    def agency(self, name: str) -> str:
        """Give what an agency is called: what kind of one it is, and the name by which the federation knows it."""
        agency = AgencyId(name)
        member = self.desk.running.federation.view.state.members.get(agency)
        return str(getattr(called(agency, None if member is None else member.kind, self.law), self.language))

    @property
    def purposes(self) -> dict[Purpose, str]:
        """The names of all purposes of the law in the colleague's language."""
        rules = {} if self.law is None else self.law.purposes
        return {name: getattr(rule.row.label, self.language) for name, rule in rules.items()}

    def occasion(self, code: CodeName) -> str:
        """Give the law's word for what several requests are asked together for."""
        return self._word(None if self.law is None else self.law.code_lists.get(OCCASIONS), code)

    def shown(self, field: FieldName, one: Value) -> str:
        """Write a value as people read it: a code by its word, a date by the calendar, a truth in words."""
        value = one.value
        texts = self.front.pages.texts[self.language]
        if isinstance(value, bool):
            return texts("answer.yes" if value else "answer.no")
        law = self.law
        rule = None if law is None else law.fields.get(field)
        if law is None or rule is None or isinstance(value, int):
            return str(value)
        if rule.type == "date":
            return day(value)
        return self._word(None if rule.code_list is None else law.code_lists.get(rule.code_list), value)

    def _word(self, known: CodeList | None, code: str) -> str:
        """Give the word of a code, or the code itself where no list has it."""
        words = () if known is None else known.values
        return next((getattr(word.label, self.language) for word in words if word.code == code), code)

    def may(self, route: Route) -> bool:
        """Tell whether this colleague may open a page."""
        return self.colleague.caller.role in DOORS[route]

    def said(self, name: str) -> str:
        """Give what a form says in one field, without blanks around it; empty when it says nothing."""
        return said(self.form, name)

    def show(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Answer with a page, with the navigation this colleague has."""
        frame = {
            "who": self.colleague,
            "form_field": FORM_FIELD,
            "form_secret": self.session.form_secret,
            "areas": [path for path in AREAS if self.may(Route("GET", path))],
            "here": self.request.url.path,
            "visit": self,
        }
        return self.front.pages.show(template, self.language, status=status, **frame, **values)


Page = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Front:
    """The pages of one node."""

    desk: Desk
    sign_on: SignOn
    sessions: Sessions[Colleague]
    throttle: Throttle
    pages: Pages
    assets: Assets
    colleague_of: Callable[[Mapping[str, object]], Colleague]

    def app(self, pages: Mapping[Route, Page], login_origin: str, *, tls: bool) -> Starlette:
        """Give the web application; Misuse when pages and doors do not fit, so that none is left open or shut."""
        if pages.keys() | _OWN != DOORS.keys():
            message = "pages: doors and pages are not the same"
            raise Misuse(message)
        ways = {
            Route("GET", "/login"): self._login,
            Route("GET", "/login/go"): self._go,
            Route("GET", "/login/back"): self._back,
        }
        if ways.keys() != OPEN:
            message = "pages: another page is open than the login"
            raise Misuse(message)
        own = {Route("POST", "/logout"): self._log_out, Route("POST", "/language"): self._set_language}
        routes = [Path(route.path, end, methods=[route.method]) for route, end in ways.items()]
        for route, page in {**pages, **own}.items():
            routes.append(Path(route.path, self._behind(route, page), methods=[route.method]))
        middleware = [Middleware(Headers, login=login_origin, tls=tls), Middleware(GZipMiddleware, minimum_size=500)]
        return Starlette(
            routes=[*routes, self.assets.route()],
            middleware=middleware,
            exception_handlers={HTTPException: self._not_found, Exception: self._broken},
        )

    def _behind(self, route: Route, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """Give the end of a route: door, visitor and form are checked before the page sees anything."""

        async def serve(request: Request) -> Response:
            """Let a colleague in, or not."""
            session = self.sessions.of(request)
            if session is None:
                return RedirectResponse("/login", 303)
            language = staff_language(request)
            if session.who.caller.role not in DOORS[route]:
                return self._problem(request, "error.forbidden", 403)
            form = await read_form(request) if route.method == "POST" else {}
            if route.method == "POST" and not session.sent_by_its_form(said(form, FORM_FIELD)):
                return self._problem(request, "error.form", 403)
            visit = Visit(self, request, session, language, form)
            try:
                return await page(visit)
            except HandschlagError as error:
                if isinstance(error, LedgerInconsistent) and self.desk.node is not None:
                    self.desk.node.background.stop(error)
                return self._told(visit, error)

        return serve

    def _told(self, visit: Visit, error: HandschlagError) -> Response:
        """Say in a sentence what did not work; the code stands beside it for those who help."""
        labels = visit.labels if self.desk.node is not None and self.desk.node.ready else {}
        problem = told(error, self.pages.texts[visit.language], visit.language, labels)
        return visit.show("problem.html", status=problem.status, sentence=problem.sentence, code=problem.code)

    # -- the way in and out ----------------------------------------------------------------------------------------

    async def _login(self, request: Request) -> Response:
        """Show the way in."""
        return self.pages.show("login.html", staff_language(request), failed=False)

    async def _go(self, request: Request) -> Response:
        """Send the browser to the sign-on."""
        try:
            return await self.sign_on.begin()
        except Unavailable:
            return self._problem(request, "login.away", 503)

    async def _back(self, request: Request) -> Response:
        """Take a colleague who comes back from the sign-on; who fails too often waits a while."""
        address = address_of(request)
        if not self.throttle.may_try(address):
            return self._problem(request, "login.later", 429)
        try:
            colleague = self.colleague_of(await self.sign_on.finish(request))
        except NotAuthentic:
            self.throttle.failed(address)
            return self.pages.show("login.html", staff_language(request), status=403, failed=True)
        except Unavailable:
            return self._problem(request, "login.away", 503)
        if self.desk.node is not None and self.desk.node.ready:
            staff, role = colleague.caller
            await self.desk.node.colleagues.seen(staff, colleague.name, role)
        response = RedirectResponse("/", 303)
        self.sessions.begin(colleague, response)
        return response

    async def _log_out(self, visit: Visit) -> Response:
        """End the session here; the sign-on's own session is the sign-on's."""
        response = RedirectResponse("/login", 303)
        self.sessions.end(visit.request, response)
        return response

    async def _set_language(self, visit: Visit) -> Response:
        """Change the language of the pages, and go back to the start."""
        return in_language(visit.said("language"), "/")

    # -- what went wrong -------------------------------------------------------------------------------------------

    def _problem(self, request: Request, key: str, status: int) -> Response:
        language = staff_language(request)
        sentence = self.pages.texts[language](key)
        return self.pages.show("outside.html", language, status=status, sentence=sentence)

    async def _not_found(self, request: Request, error: Exception) -> Response:
        status = cast("HTTPException", error).status_code
        return self._problem(request, "error.not_found", status)

    async def _broken(self, request: Request, _: Exception) -> Response:
        """Say that something failed; a defect is reported by its type, and shows nothing here."""
        return self._problem(request, "error.title", 500)


_OWN: Final = frozenset({Route("POST", "/logout"), Route("POST", "/language")})


def colleague_of(role_claim: str, team_claim: str | None) -> Callable[[Mapping[str, object]], Colleague]:
    """Give what makes a colleague of an ID token's claims; NotAuthentic when the role is none of ours."""

    def made(claims: Mapping[str, object]) -> Colleague:
        """Take id, role, name and team."""
        try:
            role = Role(str(claims.get(role_claim)))
        except ValueError as error:
            message = "login: the sign-on names no role that is known here"
            raise NotAuthentic(message) from error
        staff, team = str(claims.get("sub", "")), claims.get(team_claim) if team_claim else None
        name = str(claims.get("name") or staff)
        return Colleague(Caller(staff, role), name, None if team is None else str(team))

    return made
