"""Sealed blocks open for one key and one context, byte for byte, and for nothing else."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hpke

from adapters.infra.key_files import SealKey
from schemas import seal as sl
from schemas.errors import HandschlagError, Malformed, Misuse, NotAuthentic
from schemas.ids import AgencyId, FieldName, Hash, KeyId
from schemas.note import from_base64, key_fingerprint
from schemas.seal import SealContext, SealPublic, SealSuite, fields_hash, load_public, seal, sealed_for, unseal
from tests.support.examples import CONSENT, CONTEXT, STARTED, STATE

PLAIN = b'{"family_name":"Musterfrau"}'


class Recipient:
    """One agency's key pair: both what others seal to and what opens."""

    def __init__(self, name: str, suite: SealSuite) -> None:
        """Make the key of a name, the same in every run."""
        raw = hashlib.shake_256(name.encode()).digest(96)
        self.key = SealKey(name, suite, raw if suite == "mlkem768-x25519" else raw[:32])
        self.suite = suite
        self.raw = from_base64(self.key.published.public, name)
        self.public: SealPublic = load_public(suite, self.raw)
        self.context = CONTEXT.model_copy(update={"suite": suite, "key": key_fingerprint(self.key.published.public)})


HYBRID, CURVE = Recipient("courses/seal-1", "mlkem768-x25519"), Recipient("courses/seal-2", "x25519")
OTHER_HYBRID, OTHER_CURVE = Recipient("other/seal-1", "mlkem768-x25519"), Recipient("other/seal-2", "x25519")
PAIRS = [(HYBRID, OTHER_HYBRID), (CURVE, OTHER_CURVE)]
BOTH = pytest.mark.parametrize(("recipient", "other"), PAIRS, ids=["hybrid", "x25519"])

CHANGES: dict[str, object] = {
    "origin": "musterstadt.example/log/2026-12",
    "role": "person",
    "exchange": CONSENT,
    "sender": AgencyId("somebody"),
    "recipient": AgencyId("somebody"),
    "fields_hash": Hash("0" * 64),
}


@BOTH
def test_what_is_sealed_opens_with_key_and_context(recipient: Recipient, other: Recipient) -> None:
    """A block opens with its key in its context, even an empty or a large one; another key does not open it."""
    for plain in (b"", PLAIN, bytes(512 * 1024)):
        sealed = seal(plain, recipient, recipient.context)
        assert unseal(sealed, recipient.key, recipient.context) == plain
        with pytest.raises(NotAuthentic):
            unseal(sealed, other.key, recipient.context)


@BOTH
def test_a_block_names_suite_and_key_and_hides_the_rest(recipient: Recipient, other: Recipient) -> None:
    """Suite and key id stand before the block; each block is another, and none holds the plain text or its context."""
    sealed = [seal(PLAIN, recipient, recipient.context) for _ in range(2)]
    assert sealed[0] != sealed[1]
    for block in sealed:
        assert block[0] == sl.SUITE_IDS[recipient.suite]
        assert sealed_for(block) == recipient.context.key != other.context.key
        assert not any(word in block for word in (PLAIN, b"Musterfrau", b"counselling", b"courses"))


@BOTH
@pytest.mark.parametrize("member", SealContext.model_fields)
def test_a_block_is_bound_to_each_part_of_its_context(member: str, recipient: Recipient, other: Recipient) -> None:
    """In a context that differs in one part only, the block does not open: each part is bound."""
    sealed = seal(PLAIN, recipient, recipient.context)
    changes = {**CHANGES, "key": other.context.key, "suite": "ed25519"}
    moved = recipient.context.model_copy(update={member: changes[member]})
    assert sl.info(moved) != sl.info(recipient.context)
    with pytest.raises(HandschlagError):
        unseal(sealed, recipient.key, moved)
    # The part is bound by the encryption itself, not only by the bytes that stand before it.
    relabelled = sealed[:1] + bytes.fromhex(moved.key) + sealed[33:]
    with pytest.raises(NotAuthentic):
        unseal(relabelled, recipient.key, moved)


