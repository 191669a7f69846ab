"""FLOW of a statement from this agency into the log: number, sign, make durable, send, take the answer.

Signed bytes are durable before they are sent and are resent unchanged until they are answered, so a number never
carries two contents. What the broker says it will never log has a dead number, and what could not be made durable was
never sent: both are voided. A number is taken and enqueued without a pause in between, so numbers reach the disk in
their order. When the log goes on in a new shard, numbers begin with 1 again, and what the old one was closed without is
signed anew, with the same ids.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypedDict, TypeVar

from pydantic import ValidationError

from adapters.node.background import Background, Sweep, backoff_ms, each
from adapters.node.core.view import Proven, View
from adapters.node.database import Op
from adapters.node.identity import Identity
from adapters.node.store import NodeStore
from consent_ledger.core.signed import read_note
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.bus import Bus
from schemas.errors import Code, HandschlagError, LedgerInconsistent, Malformed, Misuse, NotAuthentic, Unavailable
from schemas.ids import KeyName, LogId
from schemas.note import Signer, sign_note
from schemas.topics import ask

CALL_TIMEOUT_S: Final = 20.0
RESEND_AFTER_MS: Final = 5_000
MAX_BUSY_TRIES: Final = 5
FIRST_HEAD_AFTER_MS: Final = 3_600_000
HEAD_EVERY_MS: Final = 12 * 3_600_000
"""How often a node says its last numbers, which closes the tail of its statements (LEDGER 4.2: at least daily)."""

_Name = tuple[LogId, KeyName, int]
"""What names a statement for good: its shard, its key, its number."""
Ours = (
    st.ApprovalGiven
    | st.ApprovalEnded
    | st.CatalogueSet
    | st.ConsentGiven
    | st.ConsentRefused
    | st.ConsentWithdrawn
    | st.ConsentCodes
    | st.BasisGiven
    | st.BasisWithdrawn
    | st.Request
    | st.Outcome
    | st.Acknowledged
    | st.Void
    | st.AgencyHead
)
"""What an agency signs and numbers."""
Reply = ms.Logged | ms.Delivered | ms.Later
T = TypeVar("T")


class HeadFields(TypedDict):
    """The four fields of a Head by name."""

    log: LogId
    at: int
    key: KeyName
    n: int


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
    """A signed, durable statement on its way; `message` are the bytes that are sent."""

    statement: Ours
    note: bytes
    message: bytes


Compose = Callable[[Head], Ours]
Take = Callable[[Issued, Reply], Awaitable[T]]
"""Takes the answer to a statement; may be called again with the same answer, and changes nothing then."""
Also = Callable[[Ours], Sequence[Op]]
"""What is written in one step with a statement's bytes."""


class Handling(NamedTuple):
    """What becomes of one type of statement when it was resent, or when it is never to be logged."""

    take: Take[object]
    drop: Callable[[Ours, Code], Sequence[Op]]


def nothing_else(_: Ours) -> tuple[Op, ...]:
    """Write nothing beside the statement."""
    return ()


def nothing_to_drop(_: Ours, __: Code) -> tuple[Op, ...]:
    """Forget nothing when a statement is not logged."""
    return ()


