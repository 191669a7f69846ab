"""The walls of the bus, tried from the other side: what a compromised agency, or a stranger, can and cannot do.

Where two walls stand one behind the other (a user's permissions, and the account around it), each is tried without the
other: a `watcher` login has no permissions to stop it, only its account.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.infra.nats_accounts import AGENCY_LIMITS, MAX_PAYLOAD_BYTES, agency_permissions
from adapters.infra.nats_bus import NatsBus, NatsSettings
from schemas import topics
from schemas.errors import Misuse, Unavailable
from schemas.ids import NatsAccount
from tests.support.nats_town import ASKS, COUNSELLING, JOBCENTER, SERVES, Desk, Events, Town, now_s
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
    reserved = await member.flush(publication(ASK.encode(), b"x", reply=b"_R_.guess"))
    assert b"Permissions Violation for Publish with Reply" in reserved
    forged = [topic for topic in foreign_topics(desk.town) if topic != "_R_.guess"]
    await member.flush(b"".join(publication(ASK.encode(), b"x", reply=reply.encode()) for reply in forged))
    await honest.call(ASK, b"the broker has answered all the others before this", timeout_s=LONG_S)
    mine = f"broker.req.{accounts.agencies[JOBCENTER]}.request"
    assert broker.asked == [mine] * (len(forged) + 1)
    assert {topic for topic in await seen(in_broker) if not topic.startswith("_R_.")} == {mine}
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


async def test_a_user_may_not_send_more_than_a_message(desk: Desk) -> None:
    """A payload over the largest message and its frame is cut off by the server, whatever the client says."""
    member = await desk.raw(desk.town.member(JOBCENTER))
    assert await member.flush(publication(ASK.encode(), bytes(MAX_PAYLOAD_BYTES))) == b""
    member.send(publication(ASK.encode(), bytes(MAX_PAYLOAD_BYTES + 1)))
    await member.until(b"-ERR 'Maximum Payload Violation'\r\n")


async def test_an_account_has_a_limit_of_connections(desk: Desk) -> None:
    """An agency gets its number of connections and not one more, so it cannot use up the server's."""
    logins = [desk.town.member(COUNSELLING) for _ in range(AGENCY_LIMITS.connections)]
    for login in logins:
        await desk.raw(login)
    with pytest.raises(ConnectionRefusedError, match="maximum account active connections exceeded"):
        await desk.raw(logins[0])


async def test_without_the_key_a_login_is_worth_nothing(desk: Desk) -> None:
    """Somebody who has the JWT of a member but not its key is refused."""
    thief = replace(desk.town.member(JOBCENTER), seed=desk.town.member(JOBCENTER).seed)
    with pytest.raises(ConnectionRefusedError, match="Authorization Violation"):
        await desk.raw(thief)


async def test_without_a_login_nobody_gets_in(desk: Desk) -> None:
    """A certificate of the federation alone opens nothing: there is no user without a login."""
    nobody = replace(desk.town.member(JOBCENTER), jwt="")
    with pytest.raises(ConnectionRefusedError, match="Authorization Violation"):
        await desk.raw(nobody)


async def test_a_login_of_another_operator_is_refused(desk: Desk, tmp_path: Path) -> None:
    """A JWT is worth something only below this federation's operator."""
    with pytest.raises(ConnectionRefusedError, match="Authorization Violation"):
        await desk.raw(Town(tmp_path).member(JOBCENTER))


async def test_an_expired_login_is_refused(desk: Desk) -> None:
    """A login that has expired opens nothing."""
    member = desk.town.member(JOBCENTER)
    permissions = agency_permissions(JOBCENTER, ASKS, SERVES)
    with pytest.raises(ConnectionRefusedError, match="Authorization Violation"):
        await desk.raw(desk.town.login(member.account, member.inbox, permissions, expires_s=now_s() - 1))


async def refusal(settings: NatsSettings) -> str:
    """Try to connect and give why it failed."""
    with pytest.raises(Unavailable) as refused:
        await NatsBus.connect(replace(settings, connect_timeout_s=REFUSED_WITHIN_S))
    return str(refused.value)


async def test_a_bus_that_is_refused_says_so_in_time(desk: Desk) -> None:
    """Connecting with a login the server does not take ends within its limit, as often as it is tried."""
    settings = desk.town.settings(replace(desk.town.member(JOBCENTER), jwt=""))
    async with asyncio.timeout(LONG_S):
        for _ in range(3):
            assert "in the way" in await refusal(settings)


@pytest.mark.slow
async def test_a_login_that_expires_ends_the_connection(desk: Desk) -> None:
    """A connected bus is lost when its login expires; it does not go on in the old right."""
    member = desk.town.member(JOBCENTER)
    permissions = agency_permissions(JOBCENTER, ASKS, SERVES)
    events = Events()
    bus = await desk.connect(desk.town.login(member.account, member.inbox, permissions, expires_s=now_s() + 1), events)
    async with asyncio.timeout(LONG_S):
        await bus.lost.wait()
    assert events.lost.is_set()
    with pytest.raises(Unavailable):
        await bus.call(ASK, b"", timeout_s=LONG_S)


@pytest.mark.parametrize("member", ["stranger", "server"])
async def test_a_wrong_certificate_is_refused(desk: Desk, member: str) -> None:
    """A login is worth nothing behind a certificate of another authority, or one made for a server."""
    settings = desk.town.settings(desk.town.member(JOBCENTER))
    await refusal(replace(settings, tls=desk.town.tls(member=member)))


async def test_no_certificate_is_refused(desk: Desk) -> None:
    """The server wants a certificate before it talks to anybody."""
    context = ssl.create_default_context(cafile=desk.town.folder / "ca.pem")
    login = desk.town.member(JOBCENTER)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await RawPeer.connect(desk.town.server.port, context, login.jwt, login.seed)


async def test_a_server_of_another_authority_is_not_talked_to(desk: Desk) -> None:
    """A client that trusts another authority refuses this server, and connecting ends within its limit."""
    settings = desk.town.settings(desk.town.member(JOBCENTER))
    wrong = replace(settings, tls=desk.town.tls(authority="other-ca"))
    async with asyncio.timeout(LONG_S):
        assert "SSLCertVerificationError" in await refusal(wrong)


async def test_old_tls_is_refused(desk: Desk) -> None:
    """TLS 1.2 is not spoken."""
    context = desk.town.tls()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", desk.town.server.port, ssl=context)


async def test_the_server_says_nothing_before_tls(desk: Desk) -> None:
    """Who does not begin with TLS learns nothing, not even which software this is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.town.server.port)
    writer.write(b"CONNECT {}\r\n")
    async with asyncio.timeout(LONG_S):
        said = await reader.read()
    writer.close()
    assert b"INFO" not in said


async def test_a_login_that_may_not_serve_a_topic_is_told(desk: Desk) -> None:
    """Serving what the login does not allow is our mistake and raised, not a node that stays deaf."""
    bus = await desk.connect(desk.town.member(JOBCENTER))
    with pytest.raises(Misuse, match="does not allow"):
        await bus.serve("adapter.other", bus_never_calls_this)


async def bus_never_calls_this(_topic: str, _body: bytes) -> bytes:
    """Stand where a handler must be named that is never called."""
    raise AssertionError
