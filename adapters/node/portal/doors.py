"""Who may open which page: one table of pages and roles, as `access.ALLOWED` is for the API. Nothing else is served."""

from collections.abc import Mapping
from typing import Final

from adapters.node.access import Role, Route

_ASKING: Final = frozenset({Role.ADVISER, Role.SPECIALLY_AUTHORISED})
_ANSWERING: Final = frozenset({Role.CLERK_ANSWER})
_OFFICER: Final = frozenset({Role.DPO})
_SETTLING: Final = frozenset({*_ASKING, *_ANSWERING, Role.ACCESS_STEWARD})
_STAFF: Final = frozenset({*_ASKING, Role.CLERK_ANSWER, Role.ACCESS_STEWARD, Role.DPO, Role.AUDITOR})

OPEN: Final = frozenset({Route("GET", "/login"), Route("GET", "/login/go"), Route("GET", "/login/back")})
"""What is shown before a login: the way to it. Static assets are open too, and hold nothing of anybody."""

DOORS: Final[Mapping[Route, frozenset[Role]]] = {
    Route("GET", "/"): _STAFF,
    Route("POST", "/logout"): _STAFF,
    Route("POST", "/language"): _STAFF,
    Route("GET", "/clients"): _ASKING,
    Route("POST", "/clients"): _ASKING,
    Route("POST", "/case"): _ASKING,
    Route("GET", "/case"): _ASKING,
    Route("POST", "/case/question"): _ASKING,
    Route("POST", "/case/send"): _ASKING,
    Route("POST", "/case/package"): _ASKING,
    Route("POST", "/case/package/send"): _ASKING,
    Route("GET", "/packages/{occasion}"): _ASKING,
    Route("GET", "/requests"): _ASKING,
    Route("GET", "/requests/{exchange}"): _ASKING,
    Route("GET", "/requests/{exchange}/export/{form}"): _ASKING,
    Route("GET", "/requests/{exchange}/notice/{language}"): _ASKING,
    Route("GET", "/notices"): _ASKING,
    Route("GET", "/notices/{exchange}"): _ASKING,
    Route("POST", "/notices/{exchange}"): _ASKING,
    Route("POST", "/arrangements"): _ASKING,
    Route("POST", "/arrangements/forget"): _ASKING,
    Route("GET", "/stand-ins"): _SETTLING,
    Route("POST", "/stand-ins"): _SETTLING,
    Route("POST", "/stand-ins/end"): _SETTLING,
    Route("GET", "/consents"): _ASKING,
    Route("POST", "/consents/offer"): _ASKING,
    Route("POST", "/consents/renew"): _ASKING,
    Route("GET", "/consents/card"): _ASKING,
    Route("POST", "/consents/answer"): _ASKING,
    Route("POST", "/consents/yes"): _ASKING,
    Route("POST", "/consents/no"): _ASKING,
    Route("POST", "/consents/later"): _ASKING,
    Route("POST", "/consents/resume"): _ASKING,
    Route("GET", "/consents/receipt"): _ASKING,
    Route("GET", "/consents/receipt.pdf"): _ASKING,
    Route("POST", "/consents/end"): _ASKING,
    Route("POST", "/consents/request"): _ASKING,
    Route("GET", "/consents/request"): _ASKING,
    Route("POST", "/consents/request/record"): _ASKING,
    Route("GET", "/holdings"): _STAFF,
    Route("GET", "/releases"): _ANSWERING,
    Route("POST", "/releases/{exchange}/release"): _ANSWERING,
    Route("POST", "/releases/{exchange}/confirm"): _ANSWERING,
    Route("POST", "/releases/{exchange}/refuse"): _ANSWERING,
    Route("POST", "/releases/{exchange}/ask"): _ANSWERING,
    Route("POST", "/releases/{exchange}/take-back"): _ANSWERING,
    Route("GET", "/officer"): _OFFICER,
    Route("GET", "/officer/registry"): _OFFICER,
    Route("GET", "/officer/papers/{name}/{form}"): _OFFICER,
    Route("GET", "/officer/person"): _OFFICER,
    Route("POST", "/officer/person"): _OFFICER,
    Route("POST", "/officer/approve"): _OFFICER,
    Route("POST", "/officer/renew"): _OFFICER,
    Route("POST", "/officer/end"): _OFFICER,
    Route("GET", "/watch"): _OFFICER,
    Route("POST", "/watch/resolve"): _OFFICER,
    Route("GET", "/disclosures"): frozenset({*_ANSWERING, Role.DPO}),
    Route("POST", "/holdings/publish"): frozenset({Role.DPO, Role.ACCESS_STEWARD}),
}
"""Every other page, and the roles that may open it."""

AREAS: Final = (
    "/clients",
    "/requests",
    "/notices",
    "/releases",
    "/disclosures",
    "/consents",
    "/officer",
    "/watch",
    "/stand-ins",
    "/holdings",
)
"""What the navigation leads to, in its order; each colleague sees what their role may open."""
