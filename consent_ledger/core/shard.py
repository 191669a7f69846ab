"""A shard: one of the logs, one after the other, that together are a federation's ledger (LEDGER, section 5)."""

from dataclasses import dataclass
from typing import Final

from consent_ledger.core.checkpoint import Checkpoint
from schemas.calendar import DAY_MS
from schemas.errors import NotAuthentic
from schemas.ids import Hash, LogId

RETENTION_MS: Final = 153 * DAY_MS
"""Five months from a shard's end to its pruning; with the month it was open, the six of § 79(4) SGB X."""


@dataclass(frozen=True, slots=True)
class Succession:
    """How a shard ended: the index behind its last entry, the log's time in ms then, and how the log goes on.

    `root` is that of its tree where a `log.key` ended it, None where its own last entry did.
    """

    end: int
    at_ms: int
    next: LogId
    next_vkey: str
    root: Hash | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """A log with an origin and a key of its own; `first` is the index of its entry 0, counted over all shards.

    `pruned` is the root under which its entries may be gone, None while all must be there.
    """

    log: LogId
    first: int
    vkey: str
    closed: Succession | None = None
    pruned: Hash | None = None

    @property
    def past_retention_ms(self) -> int | None:
        """The log's time from which on its entries may be pruned; None while it is open, and once it was pruned."""
        return None if self.closed is None or self.pruned is not None else self.closed.at_ms + RETENTION_MS

    def check_within(self, checkpoint: Checkpoint) -> None:
        """Refuse with NotAuthentic what this shard's key signed beyond the shard's end, by whomever: it is over."""
        if self.closed is None:
            return
        size = self.closed.end - self.first
        if checkpoint.size > size:
            message = f"checkpoint: of {checkpoint.size} entries, and {self.log} ended with {size}"
            raise NotAuthentic(message)
        if checkpoint.size == size and self.closed.root not in {None, checkpoint.root.hex()}:
            message = f"checkpoint: of another tree than the one with which {self.log} ended"
            raise NotAuthentic(message)
