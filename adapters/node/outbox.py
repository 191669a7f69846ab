"""FLOW of a statement from this agency into the log: number, sign, make durable, send, take the answer.

Signed bytes are durable before they are sent and are resent unchanged until they are answered, so a number never
carries two contents. What the broker says it did not log (`Failed`, but for busy) has a dead number: it is voided.
A number is taken and enqueued without a pause in between, so numbers reach the disk in their order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict

from adapters.node.core.view import View
from adapters.node.database import Op
from adapters.node.identity import Identity
from adapters.node.store import NodeStore
from consent_ledger.core.signed import read_note
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.bus import Bus
from schemas.errors import Code, HandschlagError, Misuse, NotAuthentic, Unavailable
from schemas.ids import KeyName, LogId
from schemas.note import Signer, sign_note
from schemas.topics import ask

CALL_TIMEOUT_S: Final = 20.0
RESEND_AFTER_S: Final = 5.0
MAX_BUSY_TRIES: Final = 5

class HeadFields(TypedDict):
    """The four fields of a Head by name."""

    log: LogId
    at: int
    key: KeyName
    n: int


Reply = ms.Logged | ms.Delivered | ms.Later


@dataclass(frozen=True, slots=True)
class Head:
    """What the outbox gives every statement: the log, the signer's clock, the key and the number."""

    log: LogId
    at: int
    key: KeyName
    n: int

    def fields(self) -> HeadFields:
        """Give the four as keyword arguments of a statement."""
        return {"log": self.log, "at": self.at, "key": self.key, "n": self.n}


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed, durable statement on its way."""

    statement: st.Numbered
    note: bytes


TakeReply = Callable[[Issued, Reply], Awaitable[None]]
AlsoWrite = Callable[[st.Numbered], Sequence[Op]]


def nothing_else(_: st.Numbered) -> tuple[Op, ...]:
    """Write nothing beside the statement."""
    return ()


@dataclass
class Outbox:
    """The only way a statement leaves this node."""

    bus: Bus
    store: NodeStore
    view: View
    identity: Identity
    report: Callable[[str, Code], None]
    _next: dict[KeyName, int] = field(default_factory=dict)
    _takers: dict[type[st.Numbered], TakeReply] = field(default_factory=dict)
    _retry: asyncio.TimerHandle | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def on_reply(self, shape: type[st.Numbered], take: TakeReply) -> None:
        """Say who takes the answer to a statement of this type when it was resent."""
        self._takers[shape] = take

    async def start(self) -> None:
        """Continue above the larger of our own and the log's highest number, void the gap, resend what waits."""
        signers = [self.identity.statement] + ([self.identity.dpo] if self.identity.dpo else [])
        for signer in signers:
            name = KeyName(signer.key.name)
            own = await self.store.highest_number(name)
            logged = await self._logged_head(name)
            self._next[name] = max(own, logged) + 1
            if logged > own:
                # This store was restored from a backup: what we sent since is unknown to us, so nothing may be left open.
                await self.void(own + 1, logged, signer)
        await self.resend()

    async def send(
        self,
        verb: str,
        compose: Callable[[Head], st.Numbered],
        wrap: Callable[[bytes], ms.Message],
        also: AlsoWrite = nothing_else,
        signer: Signer | None = None,
    ) -> tuple[Issued, Reply]:
        """Sign the next statement, make it durable with `also`, send it and give the answer.

        Raises Unavailable when no answer came: the statement stays and is resent; NotAuthentic or Misuse with the
        broker's code when it was not logged: its number is voided.
        """
        signer = signer or self.identity.statement
        name = KeyName(signer.key.name)
        if name not in self._next:
            message = "outbox: not started"
            raise Misuse(message)
        number = self._next[name]
        self._next[name] += 1
        statement = compose(Head(self.view.log, self.identity.clock.now_ms(), name, number))
        issued = Issued(statement, sign_note(st.statement_text(statement).encode(), [signer]))
        message_bytes = ms.pack(wrap(issued.note))
        await self.store.write(self.store.outgoing(name, number, verb, message_bytes), *also(statement))
        return issued, await self._call(verb, message_bytes, issued)

    async def void(self, first: int, last: int, signer: Signer | None = None) -> None:
        """Declare dead what the log lacks of these numbers."""
        await self.settle_record(
            *await self.send(
                "record",
                lambda head: st.Void(**head.fields(), first=first, last=last),
                ms.AskRecord,
                signer=signer,
            )
        )

    async def settle_record(self, issued: Issued, reply: Reply) -> None:
        """Take the receipt of a statement nobody else waits for."""
        if isinstance(reply, ms.Logged):
            proven = self.view.prove(reply.entry, reply.proof)
            await self.store.write(self.store.logged(issued.statement, proven))

    async def resend(self) -> None:
        """Send again, unchanged, what was never answered; called at the start, after a reconnect and by a timer."""
        for verb, message_bytes in await self.store.pending():
            note = ms.unpack(message_bytes, ms.AskRequest, ms.AskOutcome, ms.AskRecord).statement
            statement = read_note(note)[1]
            if not isinstance(statement, st.Numbered):
                continue
            issued = Issued(statement, note)
            try:
                reply = await self._call(verb, message_bytes, issued)
                await self._takers.get(type(statement), self.settle_record)(issued, reply)
            except Unavailable:
                return
            except HandschlagError as error:
                self.report("resend", error.code)

    async def close(self) -> None:
        """Stop the timer and wait for a resend under way."""
        if self._retry is not None:
            self._retry.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _logged_head(self, name: KeyName) -> int:
        query = canonical.encode_model(ms.HeadQuery(key=name))
        reply = await self.bus.call(ask("head"), ms.pack(ms.AskHead(query)), timeout_s=CALL_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Head, ms.Failed)
        if isinstance(answer, ms.Failed):
            raise fault_of(answer)
        return canonical.decode_model(ms.HeadAnswer, answer.answer).highest

    async def _call(self, verb: str, message_bytes: bytes, issued: Issued) -> Reply:
        """Send and wait; a busy broker is asked again a few times, silence leaves the statement for `resend`."""
        for _ in range(MAX_BUSY_TRIES):
            try:
                reply = await self.bus.call(ask(verb), message_bytes, timeout_s=CALL_TIMEOUT_S)
            except Unavailable:
                self._resend_later()
                raise
            answer = ms.unpack(reply, ms.Logged, ms.Delivered, ms.Later, ms.Failed)
            if not isinstance(answer, ms.Failed):
                return answer
            error = fault_of(answer)
            if error.code is Code.UNAVAILABLE:
                break
            if error.code is not Code.BUSY:
                await self._give_up(issued, error)
                raise error
            fault = canonical.decode_model(ms.Fault, answer.fault)
            await asyncio.sleep((fault.retry_after_ms or 1000) / 1000)
        self._resend_later()
        message = f"broker: could not take {verb} now"
        raise Unavailable(message)

    async def _give_up(self, issued: Issued, error: HandschlagError) -> None:
        """The broker did not log it and never will: the number is dead, and the log is told so."""
        self.report("not_logged", error.code)
        await self.store.write(self.store.dead(issued.statement))
        if not isinstance(issued.statement, st.Void) and error.code is not Code.VOIDED:
            await self.void(issued.statement.n, issued.statement.n, self._signer(issued.statement.key))

    def _signer(self, name: KeyName) -> Signer:
        dpo = self.identity.dpo
        return dpo if dpo is not None and dpo.key.name == name else self.identity.statement

    def _resend_later(self) -> None:
        if self._retry is None or self._retry.cancelled():
            self._retry = asyncio.get_running_loop().call_later(RESEND_AFTER_S, self._start_resend)

    def _start_resend(self) -> None:
        self._retry = None
        task = asyncio.get_running_loop().create_task(self.resend())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_FAULTS: Final[Mapping[Code, type[HandschlagError]]] = {Code.UNAVAILABLE: Unavailable, Code.BUSY: Unavailable}


def fault_of(failed: ms.Failed) -> HandschlagError:
    """Make the exception a broker's fault stands for; what it did not log is our misuse of it."""
    fault = canonical.decode_model(ms.Fault, failed.fault)
    return _FAULTS.get(fault.code, Misuse)(f"broker: {fault.detail}", code=fault.code)
