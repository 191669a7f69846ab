"""The message bus over NATS: the only module that imports the client library, which is hardened here.

What is put right, and what would follow without it (nats-py 2.16):

* one message the library cannot parse ends its read task while it still says "connected";
* what was handed in shortly before a cut is sent after the reconnect, when its caller has long given up;
* handlers of a subscription run one after the other, so two nodes that call each other would wait for ever;
* flushing does not wait for what was handed in just before, so a topic would seem served that is not yet;
* draining does not wait for tasks, so replies of handlers still at work would be lost;
* connecting with the wrong certificate authority never returns, and a connect that is cancelled may go on for ever.
"""

import asyncio
import base64
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

import nats.aio.client
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from adapters.infra.nats_keys import sign
from schemas.bus import Handler
from schemas.errors import Code, Malformed, Misuse, Unavailable
from schemas.wire import MAX_MESSAGE_BYTES

LEAST_SERVER: Final = (2, 12, 7)
"""Older servers have published holes between accounts and before login."""

_READ_BYTES: Final = 1024 * 1024
_PING_EVERY_S: Final = 5
_FLUSH_LIMIT_S: Final = 5
_STOP_LIMIT_S: Final = 5
_NEVER_GIVE_UP: Final = -1
_NO_BUFFER: Final = -1
_ONE_TAKES_IT: Final = "one"

nats.aio.client.DEFAULT_BUFFER_SIZE = _READ_BYTES


def _ignore() -> None:
    """Take no notice of an event."""


def _ignore_error(_kind: str) -> None:
    """Take no notice of an error."""


@dataclass(frozen=True)
class Listeners:
    """Who is told what happens to a connection; for logs and metrics. They must neither block nor raise.

    `error` gets a kind: the type of an exception or the server's own words, never a message's content. `lost` comes
    when the client has closed for good without being asked to.
    """

    error: Callable[[str], None] = _ignore_error
    disconnected: Callable[[], None] = _ignore
    reconnected: Callable[[], None] = _ignore
    lost: Callable[[], None] = _ignore


@dataclass(frozen=True)
class NatsSettings:
    """Where the server is and who connects.

    `jwt` is asked at each connect and reconnect, so that a renewed login is used without a restart. `inbox` is the
    prefix of the topics replies come back on; the login must allow `<inbox>.>`. `ends_s` is when login or certificate
    run out (Unix seconds, 0 where nobody asked), for those who look after the process.
    """

    servers: tuple[str, ...]
    name: str
    inbox: str
    jwt: Callable[[], str]
    seed: str = field(repr=False)
    tls: ssl.SSLContext
    connect_timeout_s: float = 10.0
    reconnect_wait_s: float = 0.5
    drain_timeout_s: float = 20.0
    max_handlers: int = 1024
    ends_s: int = 0


@dataclass
class Counters:
    """What one connection has seen since it was made; for metrics."""

    handled: int = 0
    failed: int = 0
    refused: int = 0
    dropped: int = 0


class _GaveUpError(Exception):
    """Raised into the library where it must stop trying to connect: on Python 3.11 it may miss a cancellation."""


class _Client(Client):
    """The library's client, made to survive what a hostile peer sends and to forget what a cut has made stale."""

    def __init__(self, counters: Counters) -> None:
        """Count dropped messages in `counters`."""
        super().__init__()
        self._counters = counters

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        """Drop a message that cannot be read; one exception from here would end the read task."""
        try:
            await super()._process_msg(sid, subject, reply, data, headers)
        except Exception as error:  # noqa: BLE001  whatever strange bytes cause, the connection outlives it
            self._counters.dropped += 1
            await self._error_cb(error)

    async def flush(self, timeout: int = _FLUSH_LIMIT_S) -> None:  # noqa: ASYNC109  the library's signature
        """Send what was handed in before asking for the server's word; the library's own ping overtakes it."""
        await asyncio.wait_for(self._flush_pending(force_flush=True), timeout)
        await super().flush(timeout)

    async def _read_loop(self) -> None:
        """Treat a read task that ended for any other reason as a lost connection, which the library then renews."""
        await super()._read_loop()
        if self.is_connected:
            await self._process_op_err(errors.ProtocolError())

    async def _attempt_reconnect(self) -> None:
        """Forget what was not sent before the cut; end for good, audibly, where reconnecting itself breaks."""
        self._pending.clear()
        self._pending_data_size = 0
        try:
            await super()._attempt_reconnect()
        except _GaveUpError:
            return
        except Exception as error:  # noqa: BLE001  an unnoticed dead task would leave the process deaf for ever
            with suppress(_GaveUpError):
                await self._error_cb(error)
            await self.close()

    async def close(self) -> None:
        """Close, and wait for the task that reconnects: it may miss that it was cancelled and go on for a while."""
        await super().close()
        reconnecting = self._reconnection_task
        if reconnecting is not None and not self.is_reconnecting_here():
            await asyncio.wait([reconnecting], timeout=_STOP_LIMIT_S)

    def is_reconnecting_here(self) -> bool:
        """Say whether the task that asks is the one that reconnects."""
        return asyncio.current_task() is self._reconnection_task

    def abandon(self) -> None:
        """Hang up after a connect that was given up half-way."""
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]  # the library gives it no types


