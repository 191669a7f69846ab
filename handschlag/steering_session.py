"""The steering group at work while everything runs: it learns the chain from the broker, continues it, pushes accounts.

Nothing is sent before the whole continuation was decided here with the broker's own rules on what the broker has
proven, so that a refusal leaves nothing half done. What was sent and not answered is found in the chain next time.
"""

import copy
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, NamedTuple

from adapters.infra.files import write_atomic
from adapters.infra.nats_bus import NatsBus
from adapters.infra.nats_operator_files import Jwts
from adapters.infra.nats_push import push_accounts
from adapters.node.core.view import View
from broker.bundles import bundle_path
from broker.core.admission import decide_steered
from consent_ledger.core.checkpoint import CheckpointVerifier
from consent_ledger.core.decision import NotLogged
from consent_ledger.core.signed import STEERING, Pins, SignedStatement
from consent_ledger.core.state import LedgerState
from handschlag.bus_logins import steering_login, system_login
from handschlag.federation_folder import FederationFolder
from handschlag.steering import Continuation, SteeringDesk
from schemas import canonical
from schemas import messages as ms
from schemas import registry as law
from schemas import statements as st
from schemas.bus import Bus
from schemas.commitment import sha256
from schemas.entries import encode_entry
from schemas.errors import Code, Misuse, NotAuthentic, Unavailable
from schemas.ids import Hash, LogId, Purpose
from schemas.note import parse_vkey
from schemas.topics import ask

CALL_TIMEOUT_S: Final = 20.0

Step = Callable[[Continuation], st.Statement]
"""Composes a steering statement from the four fields that continue the chain."""


class Reviewed(NamedTuple):
    """What the steering group says of a language's text: hash of its file, hash of the reader's signed sheet.

    With a purpose it is an agency's own printed form for it.
    """

    language: st.Language
    text: Hash
    reader: Hash
    verdict: Literal["approved", "withdrawn"]
    purpose: Purpose | None = None


@dataclass
class SteeringSession:
    """A connection to the broker, and what the broker has proven of the chain."""

    folder: FederationFolder
    bus: Bus
    view: View

    @property
    def state(self) -> LedgerState:
        """Members and keys as of the end of the chain."""
        return self.view.state

    async def learn(self) -> None:
        """Fetch the chain to its end, and the registry in force; each entry is proven before it counts."""
        known = -1
        while known < self.view.chain:
            known = self.view.chain
            query = canonical.encode_model(ms.ChainQuery(after=known))
            page = await self._receipts("chain", ms.AskChain(query))
            for entry, proof in zip(page.receipts[::2], page.receipts[1::2], strict=True):
                self.view.learn(entry, proof)
        if self.view.chain and self.state.registry is not None:
            await self._learn_registry(self.state.registry)

    def prepare(self, steps: Sequence[Step]) -> list[bytes]:
        """Sign statements that continue the chain, each decided as the broker will; Misuse says what it refuses."""
        state, now_ms = copy.deepcopy(self.state), self.folder.clock.now_ms()
        state.advance(now_ms)
        desk = SteeringDesk(state.log, self.folder.signers(), self.folder.clock, state.chain, state.chain_prev)
        notes: list[bytes] = []
        for step in steps:
            statement = step(desk.next())
            note = desk.sign(statement)
            decided = decide_steered(state, SignedStatement(note, statement, STEERING), now_ms, self.view.registries)
            if isinstance(decided, NotLogged):
                message = f"the federation's rules do not allow it: {decided.detail}"
                raise Misuse(message)
            state.apply(encode_entry(decided.kind, decided.entry), decided.entry, statement)
            notes.append(note)
        return notes

    async def record(self, notes: Sequence[bytes]) -> None:
        """Have prepared statements logged, one after the other, each with receipt.

        Raises Unavailable when an answer does not come, Misuse when the chain was continued by somebody else meanwhile:
        then repeat the command.
        """
        for note in notes:
            reply = await self.bus.call(ask("record"), ms.pack(ms.AskRecord(note)), timeout_s=CALL_TIMEOUT_S)
            answer = ms.unpack(reply, ms.Logged, ms.Failed)
            if not isinstance(answer, ms.Logged):
                raise _fault(answer)
            self.view.learn(answer.entry, answer.proof)

    async def closed_root(self, log: LogId, size: int) -> Hash:
        """Give the root of a closed shard, as its own key signed it at its end; NotAuthentic for anything else."""
        query = ms.AskHashes(canonical.encode_model(ms.HashesQuery(first=size, log=log)))
        reply = await self.bus.call(ask("hashes"), ms.pack(query), timeout_s=CALL_TIMEOUT_S)
        answer, log_key = ms.unpack(reply, ms.Hashes, ms.Failed), self.view.log_key(log)
        if not isinstance(answer, ms.Hashes):
            raise _fault(answer)
        if log_key is None:
            message = f"{log}: the chain opens no such shard"
            raise NotAuthentic(message)
        checkpoint = CheckpointVerifier(log_key).verify(answer.note).checkpoint
        if checkpoint.size != size:
            message = f"{log}: the broker shows a checkpoint of {checkpoint.size} entries, the shard has {size}"
            raise NotAuthentic(message)
        return Hash(checkpoint.root.hex())

    async def push(self, jwts: Jwts) -> None:
        """Bring accounts to the running NATS server; nobody is disconnected by a push but whom it revokes."""
        bus = await NatsBus.connect(system_login(self.folder, self.folder.now_s()))
        try:
            await push_accounts(bus, jwts, timeout_s=CALL_TIMEOUT_S)
        finally:
            await bus.close()

    async def _learn_registry(self, name: Hash) -> None:
        query = canonical.encode_model(ms.EvidenceQuery(registry=name))
        raw = (await self._receipts("evidence", ms.AskEvidence(query))).blob
        if sha256(raw) != name:
            message = "registry: the bundle that came has another hash"
            raise NotAuthentic(message)
        self.view.registries[name] = law.load(raw)

    async def _receipts(self, verb: str, question: ms.Message) -> ms.Receipts:
        reply = await self.bus.call(ask(verb), ms.pack(question), timeout_s=CALL_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Receipts, ms.Failed)
        if not isinstance(answer, ms.Receipts):
            raise _fault(answer)
        if len(answer.receipts) % 2:
            message = "broker: entries and proofs come in pairs"
            raise NotAuthentic(message)
        return answer


