"""What an audit can find wrong, as values: how bad, where, which rule, what was expected and what stands there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from schemas.errors import HandschlagError, Incomplete, Malformed, NotAuthentic, Pruned

MAX_KEPT: Final = 1000
"""How many findings are kept; of a log that is wrong throughout the first ones say enough, and all are counted."""

RULES: Final[Mapping[str, str]] = {
    "checkpoint": "a checkpoint of this federation's log, signed by the log's key",
    "opening": "entry 0 opens the shard, signed by two pinned steering keys",
    "state": "a shard begins with what was in force when the shard before was closed",
    "ended": "a shard that log.key ended has the entries and the root that it names, and no others",
    "pruned": "entries of a closed shard are taken out only by an entry of the log, and their hashes stay",
    "saved": "the log extends the checkpoint that was saved earlier",
    "cosignature": "every cosignature by a known witness verifies",
    "quorum": "the policy's quorum of witnesses has cosigned",
    "root": "the tree's root is the one the log signed",
    "tile": "each tile holds the hashes that follow from what lies below it",
    "entry": "each entry hashes to its place in the tree",
    "form": "an entry of a known form in canonical spelling",
    "signature": "the signature that the entry's type demands",
    "key": "signed by a key in force at this index",
    "log": "a statement made for this log",
    "counter": "a number used once, and not beyond the window",
    "gapless": "the numbers of each key have no gap",
    "head": "each key says at least daily which number it has come to",
    "chain": "the steering statements form one unbroken chain",
    "body": "the outcome opens the commitment its holder signed",
    "time": "the log's time does not run backwards and lies within the witnesses' bracket",
    "withdrawal": "a withdrawal is logged within a minute",
    "registry": "the registry bundle that decisions rest on lies beside the log",
    "decision": "the decision that follows from the recorded inputs",
    "published": "the files beside the tiles say what the log itself says",
    "file": "a file that is whole and can be read",
}
"""Every rule that a finding can name, as what must hold."""


class Verdict(IntEnum):
    """How an audit ends, with the exit code of each; a single finding with SOUND is a remark, which changes nothing."""

    SOUND = 0
    TAMPERED = 1
    INCOMPLETE = 2
    UNREADABLE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be, at an entry's index, in a file, or in the log as a whole."""

    verdict: Verdict
    rule: str
    expected: str
    found: str
    index: int | None = None
    path: str | None = None


@dataclass
class Findings:
    """Collects findings: the first ones are kept, all are counted."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))

    def add(self, finding: Finding) -> None:
        """Take one finding."""
        self.counts[finding.verdict] += 1
        if len(self.kept) < MAX_KEPT:
            self.kept.append(finding)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the whole."""
        return worst(verdict for verdict, count in self.counts.items() if count)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Give the verdict that stands when several are found: tampering before what cannot be read before what lacks."""
    found = set(verdicts)
    order = (Verdict.TAMPERED, Verdict.UNREADABLE, Verdict.INCOMPLETE)
    return next((verdict for verdict in order if verdict in found), Verdict.SOUND)


def verdict_of(error: HandschlagError) -> Verdict:
    """Say what it means for a log that reading it raised this: missing, contradicting itself, or not to be read."""
    if isinstance(error, Incomplete | Pruned):
        return Verdict.INCOMPLETE
    return Verdict.TAMPERED if isinstance(error, Malformed | NotAuthentic) else Verdict.UNREADABLE
