"""Who may do what over HTTP: one table of routes and roles (DOMAIN b.7). What does not stand in it is not served.

No role sees more than its work needs: the data protection officer approves and stops and sees no record, the operator
sees counters and no data, an adviser sees the requests of the staff id in the token alone.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Role(StrEnum):
    """What a person is at the agency, as the token says; the statement's `role` is the same word."""

    ADVISER = "adviser"
    CLERK_ANSWER = "clerk_answer"
    SPECIALLY_AUTHORISED = "specially_authorised"
    ACCESS_STEWARD = "access_steward"
    DPO = "dpo"
    PLANNER = "planner"
    LANGUAGE_COORDINATOR = "language_coordinator"
    COURSE_OFFICE = "course_office"
    AUDITOR = "auditor"
    TEXT_EDITOR = "text_editor"
    TRANSLATOR = "translator"
    CLIENT = "client"
    GUARDIAN = "guardian"
    OPERATOR = "operator"


class Route(NamedTuple):
    """A method and a path; what stands in braces is an id, never a name."""

    method: str
    path: str


_ASKING: Final = frozenset({Role.ADVISER, Role.SPECIALLY_AUTHORISED})
_ANSWERING: Final = frozenset({Role.CLERK_ANSWER})
_OFFICER: Final = frozenset({Role.DPO})
_STAFF: Final = frozenset({*_ASKING, *_ANSWERING, Role.ACCESS_STEWARD, Role.DPO, Role.AUDITOR})

OPEN: Final = frozenset({Route("GET", "/health")})
"""The only route that asks for no token; it says ready or not, and nothing else."""

ALLOWED: Final[Mapping[Route, frozenset[Role]]] = {
    Route("POST", "/v1/requests"): _ASKING,
    Route("GET", "/v1/requests"): _ASKING,
    Route("GET", "/v1/requests/{exchange}"): _ASKING,
    Route("GET", "/v1/requests/{exchange}/notice.pdf"): _ASKING,
    Route("GET", "/v1/notices"): _ASKING,
    Route("POST", "/v1/requests/{exchange}/notice"): _ASKING,
    Route("GET", "/v1/requests/{exchange}/receipt"): frozenset({*_ASKING, Role.DPO, Role.AUDITOR}),
    Route("POST", "/v1/packages"): _ASKING,
    Route("GET", "/v1/packages"): _ASKING,
    Route("GET", "/v1/packages/{occasion}"): _ASKING,
    Route("POST", "/v1/consents"): _ASKING,
    Route("POST", "/v1/consents/text"): _ASKING,
    Route("POST", "/v1/bases"): _ASKING,
    Route("POST", "/v1/consents/{consent}/codes"): _ASKING,
    Route("GET", "/v1/consents/{consent}/receipt.pdf"): _ASKING,
    Route("GET", "/v1/consents"): _ASKING,
    Route("GET", "/v1/consents/{consent}/record"): frozenset({*_ASKING, Role.DPO}),
    Route("POST", "/v1/consents/refusals"): _ASKING,
    Route("POST", "/v1/consents/{consent}/withdraw"): frozenset({*_ASKING, Role.DPO}),
    Route("GET", "/v1/disclosures"): frozenset({*_ANSWERING, Role.DPO}),
    Route("GET", "/v1/releases"): _ANSWERING,
    Route("POST", "/v1/releases/{exchange}/release"): _ANSWERING,
    Route("GET", "/v1/releases/colleagues"): _ANSWERING,
    Route("GET", "/v1/releases/steps"): _OFFICER,
    Route("POST", "/v1/releases/{exchange}/confirm"): _ANSWERING,
    Route("POST", "/v1/releases/{exchange}/refuse"): _ANSWERING,
    Route("POST", "/v1/releases/{exchange}/ask"): _ANSWERING,
    Route("POST", "/v1/releases/{exchange}/take-back"): _ANSWERING,
    Route("POST", "/v1/clients/search"): frozenset({*_ASKING, *_ANSWERING}),
    Route("GET", "/v1/papers/{paper}"): _OFFICER,
    Route("POST", "/v1/approvals"): _OFFICER,
    Route("POST", "/v1/approvals/{approval}/renew"): _OFFICER,
    Route("DELETE", "/v1/approvals/{approval}"): _OFFICER,
    Route("GET", "/v1/approvals"): frozenset({Role.DPO, Role.ACCESS_STEWARD, Role.AUDITOR}),
    Route("PUT", "/v1/catalogue"): frozenset({Role.DPO, Role.ACCESS_STEWARD}),
    Route("GET", "/v1/registry"): _STAFF,
    Route("GET", "/v1/catalogues"): _STAFF,
    Route("GET", "/metrics"): frozenset({Role.OPERATOR}),
    Route("GET", "/openapi.json"): frozenset({*_STAFF, Role.OPERATOR}),
}
"""Every other route, and the roles that may use it."""


_PATTERNS: Final = {
    route: re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", route.path.replace(".", r"\."))) for route in (*OPEN, *ALLOWED)
}


def routes_of(path: str) -> tuple[Route, ...]:
    """Give the routes a path may mean, one for each method; none for a path that is not served."""
    return tuple(route for route, pattern in _PATTERNS.items() if pattern.fullmatch(path))


def may(role: Role, route: Route) -> bool:
    """Tell whether a role may use a route."""
    return role in ALLOWED.get(route, frozenset())
