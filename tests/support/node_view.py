"""What a node sees of a `Ledger`: entries with proofs, true ones and forged ones, and the view folded from them."""

from dataclasses import dataclass, field
from typing import Final

from adapters.node.core.accept import Holding
from adapters.node.core.view import Proven, View
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.proof import format_proof
from schemas import statements as st
from schemas.entries import AnyEntry, Granted, encode_entry
from schemas.ids import AgencyId, FieldName
from tests.support import keys
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.memory_store import MemoryStore
from tests.support.pens import PINS, changed
from tests.support.small_law import LAW

CATALOGUE: Final = frozenset(map(FieldName, ("course.started", "course.state", "course.advice", "cv.school")))


@dataclass
class Seen:
    """A log and one node's view of it; `catch_up` folds in what the log has come to."""

    ledger: Ledger = field(default_factory=founded)
    view: View = field(default_factory=lambda: View(PINS))
    _stores: dict[int, MemoryStore] = field(default_factory=dict)

    @property
    def holding(self) -> Holding:
        """The provider of courses, as it decides grants."""
        return Holding(AgencyId("kurse"), CATALOGUE, self.view)

    def receipt(self, index: int) -> tuple[bytes, bytes]:
        """Give an entry's bytes with its proof under a checkpoint over the whole log."""
        size = len(self.ledger.leaves)
        if size not in self._stores:
            store = MemoryStore(self.ledger.log)
            root = store.append(self.ledger.leaves, [None] * size).root
            store.swap_lock(None, sign_checkpoint(Checkpoint(self.ledger.log, size, root), keys.log_signer()))
            self._stores[size] = store
        store = self._stores[size]
        note = store.last_checkpoint()
        assert note is not None
        return self.ledger.leaves[index], format_proof(index, store.inclusion_proof(index, size), note)

    def learn(self, index: int) -> Proven:
        """Fold one entry in."""
        return self.view.learn(*self.receipt(index))

    def prove(self, index: int) -> Proven:
        """Prove one entry."""
        return self.view.prove(*self.receipt(index))

    def forge(self, kind: str, entry: AnyEntry) -> Proven:
        """Have the log hold an entry that no honest broker writes; its key signs it all the same."""
        self.ledger.leaves.append(encode_entry(kind, entry))
        return self.prove(len(self.ledger.leaves) - 1)

    def granted(self, granted: Logged, /, **changes: object) -> Proven:
        """Prove a grant, or a forgery of it with other values."""
        assert isinstance(granted.leaf.entry, Granted)
        return self.forge("exchange.granted", changed(granted.leaf.entry, **changes))

    def grant_of(self, request: st.Request, like: Logged, /, **changes: object) -> Proven:
        """Forge a grant of any signed request, in all else like another grant."""
        note = self.ledger.sign(request).decode()
        return self.granted(like, statement=note, **changes)


def seen() -> Seen:
    """Give the founded log and the provider's view of it: the chain, the law, all approvals."""
    found = Seen()
    found.view.registries[LAW.hash] = LAW
    for index in range(len(found.ledger.leaves)):
        found.learn(index)
    return found