@dataclass
class Outbox:
    """The only way a statement leaves this node."""

    bus: Bus
    store: NodeStore
    view: View
    identity: Identity
    background: Background
    catch_up: Callable[[], Awaitable[None]]
    _log: LogId | None = None
    _next: dict[KeyName, int] = field(default_factory=dict)
    _unwritten: list[_Name] = field(default_factory=list)
    _under_way: set[_Name] = field(default_factory=set)
    _handlings: dict[type[Ours], Handling] = field(default_factory=dict)
    _failures: int = 0
    _unanswered: dict[_Name, int] = field(default_factory=dict)
    _entering: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Prepare the two things that come by the clock: sending again, and saying the last numbers."""
        self._resends = Sweep(self.background, self.identity.clock, "resend", self._resend)
        self._heads = Sweep(self.background, self.identity.clock, "agency_head", self._say_heads)

    def handle(self, shape: type[Ours], handling: Handling) -> None:
        """Say what becomes of statements of this type that are resent or never logged."""
        self._handlings[shape] = handling

    async def start(self) -> None:
        """Learn from the log how far it knows our numbers, and continue above; what waits is sent again beside it.

        Raises Unavailable when the broker is out of reach, Misuse or NotAuthentic when it does not know our keys.
        """
        await self.store.write(*self.store.outgoing.adopt(self.view.logs[-1]))
        await self._enter()
        self._resends.now()
        self._heads.at(self.identity.clock.now_ms() + FIRST_HEAD_AFTER_MS)

    async def send(
        self,
        compose: Compose,
        wrap: Callable[[bytes], ms.Message],
        take: Take[T],
        also: Also = nothing_else,
        signer: Signer | None = None,
    ) -> T:
        """Sign the next statement, make it durable with `also`, send it, and give what `take` makes of the answer.

        Raises Unavailable when no answer came: a statement that is durable stays and is resent; Misuse or NotAuthentic
        with the broker's code when it was not logged: its number is voided.
        """
        self.background.check()
        if self._log not in {None, self.view.log}:
            await self._enter()
        issued, written = self._issue(compose, wrap, also, signer or self.identity.statement)
        name = _name(issued.statement)
        self._under_way.add(name)
        try:
            await self._made_durable(name, written)
            return await self._exchange(issued, take)
        except LedgerInconsistent as error:
            self.background.stop(error)
            raise
        except BaseException:
            self.resend_later()
            raise
        finally:
            self._under_way.discard(name)

    async def repeat(self, message: bytes, take: Take[T]) -> T:
        """Send a statement again that stands in the log already, and give what `take` makes of the answer.

        Raises Unavailable when no answer came, Misuse when the broker does not take it any more.
        """
        issued = self._read(message)
        answer = await self._call(issued)
        if isinstance(answer, ms.Failed):
            raise fault_of(answer)
        return await take(issued, answer)

    async def settle(self, issued: Issued, reply: Reply) -> Proven:
        """Take the receipt of a statement that is recorded as it stands; give the entry, which may be a rejection."""
        proven = self.own_entry(issued, reply)
        await self.store.write(self.store.outgoing.logged(issued.statement, proven))
        return proven

    def own_entry(self, issued: Issued, reply: Reply) -> Proven:
        """Prove that an answer is the receipt of the very statement this node signed."""
        if not isinstance(reply, ms.Logged):
            message = "broker: a recorded statement is answered with its entry"
            raise NotAuthentic(message)
        return self.view.prove(reply.entry, reply.proof, sent=issued.note)

    @property
    def oldest_unanswered_ms(self) -> int | None:
        """When the oldest statement was handed over that is neither in the log nor given up; a busy broker has time."""
        return min(self._unanswered.values(), default=None)

    def reconnected(self) -> None:
        """Send again what waits, without waiting for its time."""
        self._failures = 0
        self._resends.now()

    def close(self) -> None:
        """Send nothing more by the clock."""
        self._resends.close()
        self._heads.close()

    # -- numbering -------------------------------------------------------------------------------------------------

    def _signers(self) -> tuple[Signer, ...]:
        own = self.identity
        return (own.statement, *own.former, *(() if own.dpo is None else (own.dpo,)))

    def _in_force(self) -> list[Signer]:
        """Give our keys but those that the chain, as far as it is known here, says are revoked."""
        known = self.view.state.keys
        return [
            one for one in self._signers() if (key := known.get(KeyName(one.key.name))) is None or key.revoked is None
        ]

    def _signer(self, name: KeyName) -> Signer:
        """Give one of our keys; Misuse for one this node no longer has, whose numbers stay as they are."""
        found = next((signer for signer in self._signers() if signer.key.name == name), None)
        if found is None:
            message = f"outbox: {name} left something open and is held no longer; name it under statement_former"
            raise Misuse(message, code=Code.KEY_NOT_IN_FORCE)
        return found

    async def _enter(self) -> None:
        """Count in the shard that is open by now; of an older one nothing is left to be voided."""
        async with self._entering:
            if self._log != self.view.log:
                self._log, self._next, self._unwritten = self.view.log, {}, []
            for signer in self._in_force():
                if KeyName(signer.key.name) not in self._next:
                    await self._continue_above(signer, self._log)

    async def _continue_above(self, signer: Signer, log: LogId) -> None:
        """Go on above our own and the log's highest number, and void what lies open below.

        What the log knows beyond our own was sent by a later copy of this store, which is lost: nothing of it may be
        left open. What is missing among our own was never made durable.
        """
        name = KeyName(signer.key.name)
        own, logged = await self.store.outgoing.highest(log, name), await self._logged_head(log, name)
        gaps = await self.store.outgoing.gaps(log, name)
        self._next[name] = max(own, logged, self._next.get(name, 1) - 1) + 1
        for first, last in [*gaps, *([(own + 1, logged)] if logged > own else [])]:
            await self._void(signer, first, last, self.store.outgoing.voided(log, name, first, last))

    async def _logged_head(self, log: LogId, name: KeyName) -> int:
        """Ask for a key's highest number in a shard; 0 where the log has gone on in another one meanwhile."""
        query = canonical.encode_model(ms.HeadQuery(key=name))
        reply = await self.bus.call(ask("head"), ms.pack(ms.AskHead(query)), timeout_s=CALL_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Head, ms.Failed)
        if isinstance(answer, ms.Head):
            head = canonical.decode_model(ms.HeadAnswer, answer.answer)
            return head.highest if head.log == log else 0
        raise fault_of(answer)

    def _issue(
        self, compose: Compose, wrap: Callable[[bytes], ms.Message], also: Also, signer: Signer
    ) -> tuple[Issued, Awaitable[None]]:
        """Take the next number and sign; nothing waits between taking it and asking for its write.

        Malformed, naming field and rule, when what a caller wants stated has no form; no number is taken then.
        """
        name = KeyName(signer.key.name)
        if name not in self._next or self._log is None:
            message = "outbox: this node has not joined its federation yet"
            raise Unavailable(message)
        try:
            statement = compose(Head(self._log, self.identity.clock.now_ms(), name, self._next[name]))
        except ValidationError as error:
            raise Malformed(canonical.describe("statement", error)) from error
        note = sign_note(st.statement_text(statement).encode(), [signer])
        issued = Issued(statement, note, ms.pack(wrap(note)))
        ops = (self.store.outgoing.keep(statement, issued.message), *also(statement))
        self._next[name] += 1
        return issued, asyncio.ensure_future(self.store.write(*ops))

    async def _made_durable(self, name: _Name, written: Awaitable[None]) -> None:
        """Wait for the write; a number whose write failed was never sent and is voided later."""
        try:
            await asyncio.shield(written)
        except HandschlagError:
            self._unwritten.append(name)
            raise

    async def _void(self, signer: Signer, first: int, last: int, *also: Op) -> None:
        """Declare dead what the log lacks of these numbers, in one durable step with `also`."""
        await self.send(
            lambda head: st.Void(**head.fields(), first=first, last=last),
            ms.AskRecord,
            self.settle,
            lambda _: also,
            signer,
        )

    # -- sending ---------------------------------------------------------------------------------------------------

    async def _exchange(self, issued: Issued, take: Take[T]) -> T:
        """Send a durable statement and take its answer; what the broker will never log is given up."""
        name = _name(issued.statement)
        self._unanswered.setdefault(name, self.identity.clock.now_ms())
        answer = await self._call(issued)
        if not isinstance(answer, ms.Failed):
            taken = await take(issued, answer)
            self._unanswered.pop(name, None)
            return taken
        error = fault_of(answer)
        if error.code is Code.WRONG_LOG and await self._closed_without(issued):
            anew = await self._say_anew(issued)
            if anew is not None:
                return await self._exchange(anew, take)
        if not isinstance(error, Unavailable):
            await self._give_up(issued, error.code)
            self._unanswered.pop(name, None)
        raise error

    async def _closed_without(self, issued: Issued) -> bool:
        """Tell whether a statement's shard was closed without it, so that it must be made for the next one.

        Raises Unavailable while the next shard is still to be opened.
        """
        await self.catch_up()
        if self.view.state.closed is not None:
            message = f"log: {self.view.log} is closed, and the next shard is not open yet"
            raise Unavailable(message)
        return issued.statement.log != self.view.log and issued.statement.log in self.view.logs

    async def _say_anew(self, issued: Issued) -> Issued | None:
        """Sign a statement again for the open shard, in one durable step with the end of the old one.

        None for a void or a head, which are worth nothing in another shard.
        """
        old, kept = issued.statement, _kept(issued.message)
        if isinstance(old, st.Void | st.AgencyHead):
            return None
        await self._enter()
        self._unanswered.pop(_name(old), None)
        anew, written = self._issue(
            lambda head: old.model_copy(update=head.fields()),
            lambda note: replace(kept, statement=note),
            lambda _: (self.store.outgoing.dead(old),),
            self._signer(old.key),
        )
        await self._made_durable(_name(anew.statement), written)
        return anew

    async def _call(self, issued: Issued) -> Reply | ms.Failed:
        """Send and wait; a busy broker is asked again a few times."""
        topic = ask(_VERBS.get(type(issued.statement), "record"))
        for _ in range(MAX_BUSY_TRIES):
            reply = await self.bus.call(topic, issued.message, timeout_s=CALL_TIMEOUT_S)
            answer = _reply(reply)
            if not isinstance(answer, ms.Failed):
                self._failures = 0
                return answer
            fault = canonical.decode_model(ms.Fault, answer.fault)
            if fault.code is not Code.BUSY:
                return answer
            await asyncio.sleep((fault.retry_after_ms or 1000) / 1000)
        self._unanswered.pop(_name(issued.statement), None)
        message = "broker: too busy to take a statement"
        raise Unavailable(message, code=Code.BUSY)

    async def _give_up(self, issued: Issued, code: Code) -> None:
        """Bury the number of a statement that is never logged, and tell the log so."""
        statement = issued.statement
        self.background.report("not_logged", code)
        drop = self._handling(statement).drop
        ops = (self.store.outgoing.dead(statement), *drop(statement, code))
        if isinstance(statement, st.Void) or code in _DEAD_ANYWAY:
            await self.store.write(*ops)
            return
        void = self._void(self._signer(statement.key), statement.n, statement.n, *ops)
        await self.background.tried("void", void)

    def _handling(self, statement: Ours) -> Handling:
        return self._handlings.get(type(statement), Handling(self.settle, nothing_to_drop))

    def resend_later(self) -> None:
        """Send again, after a while, what is not known to be answered."""
        self._resends.at(self.identity.clock.now_ms() + backoff_ms(min(self._failures, 4), RESEND_AFTER_MS))

    async def _resend(self, now_ms: int) -> int | None:
        """Send again, unchanged, what was never answered, and void what was never written."""
        for unwritten in list(self._unwritten):
            log, key, n = unwritten
            await self._void(self._signer(key), n, n, self.store.outgoing.voided(log, key, n, n))
            self._unwritten.remove(unwritten)
        waiting = [self._read(message) for message in await self.store.outgoing.pending()]
        if all(await each(self._resend_one, waiting)):
            return None
        self._failures += 1
        return now_ms + backoff_ms(min(self._failures, 4), RESEND_AFTER_MS)

    async def _resend_one(self, issued: Issued) -> bool:
        """Send one statement again unless its sender is still at it; tell whether it is settled."""
        name = _name(issued.statement)
        if name in self._under_way:
            return True
        self._under_way.add(name)
        try:
            await self._exchange(issued, self._handling(issued.statement).take)
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.background.report("resend", error.code)
            return isinstance(error, Misuse)
        finally:
            self._under_way.discard(name)
        return True

    def _read(self, message: bytes) -> Issued:
        """Read back a kept message."""
        kept = _kept(message)
        statement = read_note(kept.statement)[1]
        if isinstance(statement, st.Numbered):
            return Issued(statement, kept.statement, message)
        message_text = "outbox: a kept message holds no statement of this agency"
        raise Malformed(message_text)

    async def _say_heads(self, now_ms: int) -> int:
        """Say the last number of each key that ever signed."""
        await self._enter()
        for signer in self._in_force():
            if self._next[KeyName(signer.key.name)] == 1:
                continue
            await self.send(
                lambda head: st.AgencyHead(**head.fields(), last=head.n), ms.AskRecord, self.settle, signer=signer
            )
        return now_ms + HEAD_EVERY_MS


