"""Members that join and leave while the bus runs: who changes is changed at once, and nobody else notices."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.infra.nats_accounts import AGENCY_LIMITS, LOCAL_TOPIC, TOPIC
from adapters.infra.nats_bus import NatsBus
from adapters.infra.nats_keys import ENTROPY_BYTES, Kind, new_seed
from adapters.infra.nats_operator_files import Jwts
from adapters.infra.nats_push import known_accounts, push_accounts
from schemas import topics
from schemas.errors import Misuse, Unavailable
from schemas.ids import AgencyId
from tests.support.nats_town import COUNSELLING, JOBCENTER, Desk, Events, Login, Town, claims_of, now_s, resigned
from tests.support.raw_nats import publication

LONG_S = 10.0
ASK = topics.ask("request")
PERMIT = topics.served("permit")
COURSES = AgencyId("courses")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Give each test a federation and a server of its own, and close its connections."""
    with Town.started(tmp_path) as town:
        async with Desk.of(town) as desk:
            yield desk


async def push(desk: Desk, jwts: Jwts) -> None:
    """Push accounts as the operator does."""
    bus = await desk.connect(desk.town.system())
    await push_accounts(bus, jwts, timeout_s=LONG_S)


async def connect_often(desk: Desk, login: Login, times: int) -> None:
    """Open so many connections with one login."""
    for _ in range(times):
        await desk.raw(login)


async def same(_topic: str, body: bytes) -> bytes:
    """Answer with the body."""
    return body


class Waiting:
    """A handler that answers when it is told to."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def answer(self, _topic: str, body: bytes) -> bytes:
        """Answer with the body, later."""
        self.begun.set()
        await self.go_on.wait()
        return body


async def serving_broker(desk: Desk, events: Events | None = None) -> NatsBus:
    """Connect a broker that answers with the body."""
    broker = await desk.connect(desk.town.broker(), events)
    await broker.serve(topics.BROKER_TOPICS, same)
    return broker


async def test_an_agency_joins_and_nobody_else_notices(desk: Desk) -> None:
    """A new member asks and is asked at once; connections stay, and calls to nodes under way get their replies."""
    of_broker, of_member, called = Events(), Events(), Waiting()
    broker = await serving_broker(desk, of_broker)
    member = await desk.connect(desk.town.member(JOBCENTER), of_member)
    await member.serve(PERMIT, called.answer)
    under_way = asyncio.create_task(broker.call(topics.node_call(JOBCENTER, "permit"), b"long", timeout_s=LONG_S))
    await called.begun.wait()

    await push(desk, desk.town.store.add_agency(COURSES, now_s()))
    newcomer = await desk.connect(desk.town.member(COURSES))
    await newcomer.serve(PERMIT, same)

    assert await newcomer.call(ASK, b"1", timeout_s=LONG_S) == b"1"
    assert await broker.call(topics.node_call(COURSES, "permit"), b"2", timeout_s=LONG_S) == b"2"
    assert await member.call(ASK, b"3", timeout_s=LONG_S) == b"3"
    called.go_on.set()
    assert await under_way == b"long"
    assert not of_broker.down.is_set()
    assert not of_member.down.is_set()


async def test_a_revoked_user_is_cut_at_once_and_alone(desk: Desk) -> None:
    """One login of an agency is revoked: it is cut and stays out, the agency's other login and all others work on."""
    of_other, of_neighbour = Events(), Events()
    broker = await serving_broker(desk)
    thief = desk.town.member(JOBCENTER)
    stolen = await desk.connect(thief)
    other = await desk.connect(desk.town.member(JOBCENTER), of_other)
    neighbour = await desk.connect(desk.town.member(COUNSELLING), of_neighbour)
    assert await stolen.call(ASK, b"x", timeout_s=LONG_S) == b"x"

    await push(desk, desk.town.store.revoke_user(JOBCENTER, thief.user, now_s()))
    async with asyncio.timeout(LONG_S):
        await stolen.lost.wait()

    with pytest.raises(Unavailable):
        await stolen.call(ASK, b"x", timeout_s=LONG_S)
    with pytest.raises(ConnectionRefusedError, match="Authorization Violation"):
        await desk.raw(thief)
    assert await other.call(ASK, b"1", timeout_s=LONG_S) == b"1"
    assert await neighbour.call(ASK, b"2", timeout_s=LONG_S) == b"2"
    assert broker.connected
    assert not of_other.down.is_set()
    assert not of_neighbour.down.is_set()


async def test_a_revoked_agency_is_cut_at_once_and_alone(desk: Desk) -> None:
    """All of an agency's connections end, no login of it works, the broker cannot reach it, and all others work on."""
    of_broker, of_neighbour = Events(), Events()
    broker = await serving_broker(desk, of_broker)
    login = desk.town.member(JOBCENTER)
    former = [await desk.connect(login), await desk.connect(desk.town.member(JOBCENTER))]
    await former[0].serve(PERMIT, same)
    neighbour = await desk.connect(desk.town.member(COUNSELLING), of_neighbour)

    await push(desk, desk.town.store.revoke_agency(JOBCENTER, now_s()))
    async with asyncio.timeout(LONG_S):
        await asyncio.gather(*(bus.lost.wait() for bus in former))

    with pytest.raises(ConnectionRefusedError):
        await desk.raw(login)
    with pytest.raises(Unavailable, match="nobody serves"):
        await broker.call(topics.node_call(JOBCENTER, "permit"), b"", timeout_s=LONG_S)
    assert await neighbour.call(ASK, b"x", timeout_s=LONG_S) == b"x"
    assert not of_broker.down.is_set()
    assert not of_neighbour.down.is_set()


