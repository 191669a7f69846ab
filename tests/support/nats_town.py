"""A federation's bus with all its walls, as an operator sets it up: operator files, certificates, a real server."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from adapters.infra import nats_accounts, tls
from adapters.infra.nats_accounts import Permissions
from adapters.infra.nats_bus import Listeners, NatsBus, NatsSettings
from adapters.infra.nats_keys import ENTROPY_BYTES, Kind, new_seed, public_key, sign
from adapters.infra.nats_operator_files import OperatorStore
from adapters.infra.nats_server_conf import ServerPlace
from schemas import topics
from schemas.ids import AgencyId, FederationName, NatsAccount
from tests.support.nats_server import NatsServer, make_server
from tests.support.raw_nats import RawPeer

FEDERATION = FederationName("musterstadt.example")
JOBCENTER = AgencyId("jobcenter")
COUNSELLING = AgencyId("counselling")
ASKS = tuple(topics.ask(verb) for verb in topics.ASK_VERBS)
SERVES = tuple(topics.served(call) for call in topics.NODE_CALLS)
CALLS = tuple(topics.node_call(AgencyId("*"), call) for call in topics.NODE_CALLS)
HOUR_S = 3600
CONNECT_LIMIT_S = 5.0
RECONNECT_WAIT_S = 0.02


def now_s() -> int:
    """Give the time in Unix seconds; logins are made for the clock the server goes by."""
    return int(time.time())  # noqa: TID251  a real server goes by this machine's clock, not by an argument


def claims_of(jwt: str) -> dict[str, Any]:
    """Give what a JWT says, without looking at its signature."""
    part = jwt.split(".", maxsplit=2)[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def resigned(jwt: str, seed: str, **changes: object) -> str:
    """Give a JWT with other NATS claims, signed by any key: what a forger, or a careless operator, makes."""
    claims = claims_of(jwt)
    claims["iss"], claims["iat"] = public_key(seed), claims["iat"] + 1
    claims["nats"] |= changes
    body = base64.urlsafe_b64encode(to_json(claims)).rstrip(b"=").decode()
    signed = f"{jwt.partition('.')[0]}.{body}"
    return f"{signed}.{base64.urlsafe_b64encode(sign(seed, signed.encode())).rstrip(b'=').decode()}"


@dataclass(frozen=True)
class Login:
    """What somebody connects with."""

    account: NatsAccount
    inbox: str
    jwt: str
    seed: str = field(repr=False)

    @property
    def user(self) -> str:
        """The public key the login was made for."""
        return public_key(self.seed)


@dataclass
class Events:
    """What a bus told its listeners, and events to wait for."""

    errors: list[str] = field(default_factory=list)
    down: asyncio.Event = field(default_factory=asyncio.Event)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def listeners(self) -> Listeners:
        """Give the listeners that write here."""
        return Listeners(self.errors.append, self.down.set, self.up.set, self.lost.set)


class Town:
    """One federation: `JOBCENTER` and `COUNSELLING` are members, more can join, and all walls stand."""

    def __init__(self, folder: Path) -> None:
        """Make the operator's files and the certificates below `folder`, and a server that is not started."""
        self.folder = folder
        self.store = OperatorStore.create(folder / "operator", FEDERATION, now_s())
        for agency in (JOBCENTER, COUNSELLING):
            self.store.add_agency(agency, now_s())
        validity = tls.Validity(datetime.now(UTC) - timedelta(minutes=5), 1)  # noqa: TID251  checked by the server
        authority = tls.make_authority("Musterstadt test authority", validity)
        (folder / "ca.pem").write_bytes(authority.certificate)
        tls.issue(authority, "bus", tls.Role.SERVER, ["localhost", "127.0.0.1"], validity).write(folder, "server")
        tls.issue(authority, "member", tls.Role.CLIENT, [], validity).write(folder, "member")
        stranger = tls.make_authority("Another authority", validity)
        (folder / "other-ca.pem").write_bytes(stranger.certificate)
        tls.issue(stranger, "stranger", tls.Role.CLIENT, [], validity).write(folder, "stranger")
        self.server: NatsServer = make_server(folder, self._conf)
        self._numbers = count(1)

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> "Iterator[Town]":
        """Give a town whose server runs until the block is left."""
        town = cls(folder)
        town.server.start()
        try:
            yield town
        finally:
            town.server.stop()

    def login(
        self, account: NatsAccount, inbox: str, permissions: Permissions, *, expires_s: int | None = None
    ) -> Login:
        """Make a login with any permissions to any account; the ones below are what real members have."""
        seed = new_seed(Kind.USER, next(self._numbers).to_bytes(ENTROPY_BYTES, "big"))
        expires_s = now_s() + HOUR_S if expires_s is None else expires_s
        jwt = self.store.admit(account, public_key(seed), inbox, permissions, now_s=now_s(), expires_s=expires_s)
        return Login(account, inbox, jwt, seed)

    def member(self, agency: AgencyId) -> Login:
        """Make the login of an agency's node."""
        permissions = nats_accounts.agency_permissions(agency, ASKS, SERVES)
        return self.login(self.store.accounts.agencies[agency], topics.inbox_prefix(agency), permissions)

    def broker(self) -> Login:
        """Make the login of the broker."""
        permissions = nats_accounts.broker_permissions(CALLS, [topics.BROKER_TOPICS])
        return self.login(self.store.accounts.broker, "_IB_broker", permissions)

    def steering(self) -> Login:
        """Make the login of the federation's administration."""
        return self.login(self.store.accounts.steering, "_IB_steering", nats_accounts.steering_permissions(ASKS))

    def system(self) -> Login:
        """Make the login with which the operator pushes accounts."""
        return self.login(self.store.accounts.system, "_IB_system", nats_accounts.system_permissions())

    def watcher(self, account: NatsAccount) -> Login:
        """Make a login that may see and send everything inside one account; no real user has such a one."""
        return self.login(account, "_IB_watcher", Permissions((">",), (">",)))

    def tls(self, *, member: str = "member", authority: str = "ca") -> ssl.SSLContext:
        """Give a TLS context with the certificate of a member, or of a stranger."""
        return tls.client_context(
            self.folder / f"{authority}.pem", self.folder / f"{member}.pem", self.folder / f"{member}.key"
        )

    def settings(self, login: Login) -> NatsSettings:
        """Give what a bus with this login connects with."""
        return NatsSettings(
            servers=(f"tls://127.0.0.1:{self.server.port}",),
            name="test",
            inbox=login.inbox,
            jwt=lambda: login.jwt,
            seed=login.seed,
            tls=self.tls(),
            connect_timeout_s=CONNECT_LIMIT_S,
            reconnect_wait_s=RECONNECT_WAIT_S,
        )

    def _conf(self, place: ServerPlace) -> str:
        return self.store.server_conf(place, now_s())


class Desk:
    """Makes connections to a town and closes them all in the end."""

    def __init__(self, town: Town, stack: AsyncExitStack) -> None:
        """Close what is made here when `stack` is left."""
        self.town = town
        self._stack = stack

    @classmethod
    @asynccontextmanager
    async def of(cls, town: Town) -> "AsyncIterator[Desk]":
        """Give a desk whose connections last until the block is left."""
        async with AsyncExitStack() as stack:
            yield cls(town, stack)

    async def connect(self, login: Login, events: Events | None = None, *, max_handlers: int = 1024) -> NatsBus:
        """Connect a bus."""
        settings = replace(self.town.settings(login), max_handlers=max_handlers)
        bus = await NatsBus.connect(settings, (events or Events()).listeners())
        self._stack.push_async_callback(bus.close)
        return bus

    async def raw(self, login: Login) -> RawPeer:
        """Connect a peer that sends what it likes, byte by byte."""
        peer = await RawPeer.connect(self.town.server.port, self.town.tls(), login.jwt, login.seed)
        self._stack.push_async_callback(peer.close)
        return peer
