"""Signed notes and cosignatures, rule by rule (signed-note v1.0, tlog-cosignature v1)."""

import base64
import hashlib

import pytest

from schemas import note
from schemas.errors import HandschlagError, Malformed, Misuse, NotAuthentic
from schemas.note import MAX_SIGNATURES, SignatureType, VerifierKey
from tests.support.keys import signer, witness

SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
ALICE = signer("musterstadt.example/jobcenter/statement-1")
BOB = signer("musterstadt.example/sozialamt/statement-1")
TEXT = b"handschlag/agency.head/v1\n{}\n"
NOTE = note.sign_note(TEXT, [ALICE])
LINE = NOTE[len(TEXT) + 1 :]
W = witness(1)
# Eight points of small order or non-canonical spelling: x/mod takes them, libsodium does not (LEDGER, matrix row 19).
BAD_POINTS = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def _lines(count: int) -> bytes:
    """Make so many signature lines of keys nobody knows."""
    return b"".join(
        f"\u2014 unknown-{number} {base64.b64encode(bytes(68)).decode()}\n".encode() for number in range(count)
    )


def _verdict(unverified: bytes, *keys: VerifierKey) -> type[HandschlagError] | None:
    try:
        note.verify_note(unverified, keys)
    except HandschlagError as error:
        return type(error)
    return None


def test_the_specification_example_verifies() -> None:
    """The vkey and note printed in the specification verify, and the vkey is written the same way again."""
    key = note.parse_vkey(SPEC_VKEY)
    verified = note.verify_note(SPEC_NOTE, [key])
    assert verified.text == b"This is an example message.\n"
    assert verified.signers == (key,)
    assert verified.cosigned_at_s == {}
    assert key.vkey == SPEC_VKEY == note.vkey(key.name, key.type, key.public)


def test_what_is_signed_verifies_with_both_signers() -> None:
    """A note signed by two keys names both signers in its order, and only the known one when one is known."""
    signed = note.sign_note(TEXT, [ALICE, BOB])
    assert note.verify_note(signed, [BOB.key, ALICE.key]).signers == (ALICE.key, BOB.key)
    assert note.verify_note(signed, [BOB.key]).signers == (BOB.key,)


def test_a_split_note_shows_text_and_signatures() -> None:
    """Splitting gives the text with its final newline, and for each line the name, the key id and the rest."""
    parts = note.split_note(NOTE)
    assert parts.text == TEXT
    assert [(found.name, found.key_id, len(found.body)) for found in parts.signatures] == [
        (ALICE.key.name, ALICE.key.key_id, 64)
    ]


def test_the_last_blank_line_separates() -> None:
    """A text may hold blank lines; the last blank line of the note is the one that separates."""
    text = b"one\n\n\ntwo\n"
    assert note.verify_note(note.sign_note(text, [ALICE]), [ALICE.key]).text == text


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(NOTE.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(NOTE[:-1], id="no final newline"),
        pytest.param(NOTE.replace(b"\n\n", b"\n"), id="no blank line"),
        pytest.param(TEXT + b"\n", id="no signature"),
        pytest.param(TEXT, id="text alone"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00" + NOTE, id="0x00"),
        pytest.param(b"\t" + NOTE, id="tab"),
        pytest.param(b"\xff" + NOTE, id="not UTF-8"),
        pytest.param(b"\xed\xa0\x80" + NOTE, id="surrogate in UTF-8"),
        pytest.param(NOTE + b"\n", id="blank line at the end"),
        pytest.param(NOTE + b"free text\n", id="free text among the signatures"),
        pytest.param(NOTE.replace("\u2014".encode(), b"-"), id="hyphen for em dash"),
        pytest.param(NOTE.replace("\u2014 ".encode(), "\u2014  ".encode()), id="two spaces"),
        pytest.param(NOTE[:-1] + b" \n", id="space at the end of a line"),
        pytest.param(NOTE.replace(b"jobcenter", b"job+center"), id="plus in the name"),
        pytest.param(NOTE.replace(b"jobcenter", b"job center"), id="space in the name"),
        pytest.param(NOTE.replace(b"jobcenter", "job\u2003center".encode()), id="Unicode space in the name"),
        pytest.param(NOTE.replace(ALICE.key.name.encode(), b""), id="no name"),
        pytest.param(NOTE[:-2] + b"\n", id="base64 without padding"),
        pytest.param(NOTE[:-1] + b"=\n", id="base64 with too much padding"),
        pytest.param(NOTE[:-1] + b"!\n", id="no base64"),
        pytest.param(TEXT + "\n\u2014 a MTIzNA==\n".encode(), id="a key id and no signature"),
        pytest.param(TEXT + b"\n" + _lines(MAX_SIGNATURES + 1), id="too many signatures"),
    ],
)
def test_a_note_out_of_form_is_malformed(broken: bytes) -> None:
    """Every broken rule of the note's form is refused before any signature is looked at."""
    assert _verdict(broken, ALICE.key) is Malformed


