"""The Merkle tree on small trees, against RFC 6962 written down as it stands, and on the public vectors."""

import base64
import itertools
import json
from pathlib import Path
from typing import cast

import pytest

from consent_ledger.core import merkle
from schemas.errors import Misuse, NotAuthentic
from tests.support import slow_tree, vectors

SIZES = 34
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(SIZES)]
# A vector with roots of 12 bytes, as equal trees "do not care" for them; here every hash has 32 bytes (LEDGER 2.7).
STRICTER_HERE = {"sizes-are-equal-one-and-proof-is-empty.json"}


def _node(height: int, index: int) -> bytes:
    return slow_tree.root(LEAVES[index << height : (index + 1) << height])


def _verdict(vector: dict[str, object]) -> bool:
    """Tell whether a vector's proof holds."""

    def number(name: str) -> int:
        return cast("int", vector[name])

    def value(name: str) -> bytes:
        return base64.b64decode(cast("str | None", vector[name]) or "")

    proof = [base64.b64decode(item) for item in cast("list[str] | None", vector["proof"]) or []]
    try:
        if "leafIdx" in vector:
            merkle.verify_inclusion(value("leafHash"), number("leafIdx"), number("treeSize"), proof, value("root"))
        else:
            merkle.verify_consistency(number("size1"), number("size2"), proof, value("root1"), value("root2"))
    except NotAuthentic:
        return False
    return True


def test_hashes_are_those_of_the_rfc() -> None:
    """The empty tree, a leaf without bytes, and the tree of two leaves have the well-known hashes of RFC 6962."""
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    empty_leaf = merkle.leaf_hash(b"")
    assert empty_leaf.hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    both = merkle.node_hash(empty_leaf, merkle.leaf_hash(b"\x00"))
    assert both.hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle.pair_hash(empty_leaf + merkle.leaf_hash(b"\x00")) == both


@pytest.mark.parametrize("size", range(SIZES + 1))
def test_roots_are_those_of_the_definition(size: int) -> None:
    """The growing edge, the looked-up edge and the definition agree on the root at every size."""
    expected = slow_tree.root(LEAVES[:size])
    assert merkle.root_of(LEAVES[:size]) == merkle.edge(size, _node).root() == expected


@pytest.mark.parametrize("size", range(1, SIZES + 1))
def test_inclusion_proofs_are_those_of_the_definition(size: int) -> None:
    """Every leaf's path is the RFC's, hash by hash, and leads to the root."""
    root, border = slow_tree.root(LEAVES[:size]), merkle.border(size, _node)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, _node, border)
        assert list(proof) == slow_tree.path(index, LEAVES[:size])
        merkle.verify_inclusion(LEAVES[index], index, size, proof, root)


@pytest.mark.parametrize("new", range(1, SIZES + 1))
def test_consistency_proofs_are_those_of_the_definition(new: int) -> None:
    """The proof from every earlier size is the RFC's, hash by hash, and holds."""
    root, border = slow_tree.root(LEAVES[:new]), merkle.border(new, _node)
    for old in range(1, new + 1):
        proof = merkle.consistency_proof(old, new, _node, border)
        assert list(proof) == slow_tree.proof(old, LEAVES[:new])
        merkle.verify_consistency(old, new, proof, slow_tree.root(LEAVES[:old]), root)


@pytest.mark.parametrize(("index", "size"), list(itertools.product([0, 1, 5, 8, 12], [13])))
def test_a_changed_inclusion_proof_fails(index: int, size: int) -> None:
    """One flipped bit, a missing hash, one too many, another leaf, place, size or root: none is proven."""
    root = slow_tree.root(LEAVES[:size])
    proof = list(merkle.inclusion_proof(index, size, _node, merkle.border(size, _node)))
    flipped = [[*proof[:i], bytes([proof[i][0] ^ 1]) + proof[i][1:], *proof[i + 1 :]] for i in range(len(proof))]
    wrong = [
        *[(LEAVES[index], index, size, changed, root) for changed in flipped],
        (LEAVES[index], index, size, proof[:-1], root),
        (LEAVES[index], index, size, [*proof, root], root),
        (LEAVES[index], index, size, [*proof[:-1], proof[-1][:-1]], root),
        (LEAVES[index], index ^ 1, size, proof, root),
        (LEAVES[index], -1, size, proof, root),
        (LEAVES[index], size, size, proof, root),
        (LEAVES[index], index, 0, proof, root),
        (LEAVES[index + 1], index, size, proof, root),
        (LEAVES[index][:31], index, size, proof, root),
        (LEAVES[index], index, size, proof, LEAVES[0]),
    ]
    for case in wrong:
        with pytest.raises(NotAuthentic, match="inclusion proof"):
            merkle.verify_inclusion(*case)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 8), (8, 13), (7, 7), (8, 8)])
