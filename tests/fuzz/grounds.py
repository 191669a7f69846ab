"""Small worlds to be called without manners: a node's API and pages, and all a broker serves over HTTP.

`known` are words that lead further than made-up ones: ids, names and codes of what stands in the world.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.node.access import Role
from adapters.web.assets import PREFIX as STATIC
from adapters.web.beside import beside
from adapters.web.sessions import FORM_FIELD
from broker.audit_pages.building import audit_pages
from broker.audit_pages.front import PREFIX as AUDIT
from broker.client_pages.building import client_pages
from broker.client_pages.front import PREFIX as CLIENT
from broker.log_files import LogFiles
from broker.long_work import LongWork
from broker.operator_api import make_app
from broker.pages import View
from broker.settings import HttpSettings
from schemas import messages as ms
from schemas import statements as st
from schemas.ids import AgencyId, Hash
from schemas.record import PersonBlock
from tests.support.asgi_visit import Answer, Call, visit
from tests.support.broker_place import Counters, Place
from tests.support.ledger_world import founded, stored
from tests.support.memory_bus import MemoryBus
from tests.support.memory_store import MemoryStore
from tests.support.middle import Hand
from tests.support.node_http import Front
from tests.support.pens import LOG, VIEW_CODE, WITHDRAW_CODE, ManualClock, account
from tests.support.portal_visit import House
from tests.support.small_law import BUNDLE, LAW
from tests.support.small_town import COLLECTOR, FIELDS, HOLDER, PERSON, REQUESTER, STRANGER, VALUES, Town
from tests.support.virtual_time import VirtualLoop

AUDITOR: Final = "an auditor's token"
OFFICER: Final = "an officer's token"
DAY_MS: Final = 86_400_000
PAUSE_MS: Final = 6_000
"""So much time passes between two calls that nobody waits long for having guessed."""


@dataclass(frozen=True)
class Ground:
    """One application in a world of its own, which stands still between two calls."""

    runner: asyncio.Runner
    app: ASGIApp
    known: tuple[str, ...]

    def visit(self, call: Call) -> Answer:
        """Make a call."""
        return self.runner.run(visit(self.app, call))


@dataclass(frozen=True)
class BrokerGround(Ground):
    """All that a broker serves; `api` is what its description is of, `paths` are those of all routes."""

    api: FastAPI
    paths: tuple[str, ...]
    clock: ManualClock

    def visit(self, call: Call) -> Answer:
        """Make a call, some time after the last."""
        self.clock.ms += PAUSE_MS
        return super().visit(call)


@dataclass(frozen=True)
class NodeGround(Ground):
    """A node's API; `token` gives a valid token for a role."""

    front: Front

    def token(self, role: Role) -> str:
        """Sign one, valid from the world's own present."""

        async def signed() -> str:
            return self.front.token(role)

        return self.runner.run(signed())


@contextmanager
def node_ground(folder: Path, agency: str) -> Iterator[NodeGround]:
    """Give the API of an agency in a town in which something of everything has happened; at the end the log replays."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        town = runner.run(Town.start(folder))
        known = runner.run(_lived_in(town))
        front = Front(town, agency)
        yield NodeGround(runner, front.app, known, front)
        runner.run(town.close())


@contextmanager
def portal_ground(folder: Path, agency: str) -> Iterator[tuple[Ground, list[tuple[str, str]]]]:
    """Give the pages of an agency in such a town, with the cookie and the forms' secret of a login of each role.

    Who may has a case open.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        town = runner.run(Town.start(folder))
        known = runner.run(_lived_in(town))
        house = House(town.world.clock, town.world.nodes[agency])
        seats = runner.run(_seated(house))
        yield Ground(runner, house.app, known), seats
        assert not town.world.nodes[agency].background.stopped
        runner.run(town.close())


async def _seated(house: House) -> list[tuple[str, str]]:
    """Log every role in, those that do most of the work several times, and open a case for each that may."""
    seats = []
    for role in [*Role, *[Role.ADVISER, Role.CLERK_ANSWER, Role.DPO] * 4]:
        headers, secret = house.log_in(role)
        seats.append((headers["cookie"], secret))
        person = {name: value for name, value in PERSON.model_dump().items() if isinstance(value, str)}
        await house.client.post("/case", data={FORM_FIELD: secret, **person}, headers=headers)
    return seats


