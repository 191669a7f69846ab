"""How many exchanges there were, by purpose, outcome and language: a fold of the log, kept as it grows. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from consent_ledger.core.leaf import Leaf, read_leaf
from schemas import statements as st
from schemas.entries import Answered, Granted, Refused, Withheld
from schemas.ids import ConsentId, Purpose

_COUNTED = (b"handschlag/entry/exchange.", b"handschlag/entry/consent.given/")


def counted(raw: bytes) -> Leaf | None:
    """Read an entry that counts; None for the others, told at little cost by their bytes."""
    return read_leaf(raw) if raw.startswith(_COUNTED) else None


@dataclass
class Tally:
    """Counts of the first `size` entries.

    Every request that was decided counts once by its purpose, and by the language of its consent (empty where it rests
    on none); by outcome it counts as refused, or by what its holder answered.
    """

    size: int = 0
    purposes: Counter[Purpose] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    _consents: dict[ConsentId, str] = field(default_factory=dict)

    @property
    def exchanges(self) -> int:
        """How many requests were decided."""
        return self.purposes.total()

    @property
    def unanswered(self) -> int:
        """How many were granted, and have no answer, or none yet."""
        return self.exchanges - self.outcomes.total()

    def see(self, index: int, leaf: Leaf | None) -> None:
        """Take the next entry, None for one that does not count; any but the next is passed over."""
        if index != self.size:
            return
        self.size += 1
        if leaf is None:
            return
        entry, statement = leaf.entry, leaf.statement
        if isinstance(statement, st.ConsentGiven):
            self._consents[statement.consent] = statement.language
        if isinstance(statement, st.Request) and isinstance(entry, Granted | Refused):
            consent = statement.basis.consent
            self.purposes[statement.purpose] += 1
            self.languages["" if consent is None else self._consents.get(consent, "")] += 1
        if isinstance(entry, Refused | Answered | Withheld):
            self.outcomes[leaf.kind.removeprefix("exchange.")] += 1
