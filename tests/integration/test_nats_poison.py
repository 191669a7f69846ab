"""Messages that break the stock client, and servers that break their word: the bus outlives both.

The NATS server passes on topics, reply topics and headers that are not even text. Each odd message is sent to a bus
that must answer the next honest call over the very same connection.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from adapters.infra.nats_bus import NatsBus, NatsSettings
from schemas import topics
from schemas.errors import Misuse, Unavailable
from tests.support.fake_nats import Peer, fake_server
from tests.support.nats_town import COUNSELLING, JOBCENTER, Desk, Events, Town
from tests.support.raw_nats import publication

LONG_S = 10.0
SOON_S = 0.05
ASK = topics.ask("request")
PERMIT = topics.served("permit")
HEADERS = {
    "a header value that is not UTF-8": b"NATS/1.0\r\nk: \xff\xfe\r\n\r\n",
    "a header name that is not ASCII": b"NATS/1.0\r\n\xff: v\r\n\r\n",
    "a status that is not UTF-8": b"NATS/1.0 \xff\xff\xff\r\n\r\n",
    "a status text that is not UTF-8": b"NATS/1.0 503 \xff\xff\r\n\r\n",
    "a header block shorter than its version": b"abcd",
    "a header block of the version alone": b"NATS/1.0",
}
FORGED_STATUS = {"a status only servers send": b"NATS/1.0 503\r\n\r\n"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Give a federation with a running server to all tests of this file."""
    with Town.started(tmp_path_factory.mktemp("nats")) as town:
        yield town


@pytest.fixture
async def desk(town: Town) -> AsyncIterator[Desk]:
    """Make connections that are closed after each test."""
    async with Desk.of(town) as desk:
        yield desk


def poison(topic: bytes) -> dict[str, bytes]:
    """Give the odd messages, by what is odd about them, as they are published to a topic or below it."""
    return {
        "a topic that is not UTF-8": publication(topic.rpartition(b".")[0] + b".\xff\xfe", b"hi", reply=b"in.x"),
        "a reply topic that is not UTF-8": publication(topic, b"hi", reply=b"in.\xff\xfe"),
        **{name: publication(topic, b"hi", reply=b"in.x", headers=block) for name, block in HEADERS.items()},
    }


KINDS = tuple(poison(b"x.y"))


async def same(_topic: str, body: bytes) -> bytes:
    """Answer with the body."""
    return body


@pytest.mark.parametrize("kind", KINDS)
async def test_a_poisoned_message_stops_nobody(desk: Desk, kind: str) -> None:
    """Whatever somebody in the same account publishes, the bus answers the next call over the same connection."""
    events = Events()
    account = desk.town.store.accounts.broker
    victim = await desk.connect(desk.town.watcher(account), events)
    await victim.serve("calls.*", same)
    attacker, caller = await desk.raw(desk.town.watcher(account)), await desk.connect(desk.town.watcher(account))
    await attacker.flush(poison(b"calls.a")[kind])
    assert await caller.call("calls.b", b"still there?", timeout_s=LONG_S) == b"still there?"
    assert not events.down.is_set()


async def test_poison_is_counted(desk: Desk) -> None:
    """What cannot be read is dropped and counted, and listeners learn its kind and nothing of its content."""
    events = Events()
    account = desk.town.store.accounts.broker
    victim = await desk.connect(desk.town.watcher(account), events)
    await victim.serve("calls.*", same)
    attacker, caller = await desk.raw(desk.town.watcher(account)), await desk.connect(desk.town.watcher(account))
    for message in poison(b"calls.a").values():
        await attacker.flush(message)
    await caller.call("calls.b", b"", timeout_s=LONG_S)
    assert victim.counters.dropped == len(events.errors) > 0
    assert set(events.errors) <= {"UnicodeDecodeError", "IndexError", "ValueError"}


