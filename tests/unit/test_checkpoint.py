"""Checkpoints: the text, the note around it, and the verifier that remembers (tlog-checkpoint v1.0)."""

import base64

import pytest

from consent_ledger.core import checkpoint as cp
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier
from schemas import note
from schemas.errors import Malformed, Misuse, NotAuthentic
from tests.support.keys import LOG, log_signer, signer, witness

ROOT = bytes(range(32))
TEXT = f"{LOG}\n42\n{base64.b64encode(ROOT).decode()}\n".encode()
SIGNED = note.sign_note(TEXT, [log_signer()])
W = witness(1)


def test_a_checkpoint_is_three_lines() -> None:
    """Origin, size and root are written one per line, and read back."""
    assert cp.format_checkpoint(Checkpoint(LOG, 42, ROOT)) == TEXT
    assert cp.parse_checkpoint(TEXT) == Checkpoint(LOG, 42, ROOT)


@pytest.mark.parametrize("size", [0, 1, 2**63 - 1])
def test_sizes_to_the_last_are_kept(size: int) -> None:
    """Zero and the largest size there is come back as they were."""
    assert cp.parse_checkpoint(cp.format_checkpoint(Checkpoint(LOG, size, ROOT))).size == size


def test_extension_lines_are_accepted_and_left_out() -> None:
    """Lines after the root belong to others; they change nothing that is read."""
    assert cp.parse_checkpoint(TEXT + b"extension\n") == Checkpoint(LOG, 42, ROOT)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (TEXT[:-1], "3 or more"),
        (b"\n".join(TEXT.split(b"\n")[:2]) + b"\n", "3 or more"),
        (b"", "3 or more"),
        (TEXT.replace(LOG.encode(), b""), "none of them empty"),
        (TEXT + b"\n", "none of them empty"),
        (TEXT.replace(b"\n42\n", b"\n042\n"), "line 2"),
        (TEXT.replace(b"\n42\n", b"\n+42\n"), "line 2"),
        (TEXT.replace(b"\n42\n", b"\n-1\n"), "line 2"),
        (TEXT.replace(b"\n42\n", "\n\u0664\u0662\n".encode()), "line 2"),
        (TEXT.replace(b"\n42\n", b"\n9223372036854775808\n"), "line 2"),
        (TEXT.replace(b"AAEC", b"AAE"), "line 3"),
        (TEXT.replace(b"Hh8=", b"Hh9="), "line 3"),
        (f"{LOG}\n42\n{base64.b64encode(ROOT[:31]).decode()}\n".encode(), "31 bytes"),
        (b"\xff" + TEXT, "UTF-8"),
    ],
)
def test_a_checkpoint_out_of_form_is_malformed(text: bytes, rule: str) -> None:
    """Leading zeros, signs, other digits, short roots, lax base64 and missing lines are refused by their line."""
    with pytest.raises(Malformed, match=rule):
        cp.parse_checkpoint(text)


@pytest.mark.parametrize(
    "bad",
    [
        Checkpoint("", 1, ROOT),
        Checkpoint("a\nb", 1, ROOT),
        Checkpoint(LOG, -1, ROOT),
        Checkpoint(LOG, 2**63, ROOT),
        Checkpoint(LOG, 1, ROOT[:31]),
    ],
)
def test_what_no_checkpoint_can_say_is_not_written(bad: Checkpoint) -> None:
    """Writing refuses what reading would refuse."""
    with pytest.raises(Misuse, match="checkpoint"):
        cp.format_checkpoint(bad)


def test_only_the_log_signs_its_checkpoint() -> None:
    """A key of another name does not sign."""
    assert cp.sign_checkpoint(Checkpoint(LOG, 42, ROOT), log_signer()) == SIGNED
    with pytest.raises(Misuse, match="not this log's"):
        cp.sign_checkpoint(Checkpoint(LOG, 42, ROOT), signer("musterstadt.example/log/2026-12"))


def test_a_verified_checkpoint_tells_who_cosigned() -> None:
    """The verifier gives checkpoint, note, and the times of the witnesses it knows."""
    cosigned = SIGNED + note.cosign(TEXT, W, 1_700_000_000) + note.cosign(TEXT, witness(2), 1_700_000_001)
    found = CheckpointVerifier(log_signer().key, [W.key]).verify(cosigned)
    assert found.checkpoint == Checkpoint(LOG, 42, ROOT)
    assert found.note == cosigned
    assert found.cosigned_at_s == {W.key: 1_700_000_000}


def test_what_is_claimed_can_be_read_without_keys() -> None:
    """An unverified reading gives what the note claims."""
    assert cp.unverified_checkpoint(SIGNED) == Checkpoint(LOG, 42, ROOT)


def test_a_checkpoint_without_the_log_is_not_authentic() -> None:
    """Cosignatures alone prove nothing; neither does another log's signature."""
    verifier = CheckpointVerifier(log_signer().key, [W.key])
    with pytest.raises(NotAuthentic, match="not signed by the log"):
        verifier.verify(TEXT + b"\n" + note.cosign(TEXT, W, 1))
    with pytest.raises(NotAuthentic, match="any known key"):
        verifier.verify(note.sign_note(TEXT, [signer("musterstadt.example/log/2026-12")]))


def test_a_log_speaks_for_itself_only() -> None:
    """A checkpoint that names another origin is refused, although the signature is good."""
    text = TEXT.replace(b"2026-11", b"2026-12")
    with pytest.raises(NotAuthentic, match="of another log"):
        CheckpointVerifier(log_signer().key).verify(note.sign_note(text, [log_signer()]))


def test_a_note_signed_by_the_log_need_not_be_a_checkpoint() -> None:
    """Signed text of another form is refused as such."""
    with pytest.raises(Malformed, match="checkpoint"):
        CheckpointVerifier(log_signer().key).verify(note.sign_note(b"hello\n", [log_signer()]))


def test_the_verifier_remembers_a_bounded_number() -> None:
    """The very same bytes are recognised, until newer notes have pushed them out."""
    verifier = CheckpointVerifier(log_signer().key, remembered=2)
    notes = [cp.sign_checkpoint(Checkpoint(LOG, size, ROOT), log_signer()) for size in range(3)]
    first = verifier.verify(notes[0])
    assert verifier.verify(notes[0]) is first
    second = verifier.verify(notes[1])
    verifier.verify(notes[2])
    assert verifier.verify(notes[1]) is second
    assert verifier.verify(notes[0]) is not first


def test_a_failure_is_not_remembered_as_success() -> None:
    """Bytes that failed once fail again, and one changed bit is not taken for what was verified before."""
    verifier = CheckpointVerifier(log_signer().key)
    verifier.verify(SIGNED)
    changed = SIGNED.replace(b"\n42\n", b"\n43\n")
    for _ in range(2):
        with pytest.raises(NotAuthentic):
            verifier.verify(changed)
