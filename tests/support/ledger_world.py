"""A small federation on one log, in memory: tests of the ledger read like stories.

`Ledger` decides in log order as the sequencer does, without store or loop; `founded()` gives one with the five agencies
of `tests/support/pens.py`, their keys, approvals and catalogues. `stored()` puts it on a disk in memory.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Self

from broker.core.decide import decider
from broker.core.replay import replay_leaf
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.decision import Decide, Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.leaf import Leaf, read_leaf, statement_id
from consent_ledger.core.merkle import Edge, leaf_hash
from consent_ledger.core.proof import format_proof
from consent_ledger.core.signed import verify_statement
from consent_ledger.core.state import Grant, LedgerState
from consent_ledger.core.succession import end, hand_over
from schemas import statements as st
from schemas.entries import encode_entry
from schemas.ids import Hash, LogId
from schemas.registry import Registry
from tests.support import keys
from tests.support.memory_store import MemoryDisk, MemoryStore
from tests.support.pens import FEDERATION, PINS, Federation, ManualClock, changed
from tests.support.small_law import LAW


@dataclass(frozen=True)
class Logged:
    """An entry of the ledger with its index."""

    index: int
    leaf: Leaf

    @property
    def kind(self) -> str:
        """The entry's type."""
        return self.leaf.kind

    @property
    def reason(self) -> str:
        """The reason of a refused, rejected or withheld statement; empty for all others."""
        return str(getattr(self.leaf.entry, "reason", ""))


@dataclass
class Ledger(Federation):
    """A log in memory: decides in order, folds, keeps the leaves, and can be replayed."""

    registries: dict[Hash, Registry] = field(default_factory=lambda: {LAW.hash: LAW})
    leaves: list[bytes] = field(default_factory=list)
    bundle: bytes = b""
    state: LedgerState = field(init=False)
    decide: Decide = field(init=False)

    def __post_init__(self) -> None:
        """Begin before the first entry."""
        self.state = LedgerState(self.log)
        self.decide = decider(self.registries)

    def branch(self) -> Self:
        """Give a ledger that goes on by itself from here."""
        twin = copy.copy(self)
        twin.state, twin.leaves, twin.numbers = copied(self.state), list(self.leaves), self.numbers.copy()
        twin.clock, twin.registries = ManualClock(self.clock.ms), dict(self.registries)
        twin.decide = decider(twin.registries)
        return twin

    def submit(self, statement: st.Statement, opened: OpenedBody | None = None) -> Logged | NotLogged:
        """Sign a statement and have it decided; what is logged is folded in."""
        return self.submit_note(self.sign(statement), opened)

    def submit_note(self, note: bytes, opened: OpenedBody | None = None) -> Logged | NotLogged:
        """Prove a signed statement, decide it and fold it in; its number must be free."""
        signed = verify_statement(note, self.state.keys, PINS)
        place = self.state.place(signed.statement)
        assert place == "next", place
        self.state.advance(self.clock.ms)
        decided = self.decide(self.state, Submission(signed, opened), self.state.time)
        if not isinstance(decided, Decision):
            return decided
        raw = encode_entry(decided.kind, decided.entry)
        self.state.apply(raw, decided.entry, signed.statement)
        self.leaves.append(raw)
        return Logged(len(self.leaves) - 1, Leaf(raw, decided.kind, decided.entry, signed.statement))

    def write(self, statement: st.Statement, opened: OpenedBody | None = None) -> Logged:
        """Submit what must be logged, with whatever decision."""
        logged = self.submit(statement, opened)
        assert isinstance(logged, Logged), logged
        return logged

    def consented(self, **changes: object) -> st.ConsentGiven:
        """Have counselling take a consent for the Jobcenter to ask the provider; it must be taken."""
        consent = changed(self.consent("beratung", "jobcenter"), **changes)
        assert self.write(consent).kind == "consent.given"
        return consent

    def asked(self, under: st.ConsentGiven | st.BasisGiven | None = None, /, **changes: object) -> Logged:
        """Have the Jobcenter ask the provider under a basis, or else under a fresh consent."""
        return self.write(changed(self.request("jobcenter", "kurse", under or self.consented()), **changes))

    def grant(self, granted: Logged) -> Grant:
        """Give an open grant by its entry."""
        assert isinstance(granted.leaf.statement, st.Request)
        return self.state.grants[granted.leaf.statement.exchange]

    def answer(self, granted: Logged, kind: str = "disclosed") -> Logged:
        """Have the holder answer an open grant."""
        return self.write(*self.outcome(granted.leaf, self.grant(granted).leaf, kind))

    def following(self, following: str = "2026-12") -> Self:
        """Close this shard and give the next one, opened; this one stays as it was when it was closed."""
        self.write(self.closing(following))
        twin = self.branch()
        twin.bundle = hand_over(twin.state)
        twin.log, twin.handed_over, twin.leaves = twin.state.log, twin.state.begun_with, []
        twin.numbers.clear()
        twin.write(twin.opening())
        return twin

    def ended(self, following: str = "2026-12") -> Self:
        """End this shard where it stands, as if its key were lost; give the next one, before its log.key."""
        twin = self.branch()
        origin = LogId(f"{FEDERATION}/log/{following}")
        twin.bundle = end(twin.state, self.root(), origin, keys.signer(origin).key.vkey)
        twin.log, twin.handed_over, twin.leaves = twin.state.log, twin.state.begun_with, []
        twin.numbers.clear()
        return twin

    def rekeyed(self, following: str = "2026-12") -> Self:
        """End this shard where it stands, and give the next one, opened by log.key."""
        twin = self.ended(following)
        twin.write(twin.log_key(self.log, len(self.leaves), self.root()))
        return twin

    def root(self) -> bytes:
        """Give the root of this shard's tree."""
        tree = Edge()
        tree.extend(map(leaf_hash, self.leaves))
        return tree.root()

    def replay(self, leaves: Sequence[bytes] | None = None) -> list[tuple[int, str, str]]:
        """Replay these leaves, or all that was written, from the start; give index, rule and text of each finding."""
        state = LedgerState(self.log)
        found = [
            (index, replay_leaf(state, raw, self.decide, PINS))
            for index, raw in enumerate(self.leaves if leaves is None else leaves)
        ]
        return [(index, *finding) for index, finding in found if finding is not None]


