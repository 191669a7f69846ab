"""What a node knows of its federation, learned from entries with receipt and from nothing else.

Pinned beforehand are the federation's name and its steering keys. A steering entry opens each shard and names the key
of its log, as the one that closed the shard before said it would, or as `log.key` says in place of one that could not
be closed; the keys of others come only from `key.added` entries in a gapless chain (ARCHITECTURE.md, Cryptography).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from adapters.node.core.follow import Unseen
from consent_ledger.core.approval import Approval
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, claimed_origin, unverified_checkpoint
from consent_ledger.core.evidence import Evidence, evidence_id
from consent_ledger.core.leaf import Leaf, read_leaf, read_signed_leaf
from consent_ledger.core.proof import parse_proof, verify_parsed
from consent_ledger.core.shard import Succession
from consent_ledger.core.signed import CLIENT, STEERING, Pins, verify_signers, verify_statement
from consent_ledger.core.state import Key, LedgerState
from schemas import statements as st
from schemas.entries import Closed, Recorded
from schemas.errors import Code, LedgerInconsistent, Malformed, Misuse, NotAuthentic
from schemas.ids import AgencyId, Hash, KeyId, LogId, Purpose
from schemas.note import VerifierKey, parse_vkey
from schemas.registry import Registry
from schemas.statements import ShardOpened

LEARNED: Final = (
    st.Steered,
    st.ApprovalGiven,
    st.ApprovalEnded,
    st.CatalogueSet,
    st.ConsentGiven,
    st.BasisGiven,
    st.ConsentWithdrawn,
    st.BasisWithdrawn,
    st.ClientWithdrawn,
)
"""The statements a node draws conclusions from, where they are recorded as they stand."""
T = TypeVar("T")
REMEMBERED: Final = 4096
"""How many checkpoints and entries are compared with what comes later."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry that stands in the log at `index`, whose statement is signed by its agency; `hash` is the leaf hash."""

    index: int
    leaf: Leaf
    hash: Hash
    agency: AgencyId