async def test_an_old_configuration_does_not_bring_a_revoked_agency_back(desk: Desk) -> None:
    """A server that starts again with the configuration of before the change keeps what was pushed."""
    login = desk.town.member(JOBCENTER)
    await push(desk, desk.town.store.revoke_agency(JOBCENTER, now_s()))
    await push(desk, desk.town.store.add_agency(COURSES, now_s()))
    desk.town.server.kill()
    desk.town.server.restart()
    with pytest.raises(ConnectionRefusedError):
        await desk.raw(login)
    await desk.raw(desk.town.member(COURSES))
    await desk.raw(desk.town.member(COUNSELLING))


async def test_a_server_made_anew_knows_who_left(desk: Desk) -> None:
    """A configuration rendered after the change shuts a former member out of a server with an empty folder."""
    login = desk.town.member(JOBCENTER)
    desk.town.store.revoke_agency(JOBCENTER, now_s())
    desk.town.server.stop()
    for jwt in (desk.town.folder / "jwt").glob("*.jwt"):
        jwt.unlink()
    desk.town.server.start()
    with pytest.raises(ConnectionRefusedError):
        await desk.raw(login)
    await desk.raw(desk.town.member(COUNSELLING))


async def test_an_agency_that_comes_back_gets_a_new_account(desk: Desk) -> None:
    """Logins from before stay worthless after an agency has joined again; new ones work."""
    await serving_broker(desk)
    old = desk.town.member(JOBCENTER)
    await push(desk, desk.town.store.revoke_agency(JOBCENTER, now_s()))
    await push(desk, desk.town.store.add_agency(JOBCENTER, now_s()))
    with pytest.raises(ConnectionRefusedError):
        await desk.raw(old)
    member = await desk.connect(desk.town.member(JOBCENTER))
    assert await member.call(ASK, b"x", timeout_s=LONG_S) == b"x"


async def test_pushing_again_is_harmless(desk: Desk) -> None:
    """The same accounts pushed twice, or all of them, leave everybody connected."""
    events = Events()
    broker = await serving_broker(desk, events)
    member = await desk.connect(desk.town.member(JOBCENTER), events)
    for _ in range(2):
        await push(desk, desk.town.store.add_agency(JOBCENTER, now_s()))
        await push(desk, tuple(desk.town.store.account_jwts(now_s()).items()))
    assert await member.call(ASK, b"x", timeout_s=LONG_S) == b"x"
    assert broker.connected
    assert not events.down.is_set()


async def test_an_account_the_operator_did_not_sign_opens_nothing(desk: Desk) -> None:
    """Not even the system login can widen an account with a JWT signed by anybody else; here one without limits."""
    account = desk.town.store.accounts.agencies[JOBCENTER]
    genuine = desk.town.store.account_jwts(now_s())[account]
    stranger = new_seed(Kind.OPERATOR, bytes(ENTROPY_BYTES))
    unlimited = claims_of(genuine)["nats"]["limits"] | {"conn": -1}
    await push(desk, ((account, resigned(genuine, stranger, limits=unlimited)),))
    with pytest.raises(ConnectionRefusedError):
        await connect_often(desk, desk.town.member(JOBCENTER), AGENCY_LIMITS.connections + 1)


@pytest.mark.parametrize("door", ["the broker's, in another's place", "another agency's own"])
async def test_a_door_that_is_not_ones_own_stays_shut(desk: Desk, door: str) -> None:
    """Even an account the operator itself signed with a wrong import cannot ask as another, or call another's node."""
    accounts = desk.town.store.accounts
    own, other = accounts.agencies[JOBCENTER], accounts.agencies[COUNSELLING]
    await serving_broker(desk)
    node = await desk.connect(desk.town.member(COUNSELLING))
    await node.serve(PERMIT, same)
    wrong = {
        "the broker's, in another's place": {TOPIC: f"broker.req.{other}.>", "account": accounts.broker},
        "another agency's own": {TOPIC: "adapter.>", "account": other},
    }[door]
    signing = (desk.town.folder / "operator" / "signing.seed").read_text()
    imports = [{"name": "wrong", LOCAL_TOPIC: "wrong.>", "type": "service", **wrong}]
    await push(desk, ((own, resigned(desk.town.store.account_jwts(now_s())[own], signing, imports=imports)),))
    intruder = await desk.connect(desk.town.watcher(own))
    for verb in ("request", "permit"):
        with pytest.raises(Unavailable, match="nobody serves"):
            await intruder.call(f"wrong.{verb}", b"x", timeout_s=LONG_S)


async def test_the_server_lists_the_accounts_it_knows(desk: Desk) -> None:
    """The operator can see which accounts a server has been told of."""
    await push(desk, desk.town.store.add_agency(COURSES, now_s()))
    known = await known_accounts(await desk.connect(desk.town.system()), timeout_s=LONG_S)
    assert known == set(desk.town.store.account_jwts(now_s()))


async def test_what_is_no_account_is_refused(desk: Desk) -> None:
    """A JWT the server cannot read is refused with an error, not passed over."""
    with pytest.raises(Misuse, match="refuses its JWT"):
        await push(desk, ((desk.town.store.accounts.broker, "no JWT"),))


async def test_the_system_login_can_do_nothing_else(desk: Desk) -> None:
    """Whoever gets hold of the login for pushing accounts can neither watch connections nor cut or stop anything."""
    system = await desk.raw(desk.town.system())
    for request in ("SERVER.PING.CONNZ", "SERVER.X.KICK", "SERVER.X.RELOAD", "CLAIMS.DELETE", "CLAIMS.PACK"):
        topic = f"$SYS.REQ.{request}"
        assert b"Permissions Violation for Publish" in await system.flush(publication(topic.encode(), b"{}"))
    assert b"Permissions Violation for Subscription" in await system.flush(b"SUB $SYS.> 1\r\n")