_VERBS: Final[dict[type[Ours], str]] = {st.Request: "request", st.Outcome: "outcome"}
_DEAD_ANYWAY: Final = frozenset(
    {Code.VOIDED, Code.EQUIVOCATION, Code.KEY_NOT_IN_FORCE, Code.NOT_A_MEMBER, Code.WRONG_LOG}
)
"""Faults after which a void says nothing new, or would itself not be taken."""
_LATER: Final = frozenset({Code.UNAVAILABLE, Code.BUSY, Code.COUNTER_TOO_FAR})


def _name(statement: Ours) -> _Name:
    return statement.log, statement.key, statement.n


def _kept(message: bytes) -> ms.AskRequest | ms.AskOutcome | ms.AskRecord:
    """Read back what is sent to the broker; Malformed for any other message."""
    kept = ms.unpack(message, ms.AskRequest, ms.AskOutcome, ms.AskRecord)
    if isinstance(kept, ms.AskRequest | ms.AskOutcome | ms.AskRecord):
        return kept
    message_text = "outbox: a kept message holds no statement of this agency"
    raise Malformed(message_text)


def _reply(raw: bytes) -> Reply | ms.Failed:
    answer = ms.unpack(raw, ms.Logged, ms.Delivered, ms.Later, ms.Failed)
    if isinstance(answer, ms.Logged | ms.Delivered | ms.Later | ms.Failed):
        return answer
    message = "broker: answered with a message of another type"
    raise Malformed(message)


def fault_of(failed: ms.Message) -> HandschlagError:
    """Make the exception a broker's fault stands for: try again later, or it did not take what we sent."""
    if not isinstance(failed, ms.Failed):
        return Malformed("broker: answered with a message of another type")
    fault = canonical.decode_model(ms.Fault, failed.fault)
    error = Unavailable if fault.code in _LATER else Misuse
    return error(f"broker: {fault.detail}", code=fault.code)
