"""What a node knows of its federation, learned from entries with receipt and from nothing else.

Pinned beforehand are the federation's name and its steering keys. The first steering entry opens the shard and names
the log's key; the keys of others come only from `key.added` entries in a gapless chain (ARCHITECTURE.md, Cryptography).
"""

from dataclasses import dataclass

from consent_ledger.core.checkpoint import CheckpointVerifier
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.proof import verify_proof
from consent_ledger.core.signed import Pins, verify_statement
from consent_ledger.core.state import Approval, Evidence, Key, LedgerState
from schemas import statements as st
from schemas.errors import LedgerInconsistent, Misuse, NotAuthentic
from schemas.ids import AgencyId, Hash, KeyId, LogId, Purpose
from schemas.note import VerifierKey, parse_vkey
from schemas.registry import Registry
from schemas.statements import ShardOpened


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
        """Start knowing only what is pinned."""
        self.pins = pins
        self.registries: dict[Hash, Registry] = {}
        self._state: LedgerState | None = None
        self._checkpoints: CheckpointVerifier | None = None
        self._approvals: dict[int, Approval] = {}

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
    def log_key(self) -> VerifierKey:
        """The key that signs the open shard's checkpoints."""
        return self._verifier().log

    def registry(self) -> Registry | None:
        """The registry in force as far as the chain is known, if its bundle is held."""
        return None if self.state.registry is None else self.registries.get(self.state.registry)

    def prove(self, raw: bytes, proof: bytes) -> Proven:
        """Check that an entry is in the log and that its statement is signed; NotAuthentic or Malformed otherwise."""
        proven = verify_proof(raw, proof, self._verifier())
        leaf = read_leaf(raw)
        signed = verify_statement(leaf.entry.statement.encode(), self.state.keys, self.pins)
        return Proven(proven.index, leaf, Hash(proven.leaf_hash.hex()), signed.agency)

    def learn(self, raw: bytes, proof: bytes) -> Proven:
        """Prove an entry and fold it in: the next of the steering chain, or evidence of approval, consent or basis.

        A steering entry known already is proven again and not folded. Raises LedgerInconsistent when a proven steering
        entry does not continue the chain: the log then contradicts itself.
        """
        if self._state is None:
            self._open(raw)
        proven = self.prove(raw, proof)
        statement = proven.leaf.statement
        if isinstance(statement, st.Steered):
            self._continue_chain(statement)
            if statement.seq <= self.chain:
                return proven
        self._fold(proven)
        return proven

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

    def automatic_approval(self, agency: AgencyId, purpose: Purpose) -> Approval | None:
        """Give an agency's approval for answering by machine (§ 79 SGB X), as far as it was learned."""
        for approval in self.state.approvals.values():
            if approval.agency == agency and approval.purpose == purpose and approval.automatic:
                return approval
        return None

    def evidence(self, basis: st.Basis) -> Evidence | None:
        """Give the consent or given basis a request names, if it was learned."""
        name = basis.consent or basis.given
        return None if name is None else self.state.evidence.get(name)

    def _verifier(self) -> CheckpointVerifier:
        if self._checkpoints is None:
            message = "view: the steering chain has not been learned yet"
            raise Misuse(message)
        return self._checkpoints

    def _open(self, raw: bytes) -> None:
        """Take the log's key from a shard opening that two pinned steering keys signed."""
        leaf = read_leaf(raw)
        if not isinstance(leaf.statement, ShardOpened):
            message = "chain: its first entry must open the shard"
            raise NotAuthentic(message)
        verify_statement(leaf.entry.statement.encode(), {}, self.pins)
        if not leaf.statement.log.startswith(f"{self.pins.federation}/log/"):
            message = f"chain: {leaf.statement.log} is no log of {self.pins.federation}"
            raise NotAuthentic(message)
        self._checkpoints = CheckpointVerifier(parse_vkey(leaf.statement.log_vkey))
        self._state = LedgerState(leaf.statement.log)

    def _continue_chain(self, statement: st.Steered) -> None:
        expected = (self.chain + 1, self.state.chain_prev)
        if statement.seq > self.chain and (statement.seq, statement.prev) != expected:
            message = f"chain: entry {statement.seq} does not continue entry {self.chain}"
            raise LedgerInconsistent(message)

    def _fold(self, proven: Proven) -> None:
        """Fold an entry at its own index: a node's fold has holes, the log's has none."""
        self.state.size = proven.index
        self.state.apply(proven.leaf.raw, proven.leaf.entry, proven.leaf.statement)
        if isinstance(proven.leaf.statement, st.ApprovalGiven):
            self._approvals[proven.index] = self.state.approvals[proven.leaf.statement.approval]
