"""A small world: one broker, some agencies and a memory net in one process, with real keys, seals, signatures and
proofs. Nothing is patched; what a test sees is what the parts do."""

import asyncio
import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from adapters.infra.key_files import PublishedKey, SealKey, create_seal_key, load_seal_key
from adapters.node.identity import Identity
from adapters.node.node import Node
from adapters.node.store import NodeStore
from broker.core.authenticate import Gate
from broker.core.decide import decider
from broker.core.replay import replay_leaf
from broker.exchange import Exchanges
from broker.notices import Notices
from broker.service import Service
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.signed import Pins
from consent_ledger.core.state import LedgerState
from consent_ledger.sequencer import Sequencer
from handschlag.steering import SteeringDesk
from schemas import messages as ms
from schemas import registry as law
from schemas import statements as st
from schemas.bus import Bus
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName, ExchangeId, FederationName, KeyName, LogId, NatsAccount, Purpose
from schemas.note import SignatureType
from schemas.registry_files import bundle_of
from schemas.seal import SealSuite
from schemas.topics import ask
from tests.support import keys
from tests.support.memory_bus import MemoryNet
from tests.support.memory_source import MemorySource
from tests.support.memory_store import MemoryStore

FEDERATION = FederationName("musterstadt.example")
LOG = LogId(keys.LOG)


@dataclass
class RunningClock:
    """A clock that stands still unless a test moves it."""

    ms: int = 1_795_000_000_000

    def now_ms(self) -> int:
        """Give the time it was set to."""
        return self.ms


def account(agency: str) -> NatsAccount:
    """Give a made-up NATS account key for an agency."""
    digest = hashlib.sha256(agency.encode()).hexdigest().upper()
    return NatsAccount("A" + "".join(letter if letter.isalpha() else "ABCDEFGHIJ"[int(letter)] for letter in digest)[:55])


