"""No bytes break the parsers of the C2SP formats: they are read, and written the same way again, or Malformed."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint, sign_checkpoint
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.proof import format_proof, parse_proof
from consent_ledger.core.tiles import decode_bundle, encode_bundle, parse_tile_path, tile_path
from schemas import note
from schemas.errors import Malformed, NotAuthentic
from tests.support.keys import LOG, log_signer, signer, witness

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

ROOT = bytes(range(32))
CHECKPOINT = sign_checkpoint(Checkpoint(LOG, 12, ROOT), log_signer())
RECEIPT = format_proof(3, (ROOT, ROOT), CHECKPOINT)
POLICY = f"log {log_signer().key.vkey}\nwitness w {witness(1).key.vkey}\ngroup g all w\nquorum g\n".encode()
PATH_PIECES = ["tile/", "entries", "0", "1", "63", "64", "/", "000", "x001", "256", ".p/", "255", "x"]


def _edited(original: bytes) -> st.SearchStrategy[bytes]:
    """Draw changes of a good text: some bytes replaced, left out or put in, at some places."""
    pieces = st.sampled_from([b"", b"\n", b"\n\n", b" ", b"0", b"=", b"\x00", b"\xff", b"+", "\u2014".encode(), b"A"])
    change = st.tuples(st.integers(0, len(original)), st.integers(0, 3), pieces | st.binary(max_size=4))

    def apply(changes: list[tuple[int, int, bytes]]) -> bytes:
        text = original
        for at, cut, piece in changes:
            text = text[:at] + piece + text[at + cut :]
        return text

    return st.lists(change, min_size=1, max_size=3).map(apply)


def _is_refused(parse: Callable[[bytes], object], unverified: bytes) -> bool:
    try:
        parse(unverified)
    except Malformed:
        return True
    return False


@given(_edited(CHECKPOINT) | st.binary(max_size=200))
def test_a_note_is_read_whole_or_refused(unverified: bytes) -> None:
    """What is split can be put together to the very same bytes, so nothing in a note goes unread."""
    if _is_refused(note.split_note, unverified):
        return
    parts = note.split_note(unverified)
    lines = [
        f"\u2014 {found.name} {note.to_base64(found.key_id + found.body)}\n".encode() for found in parts.signatures
    ]
    assert b"".join([parts.text, b"\n", *lines]) == unverified


@given(_edited(CHECKPOINT))
def test_a_changed_checkpoint_never_verifies_as_another(unverified: bytes) -> None:
    """A changed note is refused, or says just what was signed."""
    try:
        verified = note.verify_note(unverified, [log_signer().key])
    except (Malformed, NotAuthentic):
        return
    assert verified.text == note.split_note(CHECKPOINT).text


@given(_edited(RECEIPT))
def test_a_proof_is_read_whole_or_refused(unverified: bytes) -> None:
    """What is read as a proof without extra data is written to the very same bytes."""
    if _is_refused(parse_proof, unverified):
        return
    found = parse_proof(unverified)
    assert b"\nextra " in unverified or format_proof(found.index, found.path, found.note) == unverified


@given(_edited(format_checkpoint(Checkpoint(LOG, 12, ROOT))))
def test_a_checkpoint_text_is_read_whole_or_refused(unverified: bytes) -> None:
    """What is read as a checkpoint is written to the same first three lines."""
    if _is_refused(parse_checkpoint, unverified):
        return
    written = format_checkpoint(parse_checkpoint(unverified))
    assert unverified.split(b"\n")[:3] == written.split(b"\n")[:3]


@settings(max_examples=50)
@given(_edited(POLICY))
def test_a_policy_is_read_or_refused(unverified: bytes) -> None:
    """Whatever is done to a policy file, it is a policy or Malformed."""
    _is_refused(lambda text: parse_policy(text.decode(errors="replace")), unverified)


@given(st.binary(max_size=40) | st.lists(st.binary(max_size=9), max_size=4).map(encode_bundle))
def test_a_bundle_is_read_whole_or_refused(unverified: bytes) -> None:
    """What is split into entries is joined to the very same bytes."""
    if not _is_refused(decode_bundle, unverified):
        assert encode_bundle(decode_bundle(unverified)) == unverified


@given(st.lists(st.sampled_from(PATH_PIECES), max_size=9).map("".join))
def test_a_tile_path_has_one_spelling(unverified: str) -> None:
    """What is read as a tile's path is written to the very same text."""
    if not _is_refused(lambda text: parse_tile_path(text.decode()), unverified.encode()):
        assert tile_path(parse_tile_path(unverified)) == unverified


@given(_edited(log_signer().key.vkey.encode()))
def test_a_vkey_has_one_spelling(unverified: bytes) -> None:
    """What is read as a vkey is written to the very same text."""
    if not _is_refused(lambda text: note.parse_vkey(text.decode(errors="replace")), unverified):
        assert note.parse_vkey(unverified.decode()).vkey == unverified.decode()


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4, unique=True))
def test_each_signer_is_found(names: list[str]) -> None:
    """Whoever signs, in whatever order, is named in that order."""
    signers = [signer(f"musterstadt.example/{name}/statement-1") for name in names]
    verified = note.verify_note(note.sign_note(b"text\n", signers), [one.key for one in reversed(signers)])
    assert verified.signers == tuple(one.key for one in signers)