def test_a_changed_consistency_proof_fails(old: int, new: int) -> None:
    """One flipped bit, a missing hash, one too many, swapped or wrong roots, other sizes: none is proven."""
    roots = slow_tree.root(LEAVES[:old]), slow_tree.root(LEAVES[:new])
    proof = list(merkle.consistency_proof(old, new, _node, merkle.border(new, _node)))
    flipped = [[*proof[:i], bytes([proof[i][0] ^ 1]) + proof[i][1:], *proof[i + 1 :]] for i in range(len(proof))]
    wrong = [
        *[(old, new, changed, *roots) for changed in flipped],
        (old, new, [*proof, roots[0]], *roots),
        (old, new, proof, LEAVES[5], roots[1]),
        (old, new, proof, roots[0], LEAVES[5]),
        (old, new, proof, roots[0][:31], roots[1]),
        (0, new, proof, *roots),
        (new + 1, new, proof, *roots),
        (old, 0, proof, *roots),
    ]
    if proof:
        wrong.extend([(old, new, proof[1:], *roots), (old, new, [b"", *proof[1:]], *roots)])
    for case in wrong:
        with pytest.raises(NotAuthentic, match="consistency proof"):
            merkle.verify_consistency(*case)


def test_a_proof_is_as_long_as_its_sizes_demand() -> None:
    """A proof in a smaller tree is none in a larger one, although its hashes lead to the root that is shown."""
    small = slow_tree.root(LEAVES[:8])
    with pytest.raises(NotAuthentic, match="3 hashes, 4 are needed"):
        merkle.verify_inclusion(LEAVES[0], 0, 9, slow_tree.path(0, LEAVES[:8]), small)
    with pytest.raises(NotAuthentic, match="1 hashes, 2 are needed"):
        merkle.verify_consistency(4, 9, slow_tree.proof(4, LEAVES[:8]), slow_tree.root(LEAVES[:4]), small)


def test_hashes_cannot_be_cut_elsewhere() -> None:
    """A byte moved from one hash to its neighbour leaves the hashed bytes as they were, and is refused."""
    root, longer, shorter = slow_tree.root(LEAVES[:2]), LEAVES[0] + LEAVES[1][:1], LEAVES[1][1:]
    assert merkle.node_hash(longer, shorter) == root
    with pytest.raises(NotAuthentic, match="32 bytes"):
        merkle.verify_inclusion(longer, 0, 2, [shorter], root)
    with pytest.raises(NotAuthentic, match="32 bytes"):
        merkle.verify_consistency(1, 2, [shorter], longer, root)


def test_nothing_is_proven_from_the_empty_tree() -> None:
    """A consistency proof needs 0 < old: an empty proof from size 0 is refused, whatever the roots are."""
    with pytest.raises(NotAuthentic, match="0 < old"):
        merkle.verify_consistency(0, 1, [], merkle.EMPTY_ROOT, LEAVES[0])
    with pytest.raises(Misuse, match="0 < old"):
        merkle.consistency_proof(0, 1, _node, merkle.border(1, _node))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    """Asking for the path of a leaf outside the tree is a mistake of the caller."""
    with pytest.raises(Misuse, match="no leaf"):
        merkle.inclusion_proof(index, size, _node, merkle.border(size, _node))


def test_an_edge_grows_on_its_own_after_a_copy() -> None:
    """A copy takes leaves without the original noticing, and each stays a tree of its own."""
    first = merkle.Edge()
    first.extend(LEAVES[:5])
    second = first.copy()
    second.append(LEAVES[5])
    assert (first.size, second.size) == (5, 6)
    assert merkle.Edge(first.size, first.hashes).root() == first.root()
    assert first.root() == slow_tree.root(LEAVES[:5])
    assert second.root() == slow_tree.root(LEAVES[:6])


def test_an_edge_has_one_hash_per_complete_subtree() -> None:
    """An edge given the wrong number of hashes for its size is refused."""
    with pytest.raises(Misuse, match="needs 2 hashes, not 1"):
        merkle.Edge(5, LEAVES[:1])


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_public_vectors_get_the_expected_verdict(kind: str) -> None:
    """All vectors of transparency-dev/merkle are decided as they say, but for the one where we are stricter."""
    other = [
        path.name
        for path in vectors.files(f"merkle/{kind}", "*.json")
        if _verdict(_load(path)) is cast("bool", _load(path)["wantErr"])
    ]
    assert set(other) <= STRICTER_HERE


def _load(path: Path) -> dict[str, object]:
    return cast("dict[str, object]", json.loads(path.read_text()))