class NatsBus:
    """One connection to NATS that calls and serves; implements `schemas.bus.Bus`.

    `lost` is set when the client has closed for good without being asked to (login revoked or expired): the process
    must end then, and its supervisor starts it again.
    """

    def __init__(self, settings: NatsSettings, listeners: Listeners) -> None:
        """Make a bus that is not connected yet; use `connect`."""
        self.counters = Counters()
        self.lost = asyncio.Event()
        self._settings = settings
        self._listeners = listeners
        self._client = _Client(self.counters)
        self._max_body = MAX_MESSAGE_BYTES
        self._served: list[Subscription] = []
        self._running: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._denials: set[str] = set()
        self._give_up_at = asyncio.get_running_loop().time() + settings.connect_timeout_s
        self._connecting = True
        self._obstacles: list[str] = []

    @classmethod
    async def connect(cls, settings: NatsSettings, listeners: Listeners | None = None) -> Self:
        """Connect, log in and check the server's version.

        Raises Unavailable when no server took the login within `connect_timeout_s` (the message lists what was in the
        way: no server, a wrong certificate, a refused login), Misuse when the server is too old.
        """
        bus = cls(settings, listeners or Listeners())
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                await bus._connect()
        except (TimeoutError, _GaveUpError, errors.Error, OSError, ValueError) as error:
            bus._client.abandon()
            message = (
                f"NATS {', '.join(settings.servers)}: no connection within {settings.connect_timeout_s} s; "
                f"in the way: {', '.join(bus._obstacles) or type(error).__name__}"
            )
            raise Unavailable(message) from error
        bus._connecting = False
        await bus._check_server()
        return bus

    @property
    def connected(self) -> bool:
        """True while a call can be sent."""
        return self._client.is_connected

    async def call(self, topic: str, body: bytes, *, timeout_s: float) -> bytes:
        """Send `body` to whoever serves `topic` and give the reply's body; see `schemas.bus.Bus.call`."""
        self._check_size(topic, body)
        if not self._client.is_connected:
            message = f"{topic}: no connection to NATS"
            raise Unavailable(message)
        try:
            reply = await self._client.request(topic, body, timeout=timeout_s)
        except errors.NoRespondersError as error:
            message = f"{topic}: nobody serves it"
            raise Unavailable(message) from error
        except errors.TimeoutError as error:
            message = f"{topic}: no reply within {timeout_s} s"
            raise Unavailable(message) from error
        except errors.BadSubjectError as error:
            message = "topic: it is empty or has white space"
            raise Misuse(message) from error
        except errors.Error as error:
            message = f"{topic}: the connection to NATS went down"
            raise Unavailable(message) from error
        return reply.data

    async def serve(self, topic: str, handler: Handler) -> None:
        """Answer messages on `topic`; see `schemas.bus.Bus.serve`. When it returns the server knows of it.

        Of several processes that serve one topic, one gets each message. Raises Misuse when the login may not serve
        the topic, Unavailable without a connection.
        """

        async def take(message: Msg) -> None:
            self._take(message, handler)

        if not self._client.is_connected:
            message = f"{topic}: no connection to NATS"
            raise Unavailable(message)
        try:
            self._served.append(await self._client.subscribe(topic, _ONE_TAKES_IT, take))
            await self._client.flush()
        except errors.Error as error:
            message = f"{topic}: the connection to NATS went down"
            raise Unavailable(message) from error
        if any(f'subscription to "{topic.lower()}"' in denial for denial in self._denials):
            message = f"{topic}: the login does not allow to serve it"
            raise Misuse(message)

    async def close(self) -> None:
        """Take nothing new, let handlers finish and their replies leave, disconnect; see `schemas.bus.Bus.close`.

        Handlers that are not done after `drain_timeout_s` are cancelled.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _connect(self) -> None:
        settings = self._settings
        await self._client.connect(
            list(settings.servers),
            name=settings.name,
            inbox_prefix=settings.inbox,
            tls=settings.tls,
            tls_handshake_first=True,
            user_jwt_cb=lambda: settings.jwt().encode(),
            signature_cb=lambda nonce: base64.b64encode(sign(settings.seed, nonce.encode())),
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
            ping_interval=_PING_EVERY_S,
            max_reconnect_attempts=_NEVER_GIVE_UP,
            reconnect_time_wait=settings.reconnect_wait_s,  # type: ignore[arg-type]  # it sleeps for so many seconds
            pending_size=_NO_BUFFER,
        )
        self._max_body = min(MAX_MESSAGE_BYTES, self._client.max_payload)

    async def _check_server(self) -> None:
        """Refuse a server with known holes, whatever its operator thinks of it."""
        server = self._client.connected_server_version
        try:
            version = (server.major, server.minor, server.patch)
        except ValueError:
            version = (0, 0, 0)
        if version < LEAST_SERVER:
            self._closing = asyncio.create_task(self._client.close())
            await self._closing
            message = f"NATS server: it calls itself {server}, at least {'.'.join(map(str, LEAST_SERVER))} is needed"
            raise Misuse(message)

    def _check_size(self, topic: str, body: bytes) -> None:
        """Refuse here what the server would answer by cutting the connection."""
        if len(body) > self._max_body:
            message = f"{topic}: {len(body)} bytes, the bus takes at most {self._max_body}"
            raise Malformed(message, code=Code.TOO_LARGE)

    def _take(self, message: Msg, handler: Handler) -> None:
        """Start a handler in a task of its own, or drop the message: above the bound, or when nobody awaits a reply."""
        if not message.reply:
            self.counters.dropped += 1
        elif len(self._running) >= self._settings.max_handlers:
            self.counters.refused += 1
        else:
            task = asyncio.create_task(self._answer(message, handler))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _answer(self, message: Msg, handler: Handler) -> None:
        """Run a handler and publish its reply, without the headers of the call."""
        try:
            reply = await handler(message.subject, message.data)
            self._check_size(message.subject, reply)
            await self._client.publish(message.reply, reply)
        except Exception as error:  # noqa: BLE001  a broken handler costs its caller the reply, nobody else anything
            self.counters.failed += 1
            self._listeners.error(f"handler: {type(error).__name__}")
        else:
            self.counters.handled += 1

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_timeout_s):
                if self._client.is_connected:
                    await asyncio.gather(*map(Subscription.drain, self._served), return_exceptions=True)
                while self._running:
                    await asyncio.wait(self._running)
        except TimeoutError:
            self._listeners.error(f"close: {len(self._running)} handlers were not done in time and are cancelled")
            for task in self._running:
                task.cancel()
        await self._client.close()

    async def _on_error(self, error: Exception) -> None:
        """Pass on the server's own words or the type of what went wrong; other texts might repeat a message."""
        kind = str(error) if type(error) is errors.Error else type(error).__name__
        if "permissions violation for subscription" in kind:
            self._denials.add(kind)
        if self._connecting and kind not in self._obstacles:
            self._obstacles.append(kind)
        self._listeners.error(kind)
        late = self._connecting and asyncio.get_running_loop().time() > self._give_up_at
        if late or (self._closing is not None and self._client.is_reconnecting_here()):
            raise _GaveUpError

    async def _on_disconnected(self) -> None:
        if self._closing is None:
            self._listeners.disconnected()

    async def _on_reconnected(self) -> None:
        """Hang up again where the library missed that it was to stop; else tell the listener."""
        if self._closing is None:
            self._listeners.reconnected()
        else:
            await self._client.close()

    async def _on_closed(self) -> None:
        if self._closing is None:
            self.lost.set()
            self._listeners.lost()
