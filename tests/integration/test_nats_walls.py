"""The walls of the bus, tried from the other side: what a compromised agency, or a stranger, can and cannot do.

Where two walls stand one behind the other (a user's permissions, and the account around it), each is tried without the
other: a `watcher` login has no permissions to stop it, only its account.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from adapters.infra.nats_accounts import MAX_PAYLOAD_BYTES
from adapters.infra.nats_bus import NatsBus
from schemas import topics
from schemas.errors import Misuse, Unavailable
from schemas.ids import NatsAccount
from tests.support.nats_town import ASKS, COUNSELLING, JOBCENTER, SERVES, Desk, Events, Login, Town, now_s
from tests.support.raw_nats import RawPeer, publication

LONG_S = 10.0
SOON_S = 0.1
REFUSED_WITHIN_S = 0.3
ASK = topics.ask("request")
PERMIT = topics.served("permit")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Give a federation with a running server to all tests of this file; none of them changes its members."""
    with Town.started(tmp_path_factory.mktemp("nats")) as town:
        yield town


@pytest.fixture
async def desk(town: Town) -> AsyncIterator[Desk]:
    """Make connections that are closed after each test."""
    async with Desk.of(town) as desk:
        yield desk


class Broker:
    """A broker that notes on which topics it was asked, and answers with the body."""

    def __init__(self, bus: NatsBus) -> None:
        """Use this connection."""
        self.bus = bus
        self.asked: list[str] = []

    @classmethod
    async def at(cls, desk: Desk) -> "Broker":
        """Connect and serve."""
        broker = cls(await desk.connect(desk.town.broker()))
        await broker.bus.serve(topics.BROKER_TOPICS, broker._answer)
        return broker

    async def _answer(self, topic: str, body: bytes) -> bytes:
        self.asked.append(topic)
        return body


async def watch(desk: Desk, account: NatsAccount) -> RawPeer:
    """Give a peer that is sent everything that can be seen inside one account."""
    peer = await desk.raw(desk.town.watcher(account))
    await peer.flush(b"SUB > 1\r\n")
    return peer


async def seen(watcher: RawPeer) -> list[str]:
    """Give the topics of what a watcher was sent since it was last asked."""
    return re.findall(r"^H?MSG (\S+) 1 ", (await watcher.flush()).decode(), re.MULTILINE)


def agency_account(town: Town, login: Login) -> NatsAccount:
    """Give the account of a login."""
    assert login.account in town.store.accounts.agencies.values()
    return login.account


def foreign_topics(town: Town) -> list[str]:
    """Give topics an agency has no business with: the broker's, another agency's, the server's."""
    other = town.store.accounts.agencies[COUNSELLING]
    return [
        f"broker.req.{other}.request",
        f"broker.req.{town.store.accounts.agencies[JOBCENTER]}.request",
        f"ask.{other}.request",
        topics.node_call(COUNSELLING, "permit"),
        topics.inbox_prefix(COUNSELLING) + ".guess",
        "_IB_broker.guess",
        "_R_.guess",
        "$SYS.REQ.CLAIMS.UPDATE",
        "$SRV.PING",
        "$JS.API.INFO",
    ]


async def test_the_broker_hears_from_the_server_who_asks(desk: Desk) -> None:
    """Each member, and steering, is named to the broker by its own account, whatever it sends."""
    broker = await Broker.at(desk)
    logins = [desk.town.member(JOBCENTER), desk.town.member(COUNSELLING), desk.town.steering()]
    for login in logins:
        bus = await desk.connect(login)
        assert await bus.call(ASK, login.account.encode(), timeout_s=LONG_S) == login.account.encode()
    callers = [topics.parse_broker_topic(topic) for topic in broker.asked]
    assert callers == [topics.Caller(login.account, "request") for login in logins]