async def _lived_in(town: Town) -> tuple[str, ...]:
    """Have a record answered, a request wait for a person nobody knows, and one for a human; give the ids."""
    answered = await town.agreed()
    later = await town.agreed(STRANGER)
    town.source.rows.clear()
    town.source.add("T-2", PersonBlock(family_name="Al-Hamadi", given_names="Rima M.", birth_date="1991-03"), VALUES)
    waiting = await town.agreed()
    spare = await town.consent()
    approval = next(iter(town.world.nodes[REQUESTER].approvals.own()))
    names = ("Z16@1", COLLECTOR, REQUESTER, HOLDER, "adviser", "T-1", "T-2", "paper", "screen", "ar", "Z16", "staff-1")
    person = (PERSON.family_name, PERSON.given_names, PERSON.birth_date or "")
    exchanges = tuple(one.exchange for one in (answered, later, waiting))
    soon = str(town.world.clock.now_ms() + DAY_MS)
    return (*exchanges, spare, approval, *names, *FIELDS, *person, soon, "0" * 32, "0" * 64)


@contextmanager
def broker_ground(folder: Path) -> Iterator[BrokerGround]:
    """Give all that a broker serves over HTTP, above a log with a consent and an exchange under it."""
    place = Place(folder)
    place.pens = founded()
    place.disk, place.genesis = stored(place.pens), []
    place.bundles.raw[LAW.hash] = BUNDLE
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        running = place.running()
        broker = runner.run(running.__aenter__())
        exchange = runner.run(_exchanged(place))
        files = LogFiles(MemoryStore(LOG, place.disk), lambda: broker.sequencer.size)
        auditors = (Hash(hashlib.sha256(AUDITOR.encode()).hexdigest()),)
        officers = {AgencyId("jobcenter"): Hash(hashlib.sha256(OFFICER.encode()).hexdigest())}
        http = HttpSettings(auditors=auditors, officers=officers)
        still = ManualClock(place.pens.clock.ms)  # or health would turn red: nobody here is a witness
        view = View(broker, files, still, lambda: True, Counters(), lambda: True)
        api = make_app(view.pages(http))
        clients = client_pages(broker, files, place.pens.clock, tls=True)
        work = LongWork(replayed, packed, place.pens.clock)
        audit = audit_pages(broker, files, work, place.pens.clock, http)
        routes = [*api.routes, *clients.routes, *audit.routes]
        paths = tuple(route.path for route in routes if isinstance(route, Route))
        known = (VIEW_CODE, WITHDRAW_CODE, exchange, "jobcenter", "Z16@1", "consent", "exchange.granted", LAW.hash)
        app = beside(api, {CLIENT: clients, STATIC: clients, AUDIT: audit})
        yield BrokerGround(runner, app, (*known, "0", "3", "entry", "tlog-proof"), api, paths, place.pens.clock)
        runner.run(running.__aexit__(None, None, None))
        files.close()
        assert place.pens.replay([*place.disk.entries]) == []


async def replayed(said: Callable[[str], None]) -> bytes:
    """Be done at once, and find that there is no report."""
    said("1 2")
    return b""


async def packed() -> AsyncGenerator[bytes]:
    """Be a small export."""
    yield b"export"


async def _exchanged(place: Place) -> str:
    """Have a consent taken and a record asked for under it; give the exchange's id."""

    def bus(agency: str) -> MemoryBus:
        return place.net.agency(AgencyId(agency), account(agency))

    hands = {agency: Hand(agency, bus(agency), place.pens) for agency in ("beratung", "jobcenter", "kurse")}
    await hands["kurse"].disclose_at_once()
    consent = place.pens.consent("beratung", "jobcenter", uses=5)
    await hands["beratung"].logged(consent)
    request: st.Request = place.pens.request("jobcenter", "kurse", consent)
    assert isinstance(await hands["jobcenter"].request(request), ms.Delivered)
    return request.exchange
