"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1) over SHA-256: roots, proofs, and their verification.

A *node* `(height, index)` is a complete subtree: the root over leaves `index << height` up to `(index + 1) << height`.
Proofs are built from whatever can look such nodes up, and from the *border*: the incomplete subtrees along the right
edge of a tree, of which there is at most one at each height.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from schemas.errors import Misuse, NotAuthentic

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

Node = Callable[[int, int], bytes]
"""Looks up the hash of the complete subtree at (height, index)."""
Border = Sequence[bytes]
"""By height: the hash of the incomplete subtree at the right edge, empty where the tree ends on a complete one."""


def leaf_hash(entry: bytes) -> bytes:
    """Give the 32-byte hash of one leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the 32-byte hash of the node over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def pair_hash(pair: bytes) -> bytes:
    """Give the hash of the node over two subtrees whose hashes stand one after the other."""
    return hashlib.sha256(b"\x01" + pair).digest()


class Edge:
    """The right edge of a growing tree: one hash for each complete subtree, the largest first.

    It holds as many hashes as the size has one-bits, takes a leaf at a cost of O(log n) and knows the root at any time.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Start from the complete subtrees a tree of `size` leaves splits into; raises Misuse for a wrong number."""
        self.size = size
        self._hashes = list(hashes)
        if size.bit_count() != len(self._hashes):
            message = f"edge of a tree of {size}: needs {size.bit_count()} hashes, not {len(self._hashes)}"
            raise Misuse(message)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The complete subtrees, the largest first."""
        return tuple(self._hashes)

    def copy(self) -> "Edge":
        """Give an edge that grows on its own."""
        return Edge(self.size, self._hashes)

    def append(self, leaf: bytes) -> None:
        """Take the next leaf's hash."""
        node = leaf
        for _ in range(_trailing_zeros(self.size + 1)):
            node = node_hash(self._hashes.pop(), node)
        self._hashes.append(node)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Take the next leaves' hashes in order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Give the root over all leaves so far."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root


def edge(size: int, node: Node) -> Edge:
    """Give the edge of a tree whose nodes can be looked up."""
    heights = [height for height in reversed(range(size.bit_length())) if size >> height & 1]
    return Edge(size, [node(height, (size >> height) - 1) for height in heights])


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Give the root over leaf hashes."""
    tree = Edge()
    tree.extend(leaves)
    return tree.root()


def border(size: int, node: Node) -> Border:
    """Give the incomplete subtrees along the right edge of a tree, from the leaves' height up to the root's."""
    hashes = []
    partial = b""
    for height in range((size - 1).bit_length() + 1 if size else 0):
        hashes.append(partial)
        if size >> height & 1:
            complete = node(height, (size >> height) - 1)
            partial = node_hash(complete, partial) if partial else complete
    return hashes


def inclusion_proof(index: int, size: int, node: Node, edge_border: Border) -> tuple[bytes, ...]:
    """Give the audit path of a leaf, its sibling first (RFC 9162 section 2.1.3.1).

    `edge_border` is `border(size, node)`, an argument because many proofs are made in the same tree. Raises Misuse when
    the tree has no such leaf.
    """
    if not 0 <= index < size:
        message = f"inclusion proof: there is no leaf {index} in a tree of {size}"
        raise Misuse(message)
    return tuple(_path(0, index, size, node, edge_border))


def consistency_proof(old: int, new: int, node: Node, edge_border: Border) -> tuple[bytes, ...]:
    """Give the proof that a tree of `new` leaves extends the one of `old` (RFC 9162 section 2.1.4.1).

    `edge_border` is `border(new, node)`. Raises Misuse unless 0 < old <= new.
    """
    if not 0 < old <= new:
        message = f"consistency proof: from {old} to {new}, needs 0 < old <= new"
        raise Misuse(message)
    if old == new:
        return ()
    height = _trailing_zeros(old)
    index = (old >> height) - 1
    # When old is a power of two its root is this node, and the verifier has it already.
    start = (node(height, index),) if index else ()
    return (*start, *_path(height, index, new, node, edge_border))


def verify_inclusion(leaf: bytes, index: int, size: int, unverified_proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf's hash stands at `index` below a proven root (RFC 9162 section 2.1.3.2).

    Raises NotAuthentic naming what is wrong; returning is the proof.
    """
    if not 0 <= index < size:
        message = f"inclusion proof: there is no leaf {index} in a tree of {size}"
        raise NotAuthentic(message)
    inner = (index ^ (size - 1)).bit_length()
    _check_hashes("inclusion proof", (leaf, root), unverified_proof, inner + (index >> inner).bit_count())
    found, last = index, size - 1
    computed = leaf
    for sibling in unverified_proof:
        if found & 1 or found == last:
            computed = node_hash(sibling, computed)
            skipped = _trailing_zeros(found)
            found, last = found >> skipped, last >> skipped
        else:
            computed = node_hash(computed, sibling)
        found, last = found >> 1, last >> 1
    if computed != root:
        message = f"inclusion proof: does not lead from leaf {index} to the root of the tree of {size}"
        raise NotAuthentic(message)