@BOTH
def test_a_damaged_block_does_not_open(recipient: Recipient, other: Recipient) -> None:
    """Cut short anywhere, longer, or with a bit flipped, a block is refused and never opens to something else."""
    sealed = seal(PLAIN, recipient, recipient.context)
    places = [0, 1, 32, 33, 34, 40, len(sealed) // 2, len(sealed) - 17, len(sealed) - 1]
    damaged = [
        b"",
        sealed + b"\x00",
        sealed[:33] + sealed[34:],
        bytes(len(sealed)),
        *(sealed[:length] for length in places),
        *(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in places),
        seal(PLAIN, other, recipient.context),
    ]
    for unverified in damaged:
        with pytest.raises((Malformed, NotAuthentic)):
            unseal(unverified, recipient.key, recipient.context)


@BOTH
def test_the_other_suite_is_refused_by_name(recipient: Recipient, other: Recipient) -> None:
    """A block of the other suite, or for another key of the recipient, is malformed, before anything is opened."""
    for wrong in (HYBRID if recipient is CURVE else CURVE, other):
        sealed = seal(PLAIN, wrong, wrong.context)
        with pytest.raises(Malformed, match=f"not of suite {recipient.suite} for the key {recipient.context.key}"):
            unseal(sealed, recipient.key, recipient.context)


def test_a_context_of_another_suite_is_our_mistake() -> None:
    """Sealing in a context that names another suite than the key's is refused: nobody could open it."""
    with pytest.raises(Misuse, match="the context says suite mlkem768-x25519, the key is of suite x25519"):
        seal(PLAIN, CURVE, HYBRID.context)


class Opens:
    """An opener that finds no HPKE output in what it gets."""

    suite: SealSuite = "x25519"

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Refuse as the port says."""
        message = f"{len(sealed)} and {len(info)} bytes"
        raise ValueError(message)


def test_what_is_no_hpke_output_is_not_authentic() -> None:
    """Whatever an opener's library says of bytes it cannot read, the caller learns only that they do not open."""
    sealed = seal(PLAIN, CURVE, CURVE.context)
    with pytest.raises(NotAuthentic, match="does not open with this key for this exchange"):
        unseal(sealed, Opens(), CURVE.context)


def test_the_key_a_block_names_is_only_a_claim() -> None:
    """Of bytes that are no block some text is read that is no key's id."""
    assert sealed_for(b"") == ""
    assert sealed_for(b"\x02\xab") == KeyId("ab")


# Points of small order and their other spellings: every agreement with them is zero (RFC 7748 section 6.1).
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def test_public_keys_are_loaded_whole() -> None:
    """A raw key of the right length loads and is the same key."""
    assert isinstance(HYBRID.public, hpke.MLKEM768X25519PublicKey)
    assert load_public("x25519", CURVE.raw) == CURVE.public
    assert len(HYBRID.raw) == 1216


@pytest.mark.parametrize("point", SMALL_ORDER, ids=lambda point: point[:8] + point[-2:])
def test_keys_nothing_can_be_sealed_to_are_refused(point: str) -> None:
    """A point of small order is no key of either suite: it is refused when it is loaded, not when somebody seals."""
    for suite, raw in (("x25519", bytes.fromhex(point)), ("mlkem768-x25519", HYBRID.raw[:1184] + bytes.fromhex(point))):
        with pytest.raises(Malformed, match=f"seal key: not a public key of suite {suite}"):
            load_public("x25519" if suite == "x25519" else "mlkem768-x25519", raw)


@pytest.mark.parametrize("suite", ["x25519", "mlkem768-x25519"])
def test_bytes_that_are_no_key_are_refused(suite: SealSuite) -> None:
    """Bytes of another length, a key of the other suite, and numbers beyond ML-KEM's modulus are refused."""
    wrong = [b"", b"x", CURVE.raw[:-1], CURVE.raw + b"x", HYBRID.raw[:-1], HYBRID.raw + b"x", HYBRID.raw[:1184]]
    other = HYBRID.raw if suite == "x25519" else CURVE.raw
    for raw in (*wrong, other, b"\xff" * 1184 + CURVE.raw):
        with pytest.raises(Malformed, match="seal key"):
            load_public(suite, raw)


def test_the_hash_of_fields_depends_on_each_name_and_their_order() -> None:
    """It is SHA-256 of the canonical list, so that no two different lists have the same."""
    assert fields_hash([STARTED, STATE]) == hashlib.sha256(f'["{STARTED}","{STATE}"]'.encode()).hexdigest()
    assert len({fields_hash(names) for names in ([], [STATE], [STATE, STARTED], [STARTED, STATE])}) == 4
    assert fields_hash((FieldName("a.b"),)) == fields_hash([FieldName("a.b")])
