"""Following the log leaf by leaf, so that every entry this node has proof of is seen to stand where the proof said."""

from collections.abc import Mapping, Sequence

from consent_ledger.core.merkle import HASH_BYTES, Edge
from schemas.errors import Malformed


def split_hashes(unverified: bytes) -> list[bytes]:
    """Take leaf hashes apart that stand one after the other; Malformed for bytes left over."""
    if len(unverified) % HASH_BYTES:
        message = f"hashes: {len(unverified)} bytes are not hashes of {HASH_BYTES} bytes each"
        raise Malformed(message)
    return [unverified[at : at + HASH_BYTES] for at in range(0, len(unverified), HASH_BYTES)]


def follow(edge: Edge, leaves: Sequence[bytes], proven: Mapping[int, bytes], first: int = 0) -> int | None:
    """Grow the edge of a tree by its next leaves; give the first index at which another entry was proven before.

    `proven` has leaf hashes by index over all shards, `first` is the index of this tree's entry 0. Nothing is known of
    the leaves until the root they give is a signed one: only then an index is evidence that the log was forked, and not
    that somebody told us wrong leaves.
    """
    start = first + edge.size
    edge.extend(leaves)
    return next((index for index, leaf in enumerate(leaves, start) if proven.get(index, leaf) != leaf), None)
