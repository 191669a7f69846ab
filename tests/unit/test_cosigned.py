"""Cosignatures by ML-DSA-44: the bytes that are signed, and what verifies (tlog-cosignature, type 0x06)."""

import hashlib
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, format_checkpoint, sign_checkpoint
from schemas import note
from schemas.cosigned import mldsa44_message
from schemas.errors import HandschlagError, Malformed, NotAuthentic
from schemas.note import SignatureType, VerifierKey
from tests.support.keys import LOG, log_signer, mldsa_witness, witness

ROOT = bytes(range(32))
TEXT = format_checkpoint(Checkpoint(LOG, 70_000, ROOT))
W = mldsa_witness(1)
NAME = W.key.name.encode()


@dataclass(frozen=True)
class Renamed:
    """The private key of another name's cosigner."""

    key: VerifierKey

    def sign(self, message: bytes) -> bytes:
        """Sign with the other's key."""
        return W.sign(message)


def test_the_message_is_that_of_the_specification() -> None:
    """Label, name, time, origin, 0, size and root, numbers of eight bytes, names with their length before them."""
    expected = b"".join(
        [
            b"subtree/v1\n\x00",
            bytes([len(NAME)]),
            NAME,
            (1_679_315_147).to_bytes(8),
            bytes([len(LOG)]),
            LOG.encode(),
            bytes(8),
            (70_000).to_bytes(8),
            ROOT,
        ]
    )
    assert mldsa44_message(W.key.name, TEXT, 1_679_315_147) == expected
    body = note.split_signatures(note.cosign(TEXT, W, 1_679_315_147))[0].body
    assert len(body) == 2428
    MLDSA44PublicKey.from_public_bytes(W.key.public).verify(body[8:], expected)


def test_a_cosignature_proves_tree_and_time() -> None:
    """The line verifies with the key and gives its time; extension lines are not covered by it."""
    line = note.cosign(TEXT, W, 7)
    assert note.verify_cosignature(TEXT, line, W.key) == 7
    assert note.verify_cosignature(TEXT + b"extension\n", line, W.key) == 7


def test_the_key_has_type_and_id_of_the_specification() -> None:
    """Its id is over the type 0x06 and the 1,312 bytes of the key, and the vkey is read back."""
    key = W.key
    assert (key.type, len(key.public)) == (SignatureType.MLDSA44_COSIGNATURE, 1312)
    assert key.key_id == hashlib.sha256(NAME + b"\n\x06" + key.public).digest()[:4]
    assert note.parse_vkey(key.vkey) == key


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT.replace(b"70000", b"70001"), id="size"),
        pytest.param(TEXT.replace(b"2026-11", b"2026-12"), id="origin"),
        pytest.param(format_checkpoint(Checkpoint(LOG, 70_000, bytes(32))), id="root"),
        pytest.param(b"text\n", id="no checkpoint"),
    ],
)
def test_it_stands_for_one_tree_only(text: bytes) -> None:
    """Over another size, origin or root, or over what is no checkpoint, it does not verify."""
    with pytest.raises(NotAuthentic, match="does not verify"):
        note.verify_cosignature(text, note.cosign(TEXT, W, 7), W.key)


def test_it_stands_for_one_cosigner_and_time_only() -> None:
    """With its time changed, or under another name with the same key, it does not verify."""
    body = note.split_signatures(note.cosign(TEXT, W, 7))[0].body
    other = note.verifier_key("elsewhere.example/w", SignatureType.MLDSA44_COSIGNATURE, W.key.public)
    for key, forged in ((W.key, (8).to_bytes(8) + body[8:]), (other, body), (W.key, body[:-1]), (W.key, body[:8])):
        line = f"\u2014 {key.name} {note.to_base64(key.key_id + forged)}\n".encode()
        with pytest.raises(NotAuthentic, match="does not verify"):
            note.verify_cosignature(TEXT, line, key)
    assert note.verify_cosignature(TEXT, note.cosign(TEXT, Renamed(other), 7), other) == 7


@pytest.mark.parametrize(
    "text",
    [
        b"text\n",
        TEXT[:-1],
        TEXT.replace(b"70000", b"070000"),
        TEXT.replace(b"70000", b"9999999999999999999"),
        format_checkpoint(Checkpoint("x" * 256, 1, ROOT)),
    ],
    ids=["no checkpoint", "cut", "leading zero", "too large", "long origin"],
)
def test_only_checkpoints_are_cosigned(text: bytes) -> None:
    """What is no checkpoint, or one that the message cannot hold, is refused before anything is signed."""
    with pytest.raises(Malformed, match="cosignature: "):
        note.cosign(text, W, 7)


@pytest.mark.parametrize("length", [0, 32, 1311, 1313])
def test_a_key_has_one_length(length: int) -> None:
    """Anything but 1,312 bytes is no key of this type."""
    with pytest.raises(HandschlagError, match="not a valid ML-DSA-44 public key"):
        note.verifier_key("w.example", SignatureType.MLDSA44_COSIGNATURE, bytes(length))


def test_both_kinds_stand_side_by_side() -> None:
    """A checkpoint cosigned by both keys of a witness proves both, and a damaged one rejects the note."""
    signed = sign_checkpoint(Checkpoint(LOG, 70_000, ROOT), log_signer())
    lines = note.cosign(TEXT, witness(1), 5), note.cosign(TEXT, W, 6)
    verifier = CheckpointVerifier(log_signer().key, [witness(1).key, W.key])
    assert verifier.verify(signed + b"".join(lines)).cosigned_at_s == {witness(1).key: 5, W.key: 6}
    damaged = note.split_signatures(lines[1])[0].body[:-1] + b"\0\0"
    with pytest.raises(NotAuthentic):
        verifier.verify(signed + f"\u2014 {W.key.name} {note.to_base64(W.key.key_id + damaged)}\n".encode())
