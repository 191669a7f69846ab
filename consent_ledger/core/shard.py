"""A shard: one of the logs, one after the other, that together are a federation's ledger (LEDGER, section 5)."""

from dataclasses import dataclass

from schemas.ids import LogId


@dataclass(frozen=True, slots=True)
class Succession:
    """How a shard ended: the index behind its last entry, the log's time in ms then, and how the log goes on."""

    end: int
    at_ms: int
    next: LogId
    next_vkey: str


@dataclass(frozen=True, slots=True)
class Shard:
    """A log with an origin and a key of its own; `first` is the index of its entry 0, counted over all shards."""

    log: LogId
    first: int
    vkey: str
    closed: Succession | None = None