async def test_the_broker_reaches_each_node_by_name(desk: Desk) -> None:
    """A call to one agency arrives there, under the name nodes serve, and nowhere else."""
    broker = await desk.connect(desk.town.broker())
    for agency in (JOBCENTER, COUNSELLING):

        async def answer(topic: str, body: bytes, agency: str = agency) -> bytes:
            return f"{agency} {topic} ".encode() + body

        bus = await desk.connect(desk.town.member(agency))
        for topic in SERVES:
            await bus.serve(topic, answer)
    for agency in (JOBCENTER, COUNSELLING):
        for call in topics.NODE_CALLS:
            reply = await broker.call(topics.node_call(agency, call), b"x", timeout_s=LONG_S)
            assert reply == f"{agency} adapter.{call} x".encode()


async def test_a_member_may_publish_only_what_it_asks(desk: Desk) -> None:
    """Every foreign topic, and every verb the broker does not know, is refused by the member's own permissions."""
    member = await desk.raw(desk.town.member(JOBCENTER))
    for topic in [*foreign_topics(desk.town), "ask.unknown", "ask.request.more", PERMIT, "anything"]:
        answer = await member.flush(publication(topic.encode(), b"x"))
        assert b"Permissions Violation for Publish" in answer, topic
    assert await member.flush(publication(ASK.encode(), b"x")) == b""


async def test_an_account_keeps_in_what_permissions_let_through(desk: Desk) -> None:
    """Without any permissions to stop it, nothing a member publishes reaches another account but its own questions."""
    accounts = desk.town.store.accounts
    member = await desk.raw(desk.town.watcher(accounts.agencies[JOBCENTER]))
    broker, other, system = [
        await watch(desk, account) for account in (accounts.broker, accounts.agencies[COUNSELLING], accounts.system)
    ]
    await seen(system)
    for topic in foreign_topics(desk.town):
        await member.flush(publication(topic.encode(), b"x", reply=b"_IB_watcher.x"))
    own = accounts.agencies[JOBCENTER]
    assert await seen(broker) == [f"broker.req.{own}.{accounts.agencies[COUNSELLING]}.request"]
    assert await seen(other) == []
    assert [topic for topic in await seen(system) if "CLAIMS" in topic] == []


async def test_a_member_may_listen_only_to_its_inbox_and_to_calls(desk: Desk) -> None:
    """No wild card, no foreign inbox and no topic of the broker or the server can be subscribed to."""
    member = await desk.raw(desk.town.member(JOBCENTER))
    foreign = [">", "*", "_INBOX.>", "_IB_counselling.>", "_IB_broker.>", "_R_.>", "$SYS.>", "$SRV.>", "adapter.>"]
    for number, topic in enumerate([*foreign, "ask.>", "broker.req.>", *foreign_topics(desk.town)], start=1):
        answer = await member.flush(b"SUB %b %d\r\n" % (topic.encode(), number))
        assert b"Permissions Violation for Subscription" in answer, topic
    assert await member.flush(b"SUB _IB_jobcenter.> 99\r\nSUB adapter.permit 100\r\n") == b""


async def test_an_account_hears_nothing_of_others(desk: Desk) -> None:
    """Without any permissions to stop it, a member that listens to everything hears no call between others."""
    eavesdropper = await watch(desk, desk.town.store.accounts.agencies[JOBCENTER])
    broker = await Broker.at(desk)
    other = await desk.connect(desk.town.member(COUNSELLING))

    async def answer(_topic: str, body: bytes) -> bytes:
        return body

    await other.serve(PERMIT, answer)
    assert await other.call(ASK, b"x", timeout_s=LONG_S) == b"x"
    assert await broker.bus.call(topics.node_call(COUNSELLING, "permit"), b"y", timeout_s=LONG_S) == b"y"
    assert await seen(eavesdropper) == []