class View:
    """A node's own fold of what it has proof of: the steering chain, and the evidence it was handed."""

    def __init__(self, pins: Pins) -> None:
        """Start knowing only what is pinned.

        `unseen` is what was proven and has still to be seen in the log as this node follows it; `proven_size` is the
        smallest log that holds all that was proven.
        """
        self.pins = pins
        self.registries: dict[Hash, Registry] = {}
        self._state: LedgerState | None = None
        self._checkpoints: dict[LogId, CheckpointVerifier] = {}
        self._approvals: dict[int, Approval] = {}
        self._laws: list[tuple[int, Hash]] = []
        self._folded: set[int] = set()
        self._ended: dict[str, int] = {}
        self._begins: dict[LogId, int] = {}
        self._roots: dict[tuple[LogId, int], bytes] = {}
        self._leaves: dict[int, bytes] = {}
        self.unseen = Unseen()
        self.proven_size = 0

    @property
    def state(self) -> LedgerState:
        """The fold; Misuse before the first steering entry was learned."""
        if self._state is None:
            message = "view: the steering chain has not been learned yet"
            raise Misuse(message)
        return self._state

    @property
    def chain(self) -> int:
        """How far the steering chain is known, without a gap; 0 before the first entry."""
        return 0 if self._state is None else self._state.chain

    @property
    def log(self) -> LogId:
        """The open shard's origin."""
        return self.state.log

    @property
    def logs(self) -> tuple[LogId, ...]:
        """The origins of the shards known so far, the open one first."""
        return tuple(reversed(self.state.shards)) or (self.log,)

    def log_key(self, log: str) -> VerifierKey | None:
        """Give the key that signs a shard's checkpoints, None for a shard that was not learned of."""
        verifier = self._checkpoints.get(LogId(log))
        return None if verifier is None else verifier.log

    def first(self, log: LogId) -> int:
        """Give the index of a shard's entry 0, counted over all shards."""
        shard = self.state.shards.get(log)
        return self.state.first if shard is None else shard.first

    def registry(self) -> Registry | None:
        """Give the registry in force as far as the chain is known, if its bundle is held."""
        name = None if self._state is None else self._state.registry
        return None if name is None else self.registries.get(name)

    def law_at(self, chain: int) -> Hash | None:
        """Give the registry that was in force when the steering chain had reached `chain`."""
        return next((name for seq, name in reversed(self._laws) if seq <= chain), None)

    def former_law(self) -> Hash | None:
        """Give the registry that was in force before the one that is now; None while there was no other."""
        return next((name for _, name in reversed(self._laws) if name != self.state.registry), None)

    def prove(self, raw: bytes, proof: bytes, *, sent: bytes | None = None) -> Proven:
        """Check that an entry is in the log, and its statement meant for it and signed by a key in force there.

        `sent` is the note this node signed itself, where the entry must embed that very note: then its signature need
        not be verified again. Raises NotAuthentic or Malformed otherwise, LedgerInconsistent when the log contradicts
        what it proved before.
        """
        parsed = parse_proof(proof)
        log = LogId(claimed_origin(parsed.note))
        proven = verify_parsed(raw, parsed, self._verifier(log, parsed.note))
        index = self._first_of(log) + proven.index
        self.check_within(proven.checkpoint.checkpoint)
        self._compare(proven.checkpoint.checkpoint, index, proven.leaf_hash)
        leaf, note = read_signed_leaf(raw)
        if sent is not None and leaf.entry.statement.encode() != sent:
            message = "receipt: embeds another statement than the one sent"
            raise NotAuthentic(message)
        if leaf.statement.log != log:
            message = "entry: its statement was made for another log"
            raise NotAuthentic(message, code=Code.WRONG_LOG)
        if sent is None:
            verify_signers(note, leaf.statement, self.state.keys, self.pins)
        if isinstance(leaf.statement, st.ClientWithdrawn):
            # Whether its code is right the log has decided, and replay decides again: ending is the safe side here.
            return Proven(index, leaf, Hash(proven.leaf_hash.hex()), CLIENT)
        if not isinstance(leaf.statement, st.Numbered):
            return Proven(index, leaf, Hash(proven.leaf_hash.hex()), STEERING)
        key = self.state.keys[leaf.statement.key]
        self._check_in_force(key, index)
        return Proven(index, leaf, Hash(proven.leaf_hash.hex()), key.agency)

    def learn(self, raw: bytes, proof: bytes) -> Proven:
        """Prove an entry and fold it in: the next of the steering chain, or evidence of approval, consent or basis.

        What is known already is proven again and changes nothing. Raises Malformed for an entry nothing is learned
        from, LedgerInconsistent when a proven steering entry does not continue the chain: the log contradicts itself.
        """
        self._open(read_leaf(raw))
        proven = self.prove(raw, proof)
        statement = proven.leaf.statement
        if not isinstance(proven.leaf.entry, Recorded | Closed) or not isinstance(statement, LEARNED):
            message = "entry: of a type from which nothing is learned"
            raise Malformed(message)
        if isinstance(statement, st.Steered):
            self._continue_chain(statement)
            if statement.seq <= self.chain:
                return proven
        if proven.index not in self._folded:
            self._fold(proven)
        return proven

    def ends_with(self, raw: bytes) -> Checkpoint | None:
        """Give the checkpoint at which an entry, if it is a log.key that is new here, ends the open shard.

        None for all else. Raises NotAuthentic when two steering keys did not sign it, or it does not follow on what is
        known here, LedgerInconsistent when it leaves out what was proven here.
        """
        leaf = read_leaf(raw)
        opening, before = leaf.statement, self._state
        if before is None or before.closed is not None or not isinstance(opening, st.LogKey):
            return None
        if opening.log in before.shards:
            return None
        verify_statement(leaf.entry.statement.encode(), {}, self.pins)
        return self._last_of(before, opening)

    def check_within(self, checkpoint: Checkpoint) -> None:
        """Refuse with NotAuthentic what a shard's key signed beyond the shard's end, as far as that is known here."""
        shard = None if self._state is None else self._state.shards.get(LogId(checkpoint.origin))
        if shard is not None:
            shard.check_within(checkpoint)

    def key_of(self, agency: AgencyId, key_id: KeyId) -> Key | None:
        """Give an agency's unrevoked key by its long id, as far as the chain is known."""
        return self.state.key_by_id(agency, key_id)

    def seal_key_of(self, agency: AgencyId) -> Key | None:
        """Give the newest unrevoked seal key of a member."""
        keys = [
            key
            for key in self.state.keys.values()
            if key.agency == agency and key.role == "seal" and key.revoked is None and agency in self.state.members
        ]
        return max(keys, key=lambda key: key.index, default=None)

    def approval_at(self, index: int) -> Approval | None:
        """Give an approval that was learned, by its entry's index."""
        return self._approvals.get(index)

    def automatic_approval(self, agency: AgencyId, purpose: Purpose, at_ms: int) -> Approval | None:
        """Give an agency's approval in force for answering by machine (§ 79 SGB X), as far as it was learned."""
        return next((one for one in self.approvals_of(agency, purpose, at_ms) if one.automatic), None)

    def single_case(self, agency: AgencyId, purpose: Purpose, at_ms: int) -> bool:
        """Tell whether an agency's officer demands a human's release in each single case (b.8)."""
        return any(st.SINGLE_CASE in one.conditions for one in self.approvals_of(agency, purpose, at_ms))

    def approvals_of(self, agency: AgencyId, purpose: Purpose, at_ms: int) -> Iterator[Approval]:
        """Give an agency's approvals of a purpose that are in force, whatever their role."""
        for one in self.state.approved.values():
            if (one.agency, one.purpose) == (agency, purpose) and one.valid_until > at_ms:
                yield one

    def evidence(self, basis: st.Basis) -> Evidence | None:
        """Give the consent or given basis a request names, if it was learned."""
        name = basis.consent or basis.given
        return None if name is None else self.state.evidence.get(name)

    def knows(self, index: int) -> bool:
        """Tell whether the entry at an index was learned already."""
        return index in self._folded

    def has_ended(self, basis: str) -> bool:
        """Tell whether a withdrawal of this consent or given basis was learned."""
        return basis in self._ended

    def _verifier(self, log: LogId, unverified_note: bytes) -> CheckpointVerifier:
        found = self._checkpoints.get(log)
        if found is None:
            unverified_checkpoint(unverified_note)  # what is no checkpoint at all is Malformed, not of another log
            if self._state is None:
                message = "view: the steering chain has not been learned yet"
                raise Misuse(message)
            message = f"proof: of {log}, which the steering chain, as far as it is known here, does not open"
            raise NotAuthentic(message, code=Code.WRONG_LOG)
        return found

    def _first_of(self, log: LogId) -> int:
        """Give the index of a shard's entry 0; that of one about to be opened is where the one before it ended."""
        return self.first(log) if log in self.state.shards else self._begins.get(log, self.state.first)

    def _compare(self, checkpoint: Checkpoint, index: int, leaf: bytes) -> None:
        """Compare with what the log proved before: one size has one root, one index one entry, or the log forked."""
        if _remember(self._roots, (LogId(checkpoint.origin), checkpoint.size), checkpoint.root) != checkpoint.root:
            message = f"log: two roots are signed for size {checkpoint.size}"
            raise LedgerInconsistent(message)
        if _remember(self._leaves, index, leaf) != leaf:
            message = f"log: two entries are proven for index {index}"
            raise LedgerInconsistent(message)
        log = LogId(checkpoint.origin)
        self.unseen.proven(log, index - self._first_of(log), leaf)
        self.proven_size = max(self.proven_size, index + 1)

    def _check_in_force(self, key: Key, index: int) -> None:
        """Refuse a key outside its time, which lasts from its own entry to its revocation's, by index."""
        if key.index >= index or (key.revoked is not None and key.revoked <= index):
            message = "entry: its statement's key was not in force at that index"
            raise NotAuthentic(message, code=Code.KEY_NOT_IN_FORCE)

    def _open(self, leaf: Leaf) -> None:
        """Take a log's key from an entry that opens a shard, and that two pinned steering keys signed.

        Whatever else comes after the first entry is of a shard that is known, or proves nothing.
        """
        opening, before = leaf.statement, self._state
        if before is None and not isinstance(opening, ShardOpened):
            message = "chain: its first entry must open the shard"
            raise NotAuthentic(message)
        if not isinstance(opening, st.Opening) or (before is not None and opening.log in before.shards):
            return
        verify_statement(leaf.entry.statement.encode(), {}, self.pins)
        if not opening.log.startswith(f"{self.pins.federation}/log/"):
            message = f"chain: the shard it opens is no log of {self.pins.federation}"
            raise NotAuthentic(message)
        self._begins[opening.log] = 0 if before is None else self._begin_after(before, opening)
        self._checkpoints[opening.log] = CheckpointVerifier(parse_vkey(opening.log_vkey))
        if before is None:
            self._state = LedgerState(opening.log)

    def _begin_after(self, before: LedgerState, opening: st.Opening) -> int:
        """Give the index of the entry 0 of a shard that follows on the open one, as that one or log.key says."""
        closed = before.closed
        if closed is None:
            last = self._last_of(before, opening)
            return before.first + last.size
        if not isinstance(opening, ShardOpened) or (opening.log, opening.log_vkey) != (closed.next, closed.next_vkey):
            message = "chain: a shard is opened for another log or key than the one before it named"
            raise NotAuthentic(message)
        return closed.end

    def _last_of(self, before: LedgerState, opening: st.Opening) -> Checkpoint:
        """Give the checkpoint at which log.key ends the open shard; it must hold all that was proven of that one."""
        following = (before.log, before.chain + 1, before.chain_prev)
        if not isinstance(opening, st.LogKey) or (opening.ended, opening.seq, opening.prev) != following:
            message = f"chain: a shard is opened that does not follow on {before.log}, seq {before.chain}"
            raise NotAuthentic(message, code=Code.WRONG_LOG)
        last = Checkpoint(opening.ended, opening.size, bytes.fromhex(opening.root))
        if self.proven_size > before.first + last.size:
            message = f"log: entry {self.proven_size - 1} is proven here, and log.key ends {last.origin} before it"
            raise LedgerInconsistent(message)
        if self._roots.get((before.log, last.size), last.root) != last.root:
            message = f"log: log.key names another root for size {last.size} than was signed"
            raise LedgerInconsistent(message)
        return last

    def _continue_chain(self, statement: st.Steered) -> None:
        expected = (self.chain + 1, self.state.chain_prev)
        if statement.seq > self.chain and (statement.seq, statement.prev) != expected:
            message = f"chain: entry {statement.seq} does not continue entry {self.chain}"
            raise LedgerInconsistent(message)

    def _fold(self, proven: Proven) -> None:
        """Fold an entry at its own index: a node's fold has holes, the log's has none."""
        statement, now = proven.leaf.statement, self.state
        if isinstance(statement, st.LogKey):
            now.close(Succession(proven.index, now.time, statement.log, statement.log_vkey, statement.root))
        if isinstance(statement, st.Opening) and now.closed is not None:
            now.move_on(now.closed)
        self.state.size = proven.index
        self.state.apply(proven.leaf.raw, proven.leaf.entry, statement)
        self._folded.add(proven.index)
        match statement:
            case st.RegistrySet():
                self._laws.append((statement.seq, statement.registry))
            case st.ApprovalGiven():
                self._approvals[proven.index] = self.state.approvals[statement.approval]
            case st.ConsentGiven() | st.BasisGiven():
                self._end_known(statement)
            case st.ConsentWithdrawn(consent=basis) | st.BasisWithdrawn(given=basis) | st.ClientWithdrawn(basis=basis):
                self._ended.setdefault(basis, proven.index)
            case _:
                return

    def _end_known(self, statement: st.ConsentGiven | st.BasisGiven) -> None:
        """End a basis whose withdrawal was learned before it was."""
        evidence = self.state.evidence[evidence_id(statement)]
        evidence.withdrawn = self._ended.get(evidence_id(statement))
        if isinstance(statement, st.ConsentGiven) and statement.replaces is not None:
            self._ended.setdefault(statement.replaces, evidence.index)


def _remember(known: dict[T, bytes], place: T, value: bytes) -> bytes:
    """Keep a value under its place, the oldest forgotten first; give what is kept there."""
    if len(known) >= REMEMBERED and place not in known:
        del known[next(iter(known))]
    return known.setdefault(place, value)