def test_base64_has_one_spelling() -> None:
    """A signature whose unused last bits are not zero is refused, although lax decoders give the same bytes."""
    body = ALICE.key.key_id + bytes(64)
    spelled = base64.b64encode(body).decode()
    other = spelled[:-2] + "B="
    assert base64.b64decode(other) == body
    assert _verdict(TEXT + f"\n\u2014 {ALICE.key.name} {other}\n".encode(), ALICE.key) is Malformed


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(NOTE.replace(b"head", b"haed"), id="another text"),
        pytest.param(TEXT + b"\n\n" + LINE, id="two blank lines"),
        pytest.param(note.sign_note(TEXT, [BOB]), id="unknown key"),
        pytest.param(NOTE.replace(b"jobcenter", b"jobcentre"), id="known key id, unknown name"),
        pytest.param(NOTE + note.sign_note(b"other\n", [ALICE])[7:], id="one good and one bad signature of one key"),
        pytest.param(
            TEXT + f"\n\u2014 {ALICE.key.name} {note.to_base64(ALICE.key.key_id + b'short')}\n".encode(), id="short"
        ),
        pytest.param(TEXT + b"\n" + _lines(MAX_SIGNATURES), id="as many unknown signatures as are taken"),
    ],
)
def test_a_note_that_proves_nothing_is_not_authentic(forged: bytes) -> None:
    """A signature of a known key that fails, or no known key at all, rejects the whole note."""
    assert _verdict(forged, ALICE.key) is NotAuthentic


@pytest.mark.parametrize("others", [16, MAX_SIGNATURES - 1])
def test_signatures_of_unknown_keys_are_ignored(others: int) -> None:
    """Beside a good signature, sixteen and more unknown ones change nothing."""
    assert note.verify_note(NOTE + _lines(others), [ALICE.key]).signers == (ALICE.key,)


def test_a_repeated_signature_counts_once() -> None:
    """The same line twice is one signer."""
    assert note.verify_note(NOTE + LINE, [ALICE.key]).signers == (ALICE.key,)


def test_two_different_good_signatures_of_one_key_count_once() -> None:
    """A cosigner that signed at two times is one signer, with the time of the later line."""
    signed = note.sign_note(TEXT, [ALICE]) + note.cosign(TEXT, W, 5) + note.cosign(TEXT, W, 9)
    verified = note.verify_note(signed, [ALICE.key, W.key])
    assert verified.signers == (ALICE.key, W.key)
    assert verified.cosigned_at_s == {W.key: 9}


@pytest.mark.parametrize(
    "text", [b"no newline", b"tab\t\n", b"\xff\n", b""], ids=["no newline", "control", "not UTF-8", "empty"]
)
def test_a_text_no_note_can_hold_is_not_signed(text: bytes) -> None:
    """Signing refuses what every verifier would refuse."""
    with pytest.raises(Misuse, match="note to sign"):
        note.sign_note(text, [ALICE])


def test_a_note_needs_a_signer() -> None:
    """A note with no signature is not made."""
    with pytest.raises(Misuse, match="at least one signer"):
        note.sign_note(TEXT, [])


def test_a_key_signs_one_kind_of_thing() -> None:
    """A cosigner's key signs no notes, and a note key does not cosign, so that neither can be taken for the other."""
    with pytest.raises(Misuse, match="0x04, this needs 0x01"):
        note.sign_note(TEXT, [W])
    with pytest.raises(Misuse, match="0x01, not a cosigner's"):
        note.cosign(TEXT, ALICE, 0)


@pytest.mark.parametrize(
    ("vkey", "rule"),
    [
        ("example.com/foo", "must be <name>"),
        (SPEC_VKEY.replace("530d903a", "530D903A"), "must be <name>"),
        (SPEC_VKEY.replace("example", "exam ple"), "must be <name>"),
        (SPEC_VKEY + "\n", "must be <name>"),
        (SPEC_VKEY[:-1], "base64"),
        (SPEC_VKEY.replace("530d903a", "530d903b"), "key id"),
        (SPEC_VKEY.replace("example.com", "example.org"), "key id"),
        (SPEC_VKEY.replace("+Aeky", "+Beky"), "type 0x05 is not in use"),
        (SPEC_VKEY[:-4], "not a valid Ed25519"),
    ],
)
def test_a_vkey_out_of_form_is_malformed(vkey: str, rule: str) -> None:
    """A vkey is refused with its rule: shape, hex, base64, key id, type, key."""
    with pytest.raises(Malformed, match=rule):
        note.parse_vkey(vkey)


