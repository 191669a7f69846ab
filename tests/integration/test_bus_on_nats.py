"""The contract of the bus on a real NATS server, with TLS both ways and logins of operator mode."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from adapters.infra.nats_accounts import Permissions
from adapters.infra.nats_bus import NatsBus
from schemas.bus import Bus
from schemas.errors import Misuse, Unavailable
from tests.contract.test_bus import LONG_S, SOON_S, BusContract, echo
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


async def test_a_broken_handler_is_counted_and_told_by_its_type(town: Town) -> None:
    """Listeners learn what kind of exception a handler raised, and not what it says: that might be personal data."""
    events = Events()
    permissions = Permissions((CALLS,), ("_IB_x.>", CALLS), answer_within_s=60)
    login = town.login(town.store.accounts.broker, "_IB_x", permissions)

    async def breaks(_topic: str, body: bytes) -> bytes:
        return str(int(body)).encode()

    async with Desk.of(town) as desk:
        bus = await desk.connect(login, events)
        await bus.serve("calls.number", breaks)
        with pytest.raises(Unavailable):
            await bus.call("calls.number", b"Erika Mustermann", timeout_s=SOON_S)
        assert await bus.call("calls.number", b"7", timeout_s=LONG_S) == b"7"
    assert events.errors == ["handler: ValueError"]
    assert (bus.counters.failed, bus.counters.handled) == (1, 1)


async def test_a_handler_that_does_not_end_is_cancelled_in_the_end(town: Town) -> None:
    """Closing waits for handlers as long as the settings say, then cancels them and says how many."""
    events, begun = Events(), asyncio.Event()
    permissions = Permissions((CALLS,), ("_IB_x.>", CALLS), answer_within_s=60)
    login = town.login(town.store.accounts.broker, "_IB_x", permissions)

    async def endless(_topic: str, _body: bytes) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    bus = await NatsBus.connect(replace(town.settings(login), drain_timeout_s=SOON_S), events.listeners())
    await bus.serve("calls.endless", endless)
    call = asyncio.create_task(bus.call("calls.endless", b"", timeout_s=SOON_S))
    await begun.wait()
    await bus.close()
    await asyncio.gather(call, return_exceptions=True)
    assert events.errors == ["close: 1 handlers were not done in time and are cancelled"]


async def test_a_topic_with_white_space_is_our_mistake(town: Town) -> None:
    """A topic that could smuggle a command into the protocol is refused before anything is sent."""
    async with Desk.of(town) as desk:
        bus = await desk.connect(town.broker())
        with pytest.raises(Misuse, match="white space"):
            await bus.call("calls.x\r\nPUB calls.y 0", b"", timeout_s=LONG_S)


async def test_without_a_connection_nothing_can_be_served(town: Town) -> None:
    """Serving over a closed bus is told at once."""
    async with Desk.of(town) as desk:
        bus = await desk.connect(town.broker())
        await bus.close()
        with pytest.raises(Unavailable):
            await bus.serve("broker.req.*.*", echo)


class TestNatsBus(BusContract):
    """NATS keeps the contract."""

    @pytest.fixture
    async def world(self, town: Town) -> AsyncIterator[NatsWorld]:
        """Give connections to each test that are closed after it."""
        async with Desk.of(town) as desk:
            yield NatsWorld(desk)
