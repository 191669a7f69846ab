"""A small world: one broker, some agencies and a memory net in one process, with real keys, seals and proofs.

Nothing is patched; what a test sees is what the parts do. In virtual time (`tests/support/virtual_time.py`) the clock
runs with the loop, and nodes keep their memory without threads; a node can be made to end as a crash ends it.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Self

from adapters.infra.key_files import PublishedKey, SealKey, create_seal_key, load_seal_key
from adapters.node.approvals import Wish
from adapters.node.database import Database
from adapters.node.identity import ALL_ROLES, Identity, Roles
from adapters.node.node import Node, Own
from adapters.node.store import NodeStore
from adapters.sources.port import Source
from broker.core.authenticate import Gate
from broker.core.decide import decider
from broker.core.replay import replay_leaf
from broker.exchange import Exchanges
from broker.notices import Notices
from broker.service import Service
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.decision import Decide
from consent_ledger.core.leaf import read_leaf, statement_id
from consent_ledger.core.signed import Pins
from consent_ledger.core.state import LedgerState
from consent_ledger.core.succession import end, hand_over
from consent_ledger.earlier import Earlier, Kept
from consent_ledger.sequencer import Sequencer
from handschlag.steering import SteeringDesk
from schemas import canonical
from schemas import messages as ms
from schemas import registry as law
from schemas import statements as st
from schemas.bus import Bus, Handler
from schemas.errors import Code
from schemas.ids import AgencyId, ApprovalId, CodeName, FederationName, Hash, KeyName, LogId, NatsAccount, Purpose
from schemas.note import SignatureType
from schemas.registry_files import bundle_of
from schemas.seal import SealSuite
from schemas.topics import ask, node_call
from tests.support import keys
from tests.support.inline_database import InlineDatabase, for_ever
from tests.support.memory_bus import MemoryBus, MemoryNet
from tests.support.memory_store import MemoryStore
from tests.support.virtual_time import VirtualLoop

FEDERATION: Final = FederationName("musterstadt.example")
LOG: Final = LogId(keys.LOG)
START_MS: Final = 1_795_000_000_000
YEAR_MS: Final = 365 * 86_400_000


@dataclass
class RunningClock:
    """A clock that stands still unless a test moves it; in virtual time it runs with the loop."""

    ms: int = START_MS

    def now_ms(self) -> int:
        """Give the time it was set to, and in virtual time what has passed since the loop began."""
        loop = asyncio.get_running_loop()
        return self.ms + (round(loop.time() * 1000) if isinstance(loop, VirtualLoop) else 0)


class MortalBus(MemoryBus):
    """A node's end of the net that can die: its calls never return then, and its replies never leave.

    `calls` holds the topics it called, in order; `before` and `after` name the call, counted from 1, at which it dies.
    `heard` holds when, on which topic and how many bytes reached it, replies included; `tamper` may change a
    reply, `divert` may give one in place of whoever was called.
    """

    def __init__(self, net: MemoryNet, account: NatsAccount) -> None:
        """Connect to an account."""
        super().__init__(net, account, 1024)
        self.calls: list[str] = []
        self.before = 0
        self.after = 0
        self.dead = False
        self.heard: list[tuple[float, str, int]] = []
        self.tamper: Callable[[str, bytes], bytes] | None = None
        self.divert: Callable[[str, bytes], bytes | None] | None = None
        self._mortal_net = net

    def die(self) -> None:
        """Vanish from the net."""
        self.dead = True
        self._mortal_net.remove(self)

    async def living(self) -> None:
        """Go on, unless dead."""
        if self.dead:
            await for_ever()

    async def call(self, topic: str, body: bytes, *, timeout_s: float) -> bytes:
        """Call, unless dead; a call whose caller dies may still be carried out."""
        self.calls.append(topic)
        number = len(self.calls)
        if number == self.before:
            self.die()
        await self.living()
        diverted = None if self.divert is None else self.divert(topic, body)
        reply = await super().call(topic, body, timeout_s=timeout_s) if diverted is None else diverted
        if self.tamper is not None:
            reply = self.tamper(topic, reply)
        self._hear(topic, reply)
        if number == self.after:
            self.die()
        await self.living()
        return reply

    def _hear(self, topic: str, body: bytes) -> None:
        self.heard.append((round(asyncio.get_running_loop().time(), 6), topic, len(body)))

    async def serve(self, topic: str, handler: Handler) -> None:
        """Serve, for as long as this lives."""

        async def mortal(their_topic: str, body: bytes) -> bytes:
            """Answer, unless dead by then."""
            self._hear(their_topic, body)
            answer = await handler(their_topic, body)
            await self.living()
            return answer

        await super().serve(topic, mortal)


def account(agency: str) -> NatsAccount:
    """Give a made-up NATS account key for an agency."""
    digest = hashlib.sha256(agency.encode()).hexdigest().upper()
    letters = "".join(letter if letter.isalpha() else "ABCDEFGHIJ"[int(letter)] for letter in digest)
    return NatsAccount("A" + letters[:55])


@dataclass
class World:
    """The federation; `codes` collects what nodes and broker reported.

    `corrupt` makes another broker's decisions of an honest one's, from the next start of the broker on.
    """

    folder: Path
    raw_registry: bytes
    net: MemoryNet = field(default_factory=MemoryNet)
    clock: RunningClock = field(default_factory=RunningClock)
    nodes: dict[str, Node] = field(default_factory=dict)
    buses: dict[str, MortalBus] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    codes: list[tuple[str, Code]] = field(default_factory=list)
    identities: dict[str, Identity] = field(default_factory=dict)
    sources: dict[str, Source | None] = field(default_factory=dict)
    corrupt: Callable[[Decide], Decide] | None = None
    published: bytes | None = None
    laws: dict[Hash, law.Registry] = field(default_factory=dict)
    raw_laws: dict[Hash, bytes] = field(default_factory=dict)
    registry: law.Registry = field(init=False)
    desk: SteeringDesk = field(init=False)
    steering: Bus = field(init=False)
    sequencer: Sequencer = field(init=False)
    notices: Notices = field(init=False)
    service: Service = field(init=False)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(LOG))
    earlier: list[Kept] = field(default_factory=list)
    _bus: MemoryBus = field(init=False)
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(cls, folder: Path, *, answer_within_s: int = 3600, later_after_ms: int = 5000) -> Self:
        """Open the log, set the registry, and serve; members come with `admit`."""
        world = cls(folder, registry_bundle(answer_within_s=answer_within_s, later_after_ms=later_after_ms))
        world.registry = law.load(world.raw_registry)
        world.laws[world.registry.hash] = world.registry
        world.raw_laws[world.registry.hash] = world.raw_registry
        world.desk = SteeringDesk(LOG, STEERING, world.clock)
        await world.start_broker()
        world.steering = world.net.steering(account("steering"))
        vkey = keys.log_signer().key.vkey
        await world.steer(st.ShardOpened(**world.desk.next(), log_vkey=vkey))
        await world.steer(st.RegistrySet(**world.desk.next(), registry=world.registry.hash))
        return world

    async def start_broker(self, state: LedgerState | None = None) -> None:
        """Run a broker on the store, from what a new shard starts with, or from the state the entries fold to."""
        if state is None:
            state = LedgerState(LOG)
            for raw in self.leaves():
                leaf = read_leaf(raw)
                state.apply(raw, leaf.entry, leaf.statement)
        decide = decider(self.laws)
        if self.corrupt is not None:
            decide = self.corrupt(decide)
        signer = keys.signer(self.store.origin)
        self.sequencer = Sequencer(self.store, state, decide, signer, self.clock, Earlier(self.earlier))
        self._bus = self.net.broker()
        self.notices = Notices(self._bus, self._report)
        gate = Gate(PINS, account("steering"))
        exchanges = Exchanges(self.sequencer, self._bus, gate, self.notices.tell)
        self.service = Service(exchanges, self.raw_laws, lambda: self.published)
        await self.service.start()
        self._running.append(asyncio.get_running_loop().create_task(self.sequencer.run()))

    def break_off(self) -> None:
        """Take the broker off the net."""
        self.net.remove(self._bus)

    async def corrupted(self, corrupt: Callable[[Decide], Decide]) -> None:
        """Put a broker in place of the honest one that decides as it likes, and keeps log and key."""
        self.net.remove(self._bus)
        self.corrupt = corrupt
        await self.start_broker()

    async def fork(self, size: int) -> None:
        """Put the broker back to the first entries of its log, as a backup would; it writes another log from there."""
        self.net.remove(self._bus)
        kept = list(self.leaves())[:size]
        self.store = MemoryStore(LOG)
        ids = [statement_id(read_leaf(raw).statement) for raw in kept]
        root = self.store.append(kept, ids).root
        self.store.swap_lock(None, sign_checkpoint(Checkpoint(LOG, size, root), keys.log_signer()))
        await self.start_broker()

    async def steer(self, statement: st.Statement) -> ms.Logged:
        """Have a steering statement logged."""
        reply = await self.steering.call(ask("record"), ms.pack(ms.AskRecord(self.desk.sign(statement))), timeout_s=5)
        answer = ms.unpack(reply, ms.Logged, ms.Failed)
        assert isinstance(answer, ms.Logged), answer
        return answer

    async def enact(self, raw: bytes) -> None:
        """Put another registry into force."""
        registry = law.load(raw)
        self.laws[registry.hash], self.raw_laws[registry.hash] = registry, raw
        await self.steer(st.RegistrySet(**self.desk.next(), registry=registry.hash))

    async def tell(self, agency: str, call: str, message: ms.Message) -> ms.Message:
        """Call a node as the broker does, with any message, and give its answer."""
        reply = await self._bus.call(node_call(AgencyId(agency), call), ms.pack(message), timeout_s=20)
        return ms.unpack(reply, *ms.MESSAGES)

    async def receipt(self, index: int) -> tuple[bytes, bytes]:
        """Give an entry with its proof, as the broker has it."""
        found = await self.sequencer.receipt(index)
        return found.leaf.raw, found.proof

    async def admit(self, agency: str, kind: str, source: Source | None = None, roles: Roles = ALL_ROLES) -> Node:
        """Admit an agency with fresh seal keys and start its node."""
        name = AgencyId(agency)
        admitted = st.MemberAdmitted(
            **self.desk.next(), agency=name, kind=CodeName(kind), account=account(agency), commitment=CodeName("signed")
        )
        await self.steer(admitted)
        seal_key = new_seal_key(agency)
        signers = {role: keys.signer(f"{FEDERATION}/{agency}/{role}-1", TYPES[role]) for role in TYPES}
        for role, signer in signers.items():
            await self._add_key(name, role, signer.key.name, "ed25519", signer.key.vkey)
        await self._add_key(name, "seal", f"{FEDERATION}/{agency}/seal-1", seal_key.suite, seal_key.published.public)
        self.identities[agency] = Identity(
            agency=name,
            statement=signers["statement"],
            openers={seal_key.published.id: seal_key},
            seal_key=seal_key.published.id,
            clock=self.clock,
            random_bytes=os.urandom,
            witnesses=(signers["witness"],),
            dpo=signers["dpo"],
            roles=roles,
            drafts=True,
        )
        self.sources[agency] = source
        return await self.start_node(agency)

    def make_node(self, agency: str) -> Node:
        """Make a node on an agency's own store, without starting it."""
        self.net.agency(AgencyId(agency), account(agency))
        self.buses[agency] = MortalBus(self.net, account(agency))
        store = NodeStore(self.folder / f"{agency}.db", _Opened(self, agency))
        identity, source = self.identities[agency], self.sources[agency]
        own = None if source is None else Own(source)
        self.nodes[agency] = Node.build(identity, self.buses[agency], store, PINS, own, self._report)
        return self.nodes[agency]

    async def start_node(self, agency: str) -> Node:
        """Start, or start again, an agency's node on its own store."""
        node = self.make_node(agency)
        await node.start()
        return node

    def inline(self, agency: str) -> InlineDatabase:
        """Give an agency's database in virtual time."""
        database = self.databases[agency]
        assert isinstance(database, InlineDatabase)
        return database

    def crash(self, agency: str) -> None:
        """End a node between two steps: nothing of it goes on, and only what was written is left."""
        self.buses[agency].die()
        self.inline(agency).die()

    async def restart(self, agency: str) -> Node:
        """Start a node again after it was closed or has crashed."""
        self.crash(agency)
        return await self.start_node(agency)

    async def approve(self, agency: str, purpose: str, role: str = "adviser", *, automatic: bool = False) -> ApprovalId:
        """Have an agency's DPO approve all fields of a purpose for a role."""
        until = self.clock.now_ms() + YEAR_MS
        wish = Wish(CodeName(role), Purpose(purpose), until, automatic=automatic)
        return await self.nodes[agency].approvals.approve(wish)

    async def publish_catalogue(self, agency: str) -> None:
        """Have a holder publish which fields it can deliver."""
        source = self.sources[agency]
        assert source is not None
        await self.nodes[agency].approvals.publish(source.catalogue)

    def replay(self) -> list[tuple[int, str, str]]:
        """Replay the whole ledger from its bytes, shard after shard; give the findings."""
        state = LedgerState(LOG)
        decide = decider(self.laws)
        findings = []
        root, shards = b"", [(kept.reader, kept.size) for kept in self.earlier]
        for store, size in (*shards, (self.store, self.store.size)):
            opening = read_leaf(store.entry(0)).statement if store.size else None
            if state.closed is not None:
                hand_over(state)
            elif isinstance(opening, st.LogKey):
                end(state, root, opening.log, opening.log_vkey)
            root = store.root(size)
            for index, raw in store.entries(0, size):
                finding = replay_leaf(state, raw, decide, PINS)
                if finding is not None:
                    findings.append((index, *finding))
        for key, counter in state.counters.items():
            findings += [(state.size, "counter_gap", f"{key}: {first}-{last}") for first, last in counter.gaps()]
        return findings

    def leaves(self) -> Sequence[bytes]:
        """Give the bytes of all entries, in order."""
        return [raw for _, raw in self.store.entries(0, self.store.size)]

    def kinds(self) -> list[str]:
        """Give the types of all entries, in order."""
        return [read_leaf(raw).kind for raw in self.leaves()]

    async def close(self) -> None:
        """Stop everything that has not crashed."""
        for agency, node in self.nodes.items():
            if not self.buses[agency].dead:
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