@pytest.mark.parametrize("point", BAD_POINTS)
def test_a_key_off_the_prime_order_group_is_refused(point: str) -> None:
    """Keys of small order or non-canonical spelling never become verifier keys (LEDGER section 3)."""
    with pytest.raises(Malformed, match="not a valid Ed25519"):
        note.vkey("musterstadt.example/x/statement-1", SignatureType.ED25519, bytes.fromhex(point))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb"])
def test_a_key_name_has_no_spaces_and_no_plus(name: str) -> None:
    """Names that signature lines cannot hold are refused."""
    with pytest.raises(Malformed, match="key name"):
        note.verifier_key(name, SignatureType.ED25519, ALICE.key.public)


def test_a_fingerprint_is_the_hash_of_the_vkey() -> None:
    """The long key id is SHA-256 over the vkey's text."""
    assert note.key_fingerprint(SPEC_VKEY) == hashlib.sha256(SPEC_VKEY.encode()).hexdigest()


def test_a_cosignature_proves_text_and_time() -> None:
    """A cosigner's line has the time before the signature, and the signed message is the one of the specification."""
    line = note.cosign(TEXT, W, 1_679_315_147)
    body = note.split_signatures(line)[0].body
    assert (len(body), int.from_bytes(body[:8])) == (72, 1_679_315_147)
    assert body[8:] == W.sign(b"cosignature/v1\ntime 1679315147\n" + TEXT)
    assert note.verify_cosignature(TEXT, line, W.key) == 1_679_315_147


def test_the_time_of_a_cosignature_cannot_be_changed() -> None:
    """A signature moved to another time does not verify."""
    body = note.split_signatures(note.cosign(TEXT, W, 7))[0].body
    moved = (8).to_bytes(8) + body[8:]
    line = f"\u2014 {W.key.name} {note.to_base64(W.key.key_id + moved)}\n".encode()
    with pytest.raises(NotAuthentic, match="does not verify"):
        note.verify_cosignature(TEXT, line, W.key)


def test_a_time_beyond_63_bits_is_refused_on_both_sides() -> None:
    """2^63-1 is the last time that may be signed and the last that is accepted (tlog-cosignature, Format)."""
    assert note.verify_cosignature(TEXT, note.cosign(TEXT, W, 2**63 - 1), W.key) == 2**63 - 1
    with pytest.raises(Misuse, match="time"):
        note.cosign(TEXT, W, 2**63)
    late = (2**63).to_bytes(8) + W.sign(b"cosignature/v1\ntime %d\n%b" % (2**63, TEXT))
    with pytest.raises(NotAuthentic, match="beyond 2"):
        note.verify_cosignature(TEXT, f"\u2014 {W.key.name} {note.to_base64(W.key.key_id + late)}\n".encode(), W.key)


def test_lines_of_other_witnesses_do_not_matter() -> None:
    """A witness's line is found among others, and missed when it is not there."""
    lines = note.cosign(TEXT, witness(2), 3) + note.cosign(TEXT, W, 4)
    assert note.verify_cosignature(TEXT, lines, W.key) == 4
    with pytest.raises(NotAuthentic, match="not signed by any known key"):
        note.verify_cosignature(TEXT, note.cosign(TEXT, witness(2), 3), W.key)


def test_cosignature_lines_cannot_bring_a_text_of_their_own() -> None:
    """Lines with a blank line in them are refused: they would move the border between text and signatures."""
    longer = TEXT + b"\nmore\n"
    with pytest.raises(Malformed, match="signature 1"):
        note.verify_cosignature(TEXT, b"more\n\n" + note.cosign(longer, W, 3), W.key)
    with pytest.raises(Malformed, match="newline"):
        note.verify_cosignature(TEXT, b"", W.key)


def test_a_note_key_is_no_cosigner() -> None:
    """Asking for the cosignature of a note key is a mistake of the caller."""
    with pytest.raises(Misuse, match="not a cosigner"):
        note.verify_cosignature(TEXT, LINE, ALICE.key)