@dataclass
class World:
    """The federation; `codes` collects what nodes reported."""

    folder: Path
    raw_registry: bytes
    net: MemoryNet = field(default_factory=MemoryNet)
    clock: RunningClock = field(default_factory=RunningClock)
    nodes: dict[str, Node] = field(default_factory=dict)
    codes: list[tuple[str, Code]] = field(default_factory=list)
    identities: dict[str, Identity] = field(default_factory=dict)
    sources: dict[str, MemorySource | None] = field(default_factory=dict)
    registry: law.Registry = field(init=False)
    desk: SteeringDesk = field(init=False)
    steering: Bus = field(init=False)
    sequencer: Sequencer = field(init=False)
    notices: Notices = field(init=False)
    service: Service = field(init=False)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(LOG))
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(cls, folder: Path, *, answer_within_s: int = 3600, later_after_ms: int = 0) -> Self:
        """Open the log, set the registry, and serve; members come with `admit`."""
        world = cls(folder, registry_bundle(answer_within_s=answer_within_s, later_after_ms=later_after_ms))
        world.registry = law.load(world.raw_registry)
        world.desk = SteeringDesk(LOG, STEERING, world.clock)
        await world._start_broker()
        world.steering = world.net.steering(account("steering"))
        vkey = keys.log_signer().key.vkey
        await world.steer(st.ShardOpened(**world.desk.next(), log_vkey=vkey))
        await world.steer(st.RegistrySet(**world.desk.next(), registry=world.registry.hash))
        return world

    async def _start_broker(self) -> None:
        state = LedgerState(LOG)
        bundles = {self.registry.hash: self.registry}
        self.sequencer = Sequencer(self.store, state, decider(bundles), keys.log_signer(), self.clock)
        bus = self.net.broker()
        self.notices = Notices(bus, self._report)
        gate = Gate(PINS, account("steering"))
        exchanges = Exchanges(self.sequencer, bus, gate, self.notices.tell)
        self.service = Service(exchanges, {self.registry.hash: self.raw_registry})
        await self.service.start()
        self._running.append(asyncio.get_running_loop().create_task(self.sequencer.run()))

    async def steer(self, statement: st.Statement) -> ms.Logged:
        """Have a steering statement logged."""
        reply = await self.steering.call(ask("record"), ms.pack(ms.AskRecord(self.desk.sign(statement))), timeout_s=5)
        answer = ms.unpack(reply, ms.Logged, ms.Failed)
        assert isinstance(answer, ms.Logged), answer
        return answer

    async def admit(self, agency: str, kind: str, source: MemorySource | None = None) -> Node:
        """Admit an agency with fresh seal keys and start its node."""
        name = AgencyId(agency)
        await self.steer(
            st.MemberAdmitted(
                **self.desk.next(), agency=name, kind=CodeName(kind), account=account(agency), commitment=CodeName("signed")
            )
        )
        seal_key = new_seal_key(agency)
        signers = {role: keys.signer(f"{FEDERATION}/{agency}/{role}-1", TYPES[role]) for role in TYPES}
        for role, signer in signers.items():
            await self._add_key(name, role, signer.key.name, "ed25519", signer.key.vkey)
        await self._add_key(name, "seal", f"{FEDERATION}/{agency}/seal-1", seal_key.suite, seal_key.published.public)
        identity = Identity(
            agency=name,
            statement=signers["statement"],
            openers={seal_key.published.id: seal_key},
            seal_key=seal_key.published.id,
            clock=self.clock,
            random_bytes=os.urandom,
            witness=signers["witness"],
            dpo=signers["dpo"],
        )
        self.identities[agency] = identity
        self.sources[agency] = source
        return await self.start_node(agency)

    async def start_node(self, agency: str) -> Node:
        """Start, or start again, an agency's node on its own store."""
        bus = self.net.agency(AgencyId(agency), account(agency))
        store = NodeStore(self.folder / f"{agency}.db")
        node = Node.build(self.identities[agency], bus, store, PINS, self.sources[agency], self._report)
        await node.start()
        self.nodes[agency] = node
        return node

    async def approve(self, agency: str, purpose: str, role: str = "adviser", *, automatic: bool = False) -> None:
        """Have an agency's DPO approve all fields of a purpose for a role."""
        node = self.nodes[agency]
        rule = self.registry.purposes[Purpose(purpose)]
        approval = ExchangeId(os.urandom(16).hex())
        _, reply = await node.outbox.send(
            "record",
            lambda head: st.ApprovalGiven(
                **head.fields(),
                approval=approval,
                role=CodeName(role),
                purpose=Purpose(purpose),
                fields=tuple(sorted(rule.fields)),
                valid_until=self.clock.ms + 365 * 86_400_000,
                automatic=automatic,
            ),
            ms.AskRecord,
            signer=self.identities[agency].dpo,
        )
        assert isinstance(reply, ms.Logged)

    async def publish_catalogue(self, agency: str) -> None:
        """Have a holder publish which fields it can deliver."""
        node = self.nodes[agency]
        source = self.sources[agency]
        assert source is not None
        await node.outbox.send(
            "record",
            lambda head: st.CatalogueSet(**head.fields(), fields=tuple(sorted(source.catalogue))),
            ms.AskRecord,
        )

    def replay(self) -> list[tuple[int, str, str]]:
        """Replay the whole ledger from its bytes; give the findings."""
        state = LedgerState(LOG)
        decide = decider({self.registry.hash: self.registry})
        findings = []
        for index, raw in self.store.entries(0, self.store.size):
            finding = replay_leaf(state, raw, decide, PINS)
            if finding is not None:
                findings.append((index, *finding))
        return findings

    def kinds(self) -> list[str]:
        """Give the types of all entries, in order."""
        return [read_leaf(raw).kind for _, raw in self.store.entries(0, self.store.size)]

    async def close(self) -> None:
        """Stop everything."""
        for node in self.nodes.values():
            await node.close()
        await self.notices.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _report(self, where: str, code: Code) -> None:
        self.codes.append((where, code))

    async def _add_key(self, agency: AgencyId, role: st.KeyRole, name: str, suite: st.Suite, public: str) -> None:
        await self.steer(
            st.KeyAdded(**self.desk.next(), agency=agency, role=role, name=KeyName(name), suite=suite, public=public)
        )


STEERING = (keys.signer(f"{FEDERATION}/steering/dpo-1"), keys.signer(f"{FEDERATION}/steering/steward-1"))
PINS = Pins(FEDERATION, tuple(signer.key for signer in STEERING))
TYPES: dict[st.KeyRole, SignatureType] = {
    "statement": SignatureType.ED25519,
    "dpo": SignatureType.ED25519,
    "witness": SignatureType.COSIGNATURE,
}


@dataclass(frozen=True)
class TestSealKey:
    """A seal key with its published half."""

    key: SealKey
    published: PublishedKey

    @property
    def suite(self) -> SealSuite:
        """Which HPKE suite the key belongs to."""
        return self.key.suite

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Open HPKE output."""
        return self.key.open(sealed, info)


def new_seal_key(agency: str) -> TestSealKey:
    """Make a fresh hybrid seal key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seal.key"
        published = create_seal_key(path, f"{FEDERATION}/{agency}/seal-1")
        return TestSealKey(load_seal_key(path), published)


def registry_bundle(*, answer_within_s: int, later_after_ms: int) -> bytes:
    """Make a bundle of the shipped registry with other deadlines."""
    folder = Path(law.__file__).parent / "registry"
    files = {path.stem: path.read_text("utf-8") for path in folder.glob("*.toml")}
    timing = f"answer_within_s = {answer_within_s}\nlater_after_ms = {later_after_ms}"
    files["purposes"] = files["purposes"].replace("answer_within_s = 259200", timing)
    return bundle_of(files)