@dataclass(frozen=True)
class _Opened:
    """Opens an agency's database as the loop needs it, and tells the world."""

    world: World
    agency: str

    def __call__(self, path: Path, schema: str) -> Database:
        """Open or create the file."""
        virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
        database = InlineDatabase(path, schema) if virtual else Database(path, schema)
        self.world.databases[self.agency] = database
        return database


STEERING: Final = (keys.signer(f"{FEDERATION}/steering/dpo-1"), keys.signer(f"{FEDERATION}/steering/steward-1"))
PINS: Final = Pins(FEDERATION, tuple(signer.key for signer in STEERING))
TYPES: Final[dict[st.KeyRole, SignatureType]] = {
    "statement": SignatureType.ED25519,
    "dpo": SignatureType.ED25519,
    "witness": SignatureType.COSIGNATURE,
}


@dataclass(frozen=True)
class OwnSealKey:
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


@cache
def new_seal_key(agency: str) -> OwnSealKey:
    """Make a hybrid seal key, once for each agency of a test run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seal.key"
        published = create_seal_key(path, f"{FEDERATION}/{agency}/seal-1")
        return OwnSealKey(load_seal_key(path), published)


@cache
def registry_bundle(*, answer_within_s: int, later_after_ms: int) -> bytes:
    """Make a bundle of the shipped registry with other deadlines, without the categories that no purpose names."""
    folder = Path(law.__file__).parent / "registry"
    files = {path.stem: path.read_text("utf-8") for path in folder.glob("*.toml")}
    timing = f"answer_within_s = {answer_within_s}\nlater_after_ms = {later_after_ms}"
    files["purposes"] = files["purposes"].replace("answer_within_s = 259200", timing)
    bundle = law.Bundle.model_validate_json(bundle_of(files))
    named = {pattern.partition(".")[0] for row in bundle.purposes.purpose for pattern in row.fields} | {"language"}
    fields = tuple(one for one in bundle.fields.field if one.name.partition(".")[0] in named)
    lists = {law.OCCASIONS, *(one.code_list for one in fields)}
    return canonical.encode_model(
        bundle.model_copy(
            update={
                "fields": bundle.fields.model_copy(update={"field": fields}),
                "code_lists": bundle.code_lists.model_copy(
                    update={"code_list": tuple(one for one in bundle.code_lists.code_list if one.name in lists)}
                ),
            }
        )
    )
