"""The bus in one process: passes the same contract suite as NATS, keeps the same walls between accounts.

A flow test makes one `MemoryNet` and takes a bus for the broker and for each agency from it. Topics are mapped between
accounts as the NATS server does it, so the broker sees who asks and nobody can say otherwise.
"""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.bus import Handler
from schemas.errors import Code, Malformed, Unavailable
from schemas.ids import AgencyId, NatsAccount
from schemas.wire import MAX_MESSAGE_BYTES

BROKER = "broker"


class Sent(NamedTuple):
    """One call or reply as it crossed the net; `topic` is the receiver's for calls and for their replies alike."""

    topic: str
    body: bytes


class Import(NamedTuple):
    """A door to another account: topics that begin with `prefix` go there and begin with `their_prefix` then."""

    prefix: str
    account: str
    their_prefix: str


class Serving(NamedTuple):
    """A handler, the topics it answers and the bus it runs on."""

    pattern: str
    handler: Handler
    bus: "MemoryBus"


@dataclass
class Account:
    """What one account's members serve, and the doors they have."""

    imports: list[Import] = field(default_factory=list)
    servings: list[Serving] = field(default_factory=list)


class MemoryNet:
    """What the server is for NATS. `traffic` holds all that crossed it, for tests that look for secrets."""

    def __init__(self) -> None:
        """Make a net with nobody on it."""
        self.traffic: list[Sent] = []
        self.up = True
        self._accounts: dict[str, Account] = {BROKER: Account()}
        self._lost_replies: list[str] = []

    def broker(self, *, max_handlers: int = 1024) -> "MemoryBus":
        """Connect to the broker's account."""
        return MemoryBus(self, BROKER, max_handlers)

    def agency(self, agency: AgencyId, account: NatsAccount) -> "MemoryBus":
        """Connect an agency's node, which the broker reaches from now on as `adapter.<agency>.…`."""
        door = Import(f"adapter.{agency}.", account, "adapter.")
        if door not in self._accounts[BROKER].imports:
            self._accounts[BROKER].imports.append(door)
        return self.steering(account)

    def steering(self, account: NatsAccount) -> "MemoryBus":
        """Connect somebody who can ask the broker and is not reached by it."""
        self._accounts.setdefault(account, Account([Import("ask.", BROKER, f"broker.req.{account}.")]))
        return MemoryBus(self, account, 1024)

    def cut(self) -> None:
        """Take the net down: calls fail, and what handlers at work reply is lost."""
        self.up = False

    def heal(self) -> None:
        """Put the net up again."""
        self.up = True

    def lose_reply(self, topic: str) -> None:
        """Lose the next reply to a call that reaches its receiver on `topic`: carried out, but the caller waits."""
        self._lost_replies.append(topic)

    def find(self, account: str, topic: str) -> tuple[Serving, str] | None:
        """Give who serves a topic as the account names it, and what that topic is called there."""
        for door in self._accounts[account].imports:
            if topic.startswith(door.prefix):
                account, topic = door.account, door.their_prefix + topic.removeprefix(door.prefix)
                break
        for serving in self._accounts[account].servings:
            if _matches(serving.pattern, topic):
                return serving, topic
        return None

    def add(self, account: str, serving: Serving) -> None:
        """Let a handler have the calls on its topics; the first one that serves a topic gets them all."""
        self._accounts[account].servings.append(serving)

    def remove(self, bus: "MemoryBus") -> None:
        """Forget what a bus serves."""
        for account in self._accounts.values():
            account.servings = [serving for serving in account.servings if serving.bus is not bus]

    def replies(self, topic: str, reply: bytes) -> bool:
        """Say whether a reply gets through, and keep it when it does."""
        if topic in self._lost_replies:
            self._lost_replies.remove(topic)
            return False
        if self.up:
            self.traffic.append(Sent(topic, reply))
        return self.up


class MemoryBus:
    """One connection to a `MemoryNet`; implements `schemas.bus.Bus`. `errors` holds the types handlers raised."""

    def __init__(self, net: MemoryNet, account: str, max_handlers: int) -> None:
        """Connect to one account of a net."""
        self.errors: list[str] = []
        self._net = net
        self._account = account
        self._max_handlers = max_handlers
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    async def call(self, topic: str, body: bytes, *, timeout_s: float) -> bytes:
        """Send `body` to whoever serves `topic` and give the reply's body; see `schemas.bus.Bus.call`."""
        _check_size(topic, body)
        found = None if self._closed or not self._net.up else self._net.find(self._account, topic)
        if found is None:
            message = f"{topic}: no connection, or nobody serves it"
            raise Unavailable(message)
        serving, their_topic = found
        self._net.traffic.append(Sent(their_topic, body))
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        serving.bus.take(serving.handler, their_topic, body, reply)
        try:
            async with asyncio.timeout(timeout_s):
                return await reply
        except TimeoutError as error:
            message = f"{topic}: no reply within {timeout_s} s"
            raise Unavailable(message) from error

    async def serve(self, topic: str, handler: Handler) -> None:
        """Answer messages on `topic`; see `schemas.bus.Bus.serve`."""
        self._net.add(self._account, Serving(topic, handler, self))

    async def close(self) -> None:
        """Take nothing new, let handlers finish and their replies leave; see `schemas.bus.Bus.close`."""
        self._net.remove(self)
        while self._running:
            await asyncio.wait(self._running)
        self._closed = True

    def take(self, handler: Handler, topic: str, body: bytes, reply: asyncio.Future[bytes]) -> None:
        """Start a handler in a task of its own, unless the bound is reached."""
        if len(self._running) < self._max_handlers:
            task = asyncio.create_task(self._answer(handler, topic, body, reply))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _answer(self, handler: Handler, topic: str, body: bytes, reply: asyncio.Future[bytes]) -> None:
        try:
            answer = await handler(topic, body)
            _check_size(topic, answer)
        except Exception as error:  # noqa: BLE001  as on NATS, a broken handler costs its caller the reply
            self.errors.append(type(error).__name__)
            return
        if self._net.replies(topic, answer) and not reply.done():
            reply.set_result(answer)


def _check_size(topic: str, body: bytes) -> None:
    if len(body) > MAX_MESSAGE_BYTES:
        message = f"{topic}: {len(body)} bytes, the bus takes at most {MAX_MESSAGE_BYTES}"
        raise Malformed(message, code=Code.TOO_LARGE)


def _matches(pattern: str, topic: str) -> bool:
    """Say whether a topic falls under a pattern of NATS: `*` is one step, a last `>` is one or more."""
    wanted, steps = pattern.split("."), topic.split(".")
    if wanted[-1] == ">":
        wanted, steps = wanted[:-1], steps[: len(wanted) - 1] if len(steps) >= len(wanted) else []
    return len(wanted) == len(steps) and all(want in {"*", step} for want, step in zip(wanted, steps, strict=True))