def verify_consistency(old: int, new: int, unverified_proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` leaves extends the tree of `old` (RFC 9162 section 2.1.4.2).

    Only 0 < old <= new can be proven: that everything extends the empty tree needs no proof, and saying so is left to
    the caller. Raises NotAuthentic naming what is wrong; returning is the proof.
    """
    if not 0 < old <= new:
        message = f"consistency proof: from {old} to {new}, needs 0 < old <= new"
        raise NotAuthentic(message)
    _check_hashes("consistency proof", (old_root, new_root), unverified_proof, _consistency_length(old, new))
    height = _trailing_zeros(old)
    found, last = (old - 1) >> height, (new - 1) >> height
    # The proof leads with the last complete subtree of the old tree, unless that is the old root itself.
    start = 1 if found and old != new else 0
    computed_old = computed_new = unverified_proof[0] if start else old_root
    for sibling in unverified_proof[start:]:
        if found & 1 or found == last:
            computed_old = node_hash(sibling, computed_old)
            computed_new = node_hash(sibling, computed_new)
            skipped = _trailing_zeros(found)
            found, last = found >> skipped, last >> skipped
        else:
            computed_new = node_hash(computed_new, sibling)
        found, last = found >> 1, last >> 1
    if computed_old != old_root or computed_new != new_root:
        message = f"consistency proof: the tree of {new} does not extend the tree of {old}"
        raise NotAuthentic(message)


def _path(height: int, index: int, size: int, node: Node, edge_border: Border) -> Iterable[bytes]:
    """Walk from a complete subtree up to the root and give the sibling at each height where there is one."""
    while (1 << height) < size:
        sibling = index ^ 1
        if (sibling + 1) << height <= size:
            yield node(height, sibling)
        elif sibling << height < size:
            yield edge_border[height]
        height, index = height + 1, index >> 1


def _trailing_zeros(number: int) -> int:
    """Count the zero bits below the lowest one-bit; 0 for 0, of which none is below a one-bit."""
    return (number & -number).bit_length() - 1 if number else 0


def _consistency_length(old: int, new: int) -> int:
    """Count the hashes of a consistency proof."""
    if old == new:
        return 0
    height = _trailing_zeros(old)
    index = (old >> height) - 1
    inner = (index ^ ((new - 1) >> height)).bit_length()
    return inner + (index >> inner).bit_count() + (1 if index else 0)


def _check_hashes(what: str, known: Sequence[bytes], unverified_proof: Sequence[bytes], length: int) -> None:
    """Refuse a proof whose length is not the one its sizes fix, or any hash that is not 32 bytes long."""
    if len(unverified_proof) != length:
        message = f"{what}: {len(unverified_proof)} hashes, {length} are needed"
        raise NotAuthentic(message)
    if any(len(value) != HASH_BYTES for value in (*known, *unverified_proof)):
        message = f"{what}: every hash must be {HASH_BYTES} bytes long"
        raise NotAuthentic(message)
