"""The receipt: a tlog-proof, built, taken apart and verified."""

import base64

import pytest

from consent_ledger.core import merkle, proof
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint
from schemas.errors import Malformed, NotAuthentic
from tests.support import slow_tree
from tests.support.keys import LOG, log_signer

ENTRIES = [f"handschlag/entry-{number}/v1\n".encode() for number in range(7)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
NOTE = sign_checkpoint(Checkpoint(LOG, 7, slow_tree.root(LEAVES)), log_signer())
RECEIPTS = [proof.format_proof(index, slow_tree.path(index, LEAVES), NOTE) for index in range(7)]


def _verifier() -> CheckpointVerifier:
    return CheckpointVerifier(log_signer().key)


def test_a_proof_is_written_as_specified() -> None:
    """Header, index, one base64 hash per line, a blank line, and the checkpoint as it is."""
    path = [base64.b64encode(value).decode() for value in slow_tree.path(3, LEAVES)]
    assert RECEIPTS[3] == "\n".join(["c2sp.org/tlog-proof@v1", "index 3", *path, "", ""]).encode() + NOTE


@pytest.mark.parametrize("index", range(7))
def test_every_entry_is_proven_by_its_receipt(index: int) -> None:
    """A receipt proves index, bytes, leaf hash and checkpoint of its entry."""
    found = proof.verify_proof(ENTRIES[index], RECEIPTS[index], _verifier())
    assert (found.index, found.leaf, found.leaf_hash) == (index, ENTRIES[index], LEAVES[index])
    assert found.checkpoint.checkpoint == Checkpoint(LOG, 7, slow_tree.root(LEAVES))


def test_the_proof_of_a_lone_entry_has_no_hashes() -> None:
    """In a tree of one the path is empty and the text still whole."""
    note = sign_checkpoint(Checkpoint(LOG, 1, LEAVES[0]), log_signer())
    text = proof.format_proof(0, (), note)
    assert text == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + note
    assert proof.verify_proof(ENTRIES[0], text, _verifier()).index == 0


def test_extra_data_is_accepted_and_not_read() -> None:
    """An extra line changes nothing of what is proven."""
    text = RECEIPTS[2].replace(b"\nindex", b"\nextra AAEC\nindex")
    assert proof.verify_proof(ENTRIES[2], text, _verifier()).index == 2


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"tlog-proof@v1", b"tlog-proof@v2", "must start with"),
        (b"\n\n", b"\n", "hash 4"),
        (b"c2sp", b"\xff2sp", "must start with"),
        (b"index 3\n", b"", "index line is missing"),
        (b"index 3", b"index 03", "index line"),
        (b"index 3", b"index -3", "index line"),
        (b"index 3", b"index 9223372036854775808", "index line"),
        (b"\nindex", b"\nextra !\nindex", "extra line"),
        (b"\nindex", b"\nextra \nindex", "extra line"),
        (b"\nindex", b"\nextra AAEC\nextra AAEC\nindex", "index line is missing"),
        (b"index 3\n", b"index 3\nAAEC\n", "hash 1: 3 bytes"),
        (b"index 3\n", b"index 3\n====\n", "hash 1"),
        (b"index 3\n", b"index 3\n" + b"AAEC\n" * 61, "no tree needs more"),
        (b"index 3\n", b"index 3\r\n", "index line"),
    ],
)
def test_a_proof_out_of_form_is_malformed(old: bytes, new: bytes, rule: str) -> None:
    """Each broken rule of the text is refused and named."""
    with pytest.raises(Malformed, match=rule):
        proof.verify_proof(ENTRIES[3], RECEIPTS[3].replace(old, new, 1), _verifier())


def test_a_proof_without_anything_is_malformed() -> None:
    """A header alone, with or without its blank line, is no proof."""
    with pytest.raises(Malformed, match="must start with"):
        proof.parse_proof(b"c2sp.org/tlog-proof@v1\n")
    with pytest.raises(Malformed, match="index line is missing"):
        proof.parse_proof(b"c2sp.org/tlog-proof@v1\n\n" + NOTE)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        pytest.param(ENTRIES[4], RECEIPTS[3], id="another entry"),
        pytest.param(ENTRIES[3] + b" ", RECEIPTS[3], id="changed entry"),
        pytest.param(ENTRIES[3], RECEIPTS[3].replace(b"index 3", b"index 2"), id="another index"),
        pytest.param(ENTRIES[3], RECEIPTS[3].replace(b"index 3", b"index 7"), id="index beyond the tree"),
        pytest.param(ENTRIES[3], RECEIPTS[3].replace(NOTE, NOTE.replace(b"\n7\n", b"\n8\n")), id="changed checkpoint"),
        pytest.param(
            ENTRIES[3],
            RECEIPTS[3].replace(NOTE, sign_checkpoint(Checkpoint(LOG, 8, LEAVES[0]), log_signer())),
            id="another checkpoint",
        ),
    ],
)
def test_a_receipt_proves_nothing_else(entry: bytes, text: bytes) -> None:
    """Another entry, index or checkpoint than the proven one is not authentic."""
    with pytest.raises(NotAuthentic):
        proof.verify_proof(entry, text, _verifier())
