"""The contract of the bus on a real NATS server, with TLS both ways and logins of operator mode."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.infra.nats_accounts import Permissions
from schemas.bus import Bus
from tests.contract.test_bus import BusContract
from tests.support.nats_town import Desk, Events, Town

CALLS = "calls.>"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Give a federation with a running server to all tests of this file."""
    with Town.started(tmp_path_factory.mktemp("nats")) as town:
        yield town


class NatsWorld:
    """The suite's world on NATS: all connections have logins of one account."""

    def __init__(self, desk: Desk) -> None:
        """Make connections at this desk."""
        self._desk = desk
        self._events: list[Events] = []

    async def connect(self, *, max_handlers: int = 1024) -> Bus:
        """Give a new connection that may call and serve `calls.>`."""
        inbox = f"_IB_{len(self._events)}"
        permissions = Permissions((CALLS,), (f"{inbox}.>", CALLS), answer_within_s=60)
        login = self._desk.town.login(self._desk.town.store.accounts.broker, inbox, permissions)
        self._events.append(Events())
        return await self._desk.connect(login, self._events[-1], max_handlers=max_handlers)

    async def cut(self) -> None:
        """Kill the server."""
        self._desk.town.server.kill()
        await asyncio.gather(*(events.down.wait() for events in self._events))

    async def heal(self) -> None:
        """Start the server again, on the same port."""
        self._desk.town.server.restart()
        await asyncio.gather(*(events.up.wait() for events in self._events))


class TestNatsBus(BusContract):
    """NATS keeps the contract."""

    @pytest.fixture
    async def world(self, town: Town) -> AsyncIterator[NatsWorld]:
        """Give connections to each test that are closed after it."""
        async with Desk.of(town) as desk:
            yield NatsWorld(desk)