async def test_a_forged_reply_topic_leads_nowhere(desk: Desk) -> None:
    """A question whose reply topic is another's, or the broker's own, makes the broker publish nothing there."""
    accounts = desk.town.store.accounts
    member, honest = await desk.raw(desk.town.member(JOBCENTER)), await desk.connect(desk.town.member(JOBCENTER))
    broker = await Broker.at(desk)
    in_broker, in_other = await watch(desk, accounts.broker), await watch(desk, accounts.agencies[COUNSELLING])
    forged = foreign_topics(desk.town)
    await member.flush(b"".join(publication(ASK.encode(), b"x", reply=reply.encode()) for reply in forged))
    await honest.call(ASK, b"the broker has answered all the others before this", timeout_s=LONG_S)
    mine = f"broker.req.{accounts.agencies[JOBCENTER]}.request"
    assert broker.asked == [mine] * (len(forged) + 1)
    assert await seen(in_broker) == broker.asked
    assert await seen(in_other) == []


async def test_nobody_poses_as_another_agency(desk: Desk) -> None:
    """Whichever way a member tries, permissions or not, the broker's topic has its own account in the third place."""
    accounts = desk.town.store.accounts
    own, other = accounts.agencies[JOBCENTER], accounts.agencies[COUNSELLING]
    in_broker = await watch(desk, accounts.broker)
    for login in (desk.town.member(JOBCENTER), desk.town.watcher(own)):
        peer = await desk.raw(login)
        for topic in (f"broker.req.{other}.request", f"ask.{other}.request", f"ask.request.{other}", f"ask.{other}"):
            await peer.flush(publication(topic.encode(), b"x", reply=b"_IB_jobcenter.x"))
    asked = await seen(in_broker)
    assert len(asked) == 3
    assert {topic.split(".")[2] for topic in asked} == {own}


async def test_a_call_is_answered_once(desk: Desk) -> None:
    """A node that answers a call twice is refused the second time, and the broker's account sees one reply."""
    in_broker = await watch(desk, desk.town.store.accounts.broker)
    broker = await desk.connect(desk.town.broker())
    node = await desk.raw(desk.town.member(COUNSELLING))
    await node.flush(b"SUB adapter.permit 1\r\n")
    call = asyncio.create_task(broker.call(topics.node_call(COUNSELLING, "permit"), b"x", timeout_s=LONG_S))
    asked = (await node.until(b"\r\nx\r\n")).decode().split()
    reply = asked[3].encode()
    refusal = await node.flush(publication(reply, b"first") + publication(reply, b"second"))
    assert await call == b"first"
    assert b"Permissions Violation for Publish" in refusal
    assert len([topic for topic in await seen(in_broker) if topic.startswith("_IB_broker.")]) == 1


async def test_an_account_answers_once_even_without_permissions(desk: Desk) -> None:
    """The door between the accounts closes behind the first reply, whatever the user may publish."""
    in_broker = await watch(desk, desk.town.store.accounts.broker)
    broker = await desk.connect(desk.town.broker())
    node = await desk.raw(desk.town.watcher(desk.town.store.accounts.agencies[COUNSELLING]))
    await node.flush(b"SUB adapter.permit 1\r\n")
    call = asyncio.create_task(broker.call(topics.node_call(COUNSELLING, "permit"), b"x", timeout_s=LONG_S))
    reply = (await node.until(b"\r\nx\r\n")).decode().split()[3].encode()
    await node.flush(publication(reply, b"first") + publication(reply, b"second"))
    assert await call == b"first"
    assert len([topic for topic in await seen(in_broker) if topic.startswith("_IB_broker.")]) == 1


async def test_a_login_that_may_not_serve_a_topic_is_told(desk: Desk) -> None:
    """Serving what the login does not allow is our mistake and raised, not a node that stays deaf."""
    bus = await desk.connect(desk.town.member(JOBCENTER))
    with pytest.raises(Misuse, match="does not allow"):
        await bus.serve("adapter.other", bus_never_calls_this)


async def bus_never_calls_this(_topic: str, _body: bytes) -> bytes:
    """Stand where a handler must be named that is never called."""
    raise AssertionError