@pytest.mark.parametrize("kind", KINDS)
async def test_an_agency_cannot_poison_the_broker(desk: Desk, kind: str) -> None:
    """Through the door between the accounts, and without permissions to stop it, an agency cannot stop the broker."""
    events = Events()
    broker = await desk.connect(desk.town.broker(), events)
    await broker.serve(topics.BROKER_TOPICS, same)
    attacker = await desk.raw(desk.town.watcher(desk.town.store.accounts.agencies[JOBCENTER]))
    honest = await desk.connect(desk.town.member(COUNSELLING))
    await attacker.flush(poison(ASK.encode())[kind])
    assert await honest.call(ASK, b"still there?", timeout_s=LONG_S) == b"still there?"
    assert not events.down.is_set()


@pytest.mark.parametrize("kind", [*HEADERS, *FORGED_STATUS])
async def test_a_poisoned_reply_costs_only_its_own_call(desk: Desk, kind: str) -> None:
    """A node that replies with broken headers spoils that one call; the broker goes on calling others."""
    events = Events()
    broker = await desk.connect(desk.town.broker(), events)
    attacker = await desk.raw(desk.town.member(JOBCENTER))
    await attacker.flush(b"SUB adapter.permit 1\r\n")
    honest = await desk.connect(desk.town.member(COUNSELLING))
    await honest.serve(PERMIT, same)
    call = asyncio.create_task(broker.call(topics.node_call(JOBCENTER, "permit"), b"x", timeout_s=SOON_S))
    reply = (await attacker.until(b"\r\nx\r\n")).split()[3]
    await attacker.flush(publication(reply, b"", headers=(HEADERS | FORGED_STATUS)[kind]))
    outcome = (await asyncio.gather(call, return_exceptions=True))[0]
    assert outcome == b"" or isinstance(outcome, Unavailable)
    assert await broker.call(topics.node_call(COUNSELLING, "permit"), b"y", timeout_s=LONG_S) == b"y"
    assert not events.down.is_set()


async def test_what_awaits_no_reply_is_not_handled(desk: Desk) -> None:
    """A message that is no call reaches no handler."""
    handled = []

    async def note(_topic: str, body: bytes) -> bytes:
        handled.append(body)
        return body

    account = desk.town.store.accounts.broker
    server = await desk.connect(desk.town.watcher(account))
    await server.serve("calls.*", note)
    other, caller = await desk.raw(desk.town.watcher(account)), await desk.connect(desk.town.watcher(account))
    await other.flush(publication(b"calls.a", b"no reply wanted"))
    await caller.call("calls.a", b"call", timeout_s=LONG_S)
    assert handled == [b"call"]
    assert server.counters.dropped == 1


def server_context(town: Town) -> ssl.SSLContext:
    """Give the TLS context of a server with the federation's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(town.folder / "server.pem", town.folder / "server.key")
    return context


def settings_for(town: Town, port: int) -> NatsSettings:
    """Give what a bus connects to a fake server with."""
    return replace(town.settings(town.member(JOBCENTER)), servers=(f"tls://127.0.0.1:{port}",))


@pytest.mark.parametrize("version", ["2.10.27", "2.12.6", "1.99.99", "unknown"])
async def test_a_server_with_known_holes_is_refused(town: Town, version: str) -> None:
    """A server older than 2.12.7, or one that does not say how old it is, is refused at connect."""

    async def old(peer: Peer) -> None:
        await peer.greet(version=version)

    async with fake_server(server_context(town), old) as port:
        with pytest.raises(Misuse, match=r"at least 2\.12\.7"):
            await NatsBus.connect(settings_for(town, port))


async def test_a_read_task_that_dies_is_renewed(town: Town) -> None:
    """Where the library's read task ends over a line it cannot read, the bus connects anew instead of going deaf."""
    events, again = Events(), asyncio.Event()

    async def odd(peer: Peer) -> None:
        await peer.greet()
        peer.say(b"-ERR '\xff\xfe'\r\n")

    async def good(peer: Peer) -> None:
        await peer.greet()
        again.set()
        await peer.go_on()

    async with fake_server(server_context(town), odd, good) as port:
        bus = await NatsBus.connect(settings_for(town, port), events.listeners())
        async with asyncio.timeout(LONG_S):
            await again.wait()
            await events.up.wait()
        assert events.down.is_set()
        assert bus.connected
        await bus.close()