@asynccontextmanager
async def steering_session(folder: FederationFolder) -> AsyncIterator[SteeringSession]:
    """Connect as the steering group and learn the chain; Unavailable when bus or broker are out of reach."""
    pins = folder.pins()
    bus = await NatsBus.connect(steering_login(folder, folder.now_s()))
    try:
        view = View(Pins(pins.name, tuple(map(parse_vkey, pins.steering))))
        session = SteeringSession(folder, bus, view)
        await session.learn()
        yield session
    finally:
        await bus.close()


def _fault(answer: ms.Message) -> Misuse | Unavailable:
    """Give the error a refusal stands for: try again, or somebody's mistake."""
    fault = canonical.decode_model(ms.Fault, answer.fault if isinstance(answer, ms.Failed) else b"")
    if fault.code in (Code.CHAIN_BROKEN, Code.EQUIVOCATION):
        message = "somebody else of the steering group did something meanwhile; repeat the command"
        return Misuse(message, code=fault.code)
    message = f"broker: {fault.code}: {fault.detail}"
    return Unavailable(message) if fault.code in (Code.UNAVAILABLE, Code.BUSY) else Misuse(message, code=fault.code)


async def set_registry(folder: FederationFolder, raw: bytes) -> Hash:
    """Lay a bundle beside the log and put it into force; the one in force already stays as it is."""
    registry = law.load(raw)
    async with steering_session(folder) as session:
        session.view.registries[registry.hash] = registry
        if session.state.registry != registry.hash:
            notes = session.prepare([partial(_registry_set, registry.hash)])
            write_atomic(bundle_path(folder.registry, registry.hash), raw)
            await session.record(notes)
    return registry.hash


async def review_text(folder: FederationFolder, reviewed: Reviewed) -> bool:
    """Approve or withdraw a text for clients; False when that changes nothing."""
    async with steering_session(folder) as session:
        approved = session.state.has_text(reviewed.language, reviewed.text, reviewed.purpose)
        if approved == (reviewed.verdict == "approved"):
            return False
        await session.record(session.prepare([partial(_text_reviewed, reviewed)]))
    return True


def _text_reviewed(reviewed: Reviewed, head: Continuation) -> st.Statement:
    return st.TextReviewed(**head, **reviewed._asdict())


def _registry_set(registry: Hash, head: Continuation) -> st.Statement:
    return st.RegistrySet(**head, registry=registry)
