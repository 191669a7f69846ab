"""Following the log leaf by leaf, so that every entry this node has proof of is seen to stand where the proof said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from consent_ledger.core.merkle import HASH_BYTES
from schemas.errors import Malformed
from schemas.ids import LogId

MOST_AHEAD: Final = 65_536
"""Beyond so many the oldest are forgotten: by a node that follows no log, as nobody asks it to cosign or to release."""

Place = tuple[LogId, int]
"""A shard, and the index of an entry in it, from its own entry 0 on."""


def split_hashes(unverified: bytes) -> list[bytes]:
    """Take leaf hashes apart that stand one after the other; Malformed for bytes left over."""
    if len(unverified) % HASH_BYTES:
        message = f"hashes: {len(unverified)} bytes are not hashes of {HASH_BYTES} bytes each"
        raise Malformed(message)
    return [unverified[at : at + HASH_BYTES] for at in range(0, len(unverified), HASH_BYTES)]


@dataclass
class Unseen:
    """What was proven to this node and not seen yet in the log as it follows it, as leaf hashes by place.

    An entry ahead of what was followed is compared when its leaf comes by. One that is proven late, behind that, has to
    be looked up: else whoever has the log's key could prove another entry in a place that nobody looks at any more.
    """

    late: dict[Place, bytes] = field(default_factory=dict)
    _ahead: dict[Place, bytes] = field(default_factory=dict)
    _followed: dict[LogId, int] = field(default_factory=dict)

    def proven(self, log: LogId, index: int, leaf: bytes) -> None:
        """Take in an entry that was proven."""
        if index < self._followed.get(log, 0):
            self.late[log, index] = leaf
            return
        if len(self._ahead) >= MOST_AHEAD:
            del self._ahead[next(iter(self._ahead))]
        self._ahead[log, index] = leaf

    def follow(self, log: LogId, leaves: Sequence[bytes]) -> int | None:
        """Compare with the log's next leaves, which are known to be its own; give the first index of another entry."""
        start = self._followed.get(log, 0)
        end = self._followed[log] = start + len(leaves)
        passed = {index: leaf for (where, index), leaf in self._ahead.items() if where == log and index < end}
        for index in passed:
            del self._ahead[log, index]
        return min((index for index, leaf in passed.items() if leaves[index - start] != leaf), default=None)

    def begin(self, log: LogId, size: int) -> None:
        """Take up a log that was followed so far before, or is to be followed anew."""
        self._followed[log] = size
        known = {**self.late, **self._ahead}
        ours = {place: leaf for place, leaf in known.items() if place[0] == log}
        for place in ours:
            self.late.pop(place, None)
            self._ahead.pop(place, None)
        for (_, index), leaf in ours.items():
            self.proven(log, index, leaf)