async def test_a_reconnect_that_breaks_ends_the_bus_audibly(town: Town) -> None:
    """Where the library's reconnecting itself breaks, the bus says that it is lost, so that the process can end."""
    events = Events()

    async def gone(peer: Peer) -> None:
        await peer.greet()
        peer.cut()

    async def broken(peer: Peer) -> None:
        peer.say(b"INFO\r\n")

    async with fake_server(server_context(town), gone, broken) as port:
        bus = await NatsBus.connect(settings_for(town, port), events.listeners())
        async with asyncio.timeout(LONG_S):
            await bus.lost.wait()
        assert events.lost.is_set()
        assert not bus.connected
        await bus.close()


async def test_a_topic_is_served_when_the_server_has_said_so(town: Town) -> None:
    """Serving returns after a round trip that began with the subscription, not one that overtook it."""
    before_the_ping = asyncio.get_running_loop().create_future()

    async def good(peer: Peer) -> None:
        await peer.greet()
        before_the_ping.set_result(await peer.work_off_one_ping())
        await peer.go_on()

    async with fake_server(server_context(town), good) as port:
        bus = await NatsBus.connect(settings_for(town, port))
        await bus.serve(PERMIT, same)
        assert before_the_ping.result().startswith(b"SUB adapter.permit ")
        await bus.close()


async def test_reconnecting_never_ends(town: Town) -> None:
    """A bus that was cut tries far beyond the library's own sixty times, and works again when the server is back."""
    events = Events()

    async def gone(peer: Peer) -> None:
        await peer.greet()
        peer.cut()

    async def away(peer: Peer) -> None:
        peer.cut()

    async def good(peer: Peer) -> None:
        await peer.greet()
        await peer.go_on()

    async with fake_server(server_context(town), gone, *[away] * 70, good) as port:
        settings = replace(settings_for(town, port), reconnect_wait_s=0.001)
        bus = await NatsBus.connect(settings, events.listeners())
        async with asyncio.timeout(LONG_S):
            await events.up.wait()
        assert bus.connected
        assert not events.lost.is_set()
        await bus.close()


@pytest.mark.parametrize("back", [False, True], ids=["away", "back"])
@pytest.mark.parametrize("turns", range(60))
async def test_closing_while_reconnecting_ends_the_attempts(town: Town, turns: int, *, back: bool) -> None:
    """A bus closed so many turns of the loop after it began to look for its server stops looking; it is not lost."""
    events, looked = Events(), asyncio.Event()

    async def gone(peer: Peer) -> None:
        await peer.greet()
        peer.cut()

    async def found(peer: Peer) -> None:
        looked.set()
        if back:
            with suppress(asyncio.IncompleteReadError, OSError):
                await peer.greet()
                await peer.go_on()
        else:
            peer.cut()

    async with fake_server(server_context(town), gone, *[found] * 1000) as port:
        settings = replace(settings_for(town, port), reconnect_wait_s=0.001)
        bus = await NatsBus.connect(settings, events.listeners())
        await looked.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(LONG_S):
            await bus.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in others if "_attempt_reconnect" in repr(task)]
        assert not bus.connected
        assert not events.lost.is_set()


async def test_a_call_not_sent_before_a_cut_is_not_sent_after_it(town: Town) -> None:
    """What could not be written before the connection went down is forgotten: nothing stale is sent afterwards."""
    events, cut_now, after = Events(), asyncio.Event(), asyncio.get_running_loop().create_future()

    async def stuck(peer: Peer) -> None:
        await peer.greet()
        await cut_now.wait()
        peer.cut()

    async def good(peer: Peer) -> None:
        await peer.greet()
        after.set_result(await peer.work_off_one_ping())
        await peer.go_on()

    async with fake_server(server_context(town), stuck, good) as port:
        bus = await NatsBus.connect(settings_for(town, port), events.listeners())
        for calls in (40, 4):  # the first lot fills the socket, the second what lies above it
            filling = [bus.call("ask.request", bytes(700_000), timeout_s=SOON_S) for _ in range(calls)]
            await asyncio.gather(*filling, return_exceptions=True)
        with pytest.raises(Unavailable):
            await bus.call("ask.request", b"stale", timeout_s=SOON_S)
        cut_now.set()
        async with asyncio.timeout(LONG_S):
            assert b"PUB" not in await after
            await events.up.wait()
        await bus.close()
