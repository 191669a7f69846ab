"""The contract of the bus, as a suite that every implementation runs; here on the memory bus.

The same suite runs on a real NATS server in `tests/integration/test_bus_on_nats.py`.
"""

import asyncio
from typing import Protocol

import pytest

from schemas.bus import Bus
from schemas.errors import Code, Malformed, Unavailable
from schemas.wire import MAX_MESSAGE_BYTES
from tests.support.memory_bus import MemoryNet

SOON_S = 0.05
"""Long enough to be sure, where a test must see a call not being answered."""
LONG_S = 30.0
"""A test that waits this long has failed."""


class World(Protocol):
    """What the suite needs of an implementation: connections to one account, and a cut of all of them."""

    async def connect(self, *, max_handlers: int = 1024) -> Bus:
        """Give a new connection that may call and serve `calls.>`; the world closes it in the end."""
        ...

    async def cut(self) -> None:
        """Take all connections down; returns when they know."""
        ...

    async def heal(self) -> None:
        """Put all connections up again; returns when they know."""
        ...


async def echo(topic: str, body: bytes) -> bytes:
    """Answer with what was asked."""
    return topic.encode() + b" " + body


class BusContract:
    """What `schemas.bus.Bus` promises."""

    async def test_a_call_reaches_its_handler_and_brings_the_reply_back(self, world: World) -> None:
        """Topic and body reach the handler as they were sent, and its reply comes back as it was given."""
        caller, server = await world.connect(), await world.connect()
        await server.serve("calls.echo", echo)
        assert await caller.call("calls.echo", b"\x00\xff\r\n", timeout_s=LONG_S) == b"calls.echo \x00\xff\r\n"
        assert await caller.call("calls.echo", b"", timeout_s=LONG_S) == b"calls.echo "

    async def test_wild_cards_serve_many_topics(self, world: World) -> None:
        """`*` stands for one step and a last `>` for one or more; nothing else is served."""
        caller, server = await world.connect(), await world.connect()
        await server.serve("calls.one.*.end", echo)
        await server.serve("calls.all.>", echo)
        assert await caller.call("calls.one.x.end", b"1", timeout_s=LONG_S) == b"calls.one.x.end 1"
        assert await caller.call("calls.all.x.y", b"2", timeout_s=LONG_S) == b"calls.all.x.y 2"
        for topic in ("calls.one.end", "calls.one.x.y.end", "calls.all"):
            with pytest.raises(Unavailable):
                await caller.call(topic, b"", timeout_s=LONG_S)

    async def test_a_topic_nobody_serves_is_unavailable_at_once(self, world: World) -> None:
        """A call nobody serves fails without waiting for its time-out."""
        caller = await world.connect()
        async with asyncio.timeout(LONG_S / 2):
            with pytest.raises(Unavailable):
                await caller.call("calls.nobody", b"", timeout_s=LONG_S)

    async def test_a_reply_that_does_not_come_in_time_is_unavailable(self, world: World) -> None:
        """The caller is freed by its time-out, and a reply that comes later disturbs nobody."""
        caller, server = await world.connect(), await world.connect()
        go_on = asyncio.Event()

        async def slow(_topic: str, body: bytes) -> bytes:
            if body == b"slow":
                await go_on.wait()
            return body

        await server.serve("calls.slow", slow)
        with pytest.raises(Unavailable):
            await caller.call("calls.slow", b"slow", timeout_s=SOON_S)
        go_on.set()
        assert await caller.call("calls.slow", b"quick", timeout_s=LONG_S) == b"quick"

    async def test_handlers_run_side_by_side(self, world: World) -> None:
        """A handler may wait for a later call to the very same handler, and two buses may call each other."""
        caller, server = await world.connect(), await world.connect()
        second_came = asyncio.Event()

        async def first_waits(_topic: str, body: bytes) -> bytes:
            if body == b"first":
                await second_came.wait()
                return await server.call("calls.back", b"", timeout_s=LONG_S)
            second_came.set()
            return b"second done"

        await server.serve("calls.pair", first_waits)
        await caller.serve("calls.back", echo)
        first = asyncio.create_task(caller.call("calls.pair", b"first", timeout_s=LONG_S))
        assert await caller.call("calls.pair", b"second", timeout_s=LONG_S) == b"second done"
        assert await first == b"calls.back "

    async def test_above_the_bound_the_newest_call_gets_no_reply(self, world: World) -> None:
        """A full server leaves the newest call to its time-out, finishes what it has, and then takes calls again."""
        caller, server = await world.connect(), await world.connect(max_handlers=1)
        go_on = asyncio.Event()
        handled = []

        async def hold(_topic: str, body: bytes) -> bytes:
            handled.append(body)
            await go_on.wait()
            return body

        await server.serve("calls.hold", hold)
        first = asyncio.create_task(caller.call("calls.hold", b"first", timeout_s=LONG_S))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await caller.call("calls.hold", b"too much", timeout_s=SOON_S)
        go_on.set()
        assert await first == b"first"
        assert await caller.call("calls.hold", b"later", timeout_s=LONG_S) == b"later"
        assert handled == [b"first", b"later"]

    async def test_a_broken_handler_costs_only_its_own_reply(self, world: World) -> None:
        """An exception in a handler leaves its caller without a reply and everybody else undisturbed."""
        caller, server = await world.connect(), await world.connect()

        async def breaks(_topic: str, body: bytes) -> bytes:
            return str(10 // int(body)).encode()

        await server.serve("calls.breaks", breaks)
        with pytest.raises(Unavailable):
            await caller.call("calls.breaks", b"0", timeout_s=SOON_S)
        assert await caller.call("calls.breaks", b"5", timeout_s=LONG_S) == b"2"

    async def test_a_body_over_the_limit_is_malformed(self, world: World) -> None:
        """What is too large for the bus is refused by size, before it is sent, and the connection lives on."""
        caller, server = await world.connect(), await world.connect()
        await server.serve("calls.size", echo)
        with pytest.raises(Malformed, match="at most") as refused:
            await caller.call("calls.size", bytes(MAX_MESSAGE_BYTES + 1), timeout_s=LONG_S)
        assert refused.value.code is Code.TOO_LARGE
        assert await caller.call("calls.size", b"x", timeout_s=LONG_S) == b"calls.size x"

    async def test_the_largest_body_gets_through_both_ways(self, world: World) -> None:
        """A call and a reply may be exactly as large as the largest message."""
        caller, server = await world.connect(), await world.connect()
        largest = bytes(MAX_MESSAGE_BYTES)

        async def same(_topic: str, body: bytes) -> bytes:
            return body

        await server.serve("calls.same", same)
        assert await caller.call("calls.same", largest, timeout_s=LONG_S) == largest

    async def test_a_reply_over_the_limit_is_not_sent(self, world: World) -> None:
        """A handler's reply that is too large leaves its caller without one, and the connection lives on."""
        caller, server = await world.connect(), await world.connect()

        async def grow(_topic: str, body: bytes) -> bytes:
            return body * (MAX_MESSAGE_BYTES + 1)

        await server.serve("calls.grow", grow)
        with pytest.raises(Unavailable):
            await caller.call("calls.grow", b"x", timeout_s=SOON_S)
        assert await caller.call("calls.grow", b"", timeout_s=LONG_S) == b""

    async def test_of_two_that_serve_a_topic_one_gets_each_call(self, world: World) -> None:
        """A topic served twice is handled once per call, by either."""
        caller, one, other = await world.connect(), await world.connect(), await world.connect()
        handled = []

        async def count(_topic: str, body: bytes) -> bytes:
            handled.append(body)
            return body

        await one.serve("calls.twice", count)
        await other.serve("calls.twice", count)
        for number in range(8):
            await caller.call("calls.twice", bytes([number]), timeout_s=LONG_S)
        assert handled == [bytes([number]) for number in range(8)]

    async def test_closing_finishes_what_was_begun(self, world: World) -> None:
        """A handler at work when its bus closes completes, calls others, and its reply reaches the caller."""
        caller, server = await world.connect(), await world.connect()
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_topic: str, body: bytes) -> bytes:
            begun.set()
            await go_on.wait()
            return body * int(await server.call("calls.help", b"", timeout_s=LONG_S))

        async def help_out(_topic: str, _body: bytes) -> bytes:
            return str(MAX_MESSAGE_BYTES).encode()

        await server.serve("calls.slow", slow)
        await caller.serve("calls.help", help_out)
        call = asyncio.create_task(caller.call("calls.slow", b"x", timeout_s=LONG_S))
        await begun.wait()
        asyncio.get_running_loop().call_later(SOON_S, go_on.set)
        await server.close()
        assert go_on.is_set()
        assert await call == b"x" * MAX_MESSAGE_BYTES

    async def test_a_closed_bus_takes_nothing_and_closing_again_is_harmless(self, world: World) -> None:
        """After closing nothing is served or called any more; a second close does nothing."""
        caller, server = await world.connect(), await world.connect()
        await server.serve("calls.gone", echo)
        await server.close()
        await server.close()
        with pytest.raises(Unavailable):
            await caller.call("calls.gone", b"", timeout_s=LONG_S)
        with pytest.raises(Unavailable):
            await server.call("calls.gone", b"", timeout_s=LONG_S)

    async def test_a_cut_fails_calls_at_once_and_delivers_none_later(self, world: World) -> None:
        """Without a connection a call fails at once; after it heals, calls work and no stale one arrives."""
        caller, server = await world.connect(), await world.connect()
        handled = []

        async def note(_topic: str, body: bytes) -> bytes:
            handled.append(body)
            return body

        await server.serve("calls.note", note)
        await world.cut()
        async with asyncio.timeout(LONG_S / 2):
            with pytest.raises(Unavailable):
                await caller.call("calls.note", b"stale", timeout_s=LONG_S)
        await world.heal()
        assert await caller.call("calls.note", b"fresh", timeout_s=LONG_S) == b"fresh"
        assert handled == [b"fresh"]


class MemoryWorld:
    """The suite's world on the memory bus."""

    def __init__(self) -> None:
        """Make an empty net."""
        self._net = MemoryNet()

    async def connect(self, *, max_handlers: int = 1024) -> Bus:
        """Give a connection to the one account of this world."""
        return self._net.broker(max_handlers=max_handlers)

    async def cut(self) -> None:
        """Take the net down."""
        self._net.cut()

    async def heal(self) -> None:
        """Put the net up."""
        self._net.heal()


class TestMemoryBus(BusContract):
    """The memory bus keeps the contract."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        """Give a net of its own to each test."""
        return MemoryWorld()
