"""Callers of a node's HTTP API in a small world: each with a token of its role, over ASGI, without a socket."""

from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, Final

import httpx
from fastapi import FastAPI

from adapters.node.access import Role
from adapters.node.api import make_app
from adapters.node.desk import Desk
from adapters.node.metrics import Reports
from adapters.node.tokens import AUDIENCE, Claims, Tokens, issue, new_key, read_public
from schemas.errors import Code
from schemas.ids import AgencyId
from tests.support.node_world import RunningClock
from tests.support.small_town import FIELDS, HOLDER, PERSON, REQUESTER, Town, taken

PRIVATE, PUBLIC = new_key()
LIFE_S: Final = 600


@cache
def _api(agency: str) -> tuple[Desk, FastAPI]:
    """Make an agency's API once; making one takes longer than most tests."""
    tokens = Tokens(AgencyId(agency), read_public(PUBLIC), RunningClock())
    desk = Desk(tokens, Reports(lambda *_: None))
    return desk, make_app(desk)


@dataclass
class Front:
    """The HTTP API of one agency of a town; `logged` is what it told its log."""

    town: Town
    agency: str
    logged: list[tuple[str, Code]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        """Open the API over the agency's node."""
        node = self.town.world.nodes[self.agency]
        self.desk, self.app = _api(self.agency)
        self.desk.tokens = Tokens(AgencyId(self.agency), read_public(PUBLIC), node.identity.clock)
        self.desk.reports = Reports(lambda where, code: self.logged.append((where, code)))
        self.desk.node = node

    def claims(self, role: Role, staff: str = "staff-7", **changes: object) -> Claims:
        """Give the claims of a valid token."""
        now_s = self.town.world.clock.now_ms() // 1000
        claims = Claims(
            iss=AgencyId(self.agency),
            aud=AUDIENCE,
            sub=staff,
            role=role,
            iat=now_s,
            exp=now_s + LIFE_S,
            jti=f"{next(self._numbers):032x}",
        )
        return claims.model_copy(update=changes)

    def token(self, role: Role, staff: str = "staff-7") -> str:
        """Sign a valid token."""
        return issue(PRIVATE, self.claims(role, staff))

    async def call(
        self, role: Role | None, method: str, path: str, body: object = None, *, staff: str = "staff-7"
    ) -> httpx.Response:
        """Call as a role, or without a token."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.token(role, staff)}"}
        return await self.raw(method, path, headers, json=body)

    async def raw(self, method: str, path: str, headers: dict[str, str], **content: object) -> httpx.Response:
        """Call with any headers and content."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            request = client.build_request(method, path, headers=headers, **content)  # type: ignore[arg-type]  # passed on
            return await client.send(request)


def consent_body(front: Front, **changes: object) -> dict[str, Any]:
    """Give a consent as the counselling service's own system sends it."""
    as_taken = taken(front.town.world)
    body = {
        "purpose": "Z16@1",
        "recipient": REQUESTER,
        "holders": [HOLDER],
        "fields": list(FIELDS),
        "person": PERSON.model_dump(exclude_none=True, exclude_defaults=True),
        "expires_ms": as_taken.expires,
        "uses": 5,
        "text_sha256": as_taken.text_sha256,
        "language": "ar",
        "medium": "screen",
        "capacity": "own",
        "secrecy_release": False,
        "interpreter": "none",
        "understood": "first",
    }
    return {**body, **changes}