def receipt_of(log: LogId, leaves: Sequence[bytes], index: int) -> tuple[bytes, bytes]:
    """Give an entry of a shard with its proof under a checkpoint over all of it, signed by the shard's key."""
    store, size = MemoryStore(log), len(leaves)
    note = sign_checkpoint(Checkpoint(log, size, store.append(leaves, [None] * size).root), keys.signer(log))
    return leaves[index], format_proof(index, store.inclusion_proof(index, size), note)


def copied(state: LedgerState) -> LedgerState:
    """Copy a state with all that entries can change in it."""
    twin = copy.copy(state)
    for name in LedgerState.__slots__:
        held = getattr(state, name)
        if isinstance(held, dict | list | set):
            setattr(twin, name, held.copy())
    twin.evidence = {name: copy.copy(one) for name, one in state.evidence.items()}
    twin.counters = copy.deepcopy(state.counters)
    return twin


def founded() -> Ledger:
    """Give a log with the five agencies, their keys, approvals and catalogues."""
    return _founded().branch()


@cache
def _founded() -> Ledger:
    ledger = Ledger()
    for statement in ledger.founding():
        ledger.write(statement)
    for statement in ledger.first_words():
        ledger.write(statement)
    return ledger


def stored(ledger: Ledger) -> MemoryDisk:
    """Give a disk that holds a log as its sequencer would have left it, all under a signed and locked checkpoint."""
    store = MemoryStore(ledger.log)
    ids = [statement_id(read_leaf(raw).statement) for raw in ledger.leaves]
    appended = store.append(ledger.leaves, ids)
    checkpoint = Checkpoint(ledger.log, appended.size, appended.root)
    store.swap_lock(None, sign_checkpoint(checkpoint, keys.signer(ledger.log)))
    return store.disk
