"""What no single entry shows: numbers that are missing, keys that fell silent, clocks that went astray.

A number of a key is missing when a larger one is in the log; what was left out after the last number shows only because
each key says at least daily, by `agency.head`, which number it has come to (LEDGER 4.2).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from consent_ledger.core.counters import Counter
from consent_ledger.core.findings import Finding, Verdict
from consent_ledger.core.leaf import Leaf
from consent_ledger.core.state import Key, LedgerState
from schemas import statements as st
from schemas.ids import AgencyId, KeyName

GAP_MS: Final = 600_000
"""A number may come this much later than a larger one; what is missing longer was left out."""
HEAD_MS: Final = 25 * 3_600_000
"""A key says daily which number it has come to; an hour is left for a log that stood still."""
WITHDRAWAL_MS: Final = 60_000
"""How long a withdrawal may take from its signing into the log."""
SKEW_MS: Final = 120_000
"""How far honest clocks may lie apart."""


@dataclass
class Completeness:
    """Follows a shard entry by entry, beside its state; what it finds at the end goes to `report`."""

    report: Callable[[Finding], None]
    ahead: dict[KeyName, list[tuple[int, int, int]]] = field(default_factory=dict)
    """By key the numbers that opened a gap below themselves, each with its log time and index."""
    heads: dict[KeyName, int] = field(default_factory=dict)
    """The log time at which each key last said which number it has come to; at first that of `key.added`."""
    ended: dict[KeyName | AgencyId, int] = field(default_factory=dict)
    """The log time at which a key was revoked, or an agency left."""

    def observe(self, state: LedgerState, index: int, leaf: Leaf) -> None:
        """Take note of a proven entry that has just been folded into the state."""
        statement, time = leaf.statement, leaf.entry.time
        match statement:
            case st.Opening():
                self.heads.update(dict.fromkeys(state.keys, time))
            case st.KeyAdded():
                self.heads[statement.name] = time
            case st.KeyRevoked():
                self.ended[statement.name] = time
            case st.MemberLeft():
                self.ended[statement.agency] = time
            case st.ConsentWithdrawn() | st.BasisWithdrawn():
                self._withdrawn(index, statement, time)
            case st.AgencyHead():
                self.heads[statement.key] = time
            case _:
                pass
        if isinstance(statement, st.Numbered):
            self._came_early(state.counter(statement.key), statement, time, index)

    def finish(self, state: LedgerState) -> None:
        """Report numbers that are missing and keys that fell silent, as of the log's last time."""
        for name, key in state.keys.items():
            self._find_gaps(state, name, key)
            counts = key.role == "statement" or (key.role == "dpo" and state.counter(name).highest > 0)
            if counts and key.revoked is None and key.agency in state.members:
                self._find_silence(state, name)

    def bracket(self, state: LedgerState, cosigned_at_s: Collection[int], path: str = "checkpoint") -> None:
        """Check that the last entry was not logged later than every witness says that it saw it."""
        latest = max(cosigned_at_s, default=None)
        if latest is not None and state.time > latest * 1000 + SKEW_MS:
            expected = f"not after {latest * 1000}, when the last witness cosigned"
            self.report(Finding(Verdict.TAMPERED, "time", expected, f"log time {state.time}", path=path))

    def _came_early(self, counter: Counter, statement: st.Numbered, time: int, index: int) -> None:
        """Remember a number that opens a gap below itself, and forget those that none is missing below any more.

        A number that follows on one already taken lies above a gap that another one opened, unless a void took them.
        """
        n, early = statement.n, self.ahead.get(statement.key)
        if early and early[0][0] < counter.floor:
            self.ahead[statement.key] = [one for one in early if one[0] >= counter.floor]
        if counter.floor <= n and (isinstance(statement, st.Void) or counter.place(n - 1) != "used"):
            self.ahead.setdefault(statement.key, []).append((n, time, index))

    def _withdrawn(self, index: int, statement: st.Numbered, time: int) -> None:
        if time > statement.at + WITHDRAWAL_MS or statement.at > time + SKEW_MS:
            found = f"signed at {statement.at}, logged at {time}"
            self.report(Finding(Verdict.SOUND, "withdrawal", "logged within 60 s of its signing", found, index))

    def _find_gaps(self, state: LedgerState, name: KeyName, key: Key) -> None:
        """Report gaps; one that is young when the log, or the key, ends may be filled yet, or never could be."""
        ends = min(state.time, self.ended.get(name, state.time), self.ended.get(key.agency, state.time))
        for first, last in state.counter(name).gaps():
            number, time, index = next(one for one in self.ahead[name] if one[0] > last)
            verdict = Verdict.TAMPERED if ends - time > GAP_MS else Verdict.INCOMPLETE
            missing = f"number {first}" if first == last else f"numbers {first} to {last}"
            found = f"missing, and number {number} stands at index {index} since {ends - time} ms"
            self.report(Finding(verdict, "gapless", f"{missing} of {name}", found, index))

    def _find_silence(self, state: LedgerState, name: KeyName) -> None:
        silent = state.time - self.heads.get(name, 0)
        if silent > HEAD_MS:
            found = f"none for {silent // 3_600_000} hours: what it signed since may have been left out"
            self.report(Finding(Verdict.INCOMPLETE, "head", f"an agency.head of {name} each day", found))
