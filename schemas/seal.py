"""HPKE (RFC 9180): seal to one agency's key, and only for one exchange, role and field set.

A sealed block is one byte of suite id, 32 bytes of key id, then what HPKE's single-shot base mode gives. The context
travels nowhere: both sides build it, and a block moved to another exchange, recipient or field set does not open
(binding through `info`).
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeGuard

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from schemas import canonical
from schemas.commitment import sha256
from schemas.errors import Malformed, Misuse, NotAuthentic
from schemas.ids import AgencyId, FieldName, Hash, KeyId
from schemas.statements import Suite
from schemas.wire import Wire

SealSuite = Literal["mlkem768-x25519", "x25519"]
SealRole = Literal["person", "record", "consent"]
SealPublic = hpke.MLKEM768X25519PublicKey | X25519PublicKey

SUITE_IDS: Final[dict[SealSuite, int]] = {"mlkem768-x25519": 1, "x25519": 2}
"""The first byte of a sealed block. The default, 1, keeps traffic recorded today sealed against tomorrow's machines."""
SUITES: Final[dict[SealSuite, hpke.Suite]] = {
    "mlkem768-x25519": hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    "x25519": hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}
_INFO: Final = b"handschlag/seal/v1\n"
_MLKEM768_PUBLIC_BYTES: Final = 1184
_PREFIX_BYTES: Final = 33
_ANY_SCALAR: Final = X25519PrivateKey.from_private_bytes(bytes(32))


def seals(suite: Suite) -> TypeGuard[SealSuite]:
    """Tell whether keys of this suite are sealed to; the others sign."""
    return suite in SUITES


class SealContext(Wire):
    """What a seal is bound to.

    `exchange` is the exchange's id, or for role `consent` the consent's; `key` the recipient's key id; `fields_hash`
    `fields_hash()` of the asked fields (person), the granted fields (record) or the consented fields (consent).
    """

    origin: str
    role: SealRole
    exchange: str
    sender: AgencyId
    recipient: AgencyId
    key: KeyId
    suite: Suite
    fields_hash: Hash


class SealTo(Protocol):
    """A recipient's public key with its suite and id, taken from a proven `key.added` entry."""

    @property
    def suite(self) -> SealSuite:
        """Which HPKE suite the key belongs to."""
        ...

    @property
    def public(self) -> SealPublic:
        """The public key, loaded once."""
        ...


class Opener(Protocol):
    """A recipient's private key behind a port: it opens and never shows itself."""

    @property
    def suite(self) -> SealSuite:
        """Which HPKE suite the key belongs to."""
        ...

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Give the plain text of HPKE output, or raise cryptography's InvalidTag (or ValueError for no HPKE output)."""
        ...


def fields_hash(fields: Sequence[FieldName]) -> Hash:
    """Give SHA-256 over the canonical list of field names."""
    return sha256(canonical.encode(list(fields)))


def info(context: SealContext) -> bytes:
    """Give the HPKE info bytes a context stands for."""
    return _INFO + canonical.encode_model(context)


def seal(plain: bytes, to: SealTo, context: SealContext) -> bytes:
    """Seal bytes for one recipient and one context; each call draws a fresh one-time key.

    Raises Misuse when the context names another suite than the key's.
    """
    if context.suite != to.suite:
        message = f"seal: the context says suite {context.suite}, the key is of suite {to.suite}"
        raise Misuse(message)
    return _prefix(to.suite, context.key) + SUITES[to.suite].encrypt(plain, to.public, info=info(context))


def sealed_for(unverified_sealed: bytes) -> KeyId:
    """Read the id of the key a block claims to be sealed to; only opening it proves that."""
    return KeyId(unverified_sealed[1:_PREFIX_BYTES].hex())


def _prefix(suite: SealSuite, key: KeyId) -> bytes:
    return bytes([SUITE_IDS[suite]]) + bytes.fromhex(key)


def unseal(unverified_sealed: bytes, opener: Opener, context: SealContext) -> bytes:
    """Open a sealed block.

    Raises Malformed when the suite is not the key's, NotAuthentic when key, context or bytes are not those of the seal.
    """
    if unverified_sealed[:_PREFIX_BYTES] != _prefix(opener.suite, context.key):
        message = f"sealed block: is not of suite {opener.suite} for the key {context.key}"
        raise Malformed(message)
    try:
        return opener.open(unverified_sealed[_PREFIX_BYTES:], info(context))
    except (InvalidTag, ValueError) as error:
        message = f"sealed block ({context.role}): does not open with this key for this exchange"
        raise NotAuthentic(message) from error


def load_public(suite: SealSuite, raw: bytes) -> SealPublic:
    """Load a raw public key of a suite: 32 bytes, or for the hybrid 1,184 bytes of ML-KEM-768 and then those 32.

    Raises Malformed when the bytes are no such key, or one of the few points that nothing can be sealed to, because
    every agreement with them gives zero (RFC 7748 section 6.1).
    """
    lattice, curve = (b"", raw) if suite == "x25519" else (raw[:_MLKEM768_PUBLIC_BYTES], raw[_MLKEM768_PUBLIC_BYTES:])
    try:
        point = X25519PublicKey.from_public_bytes(curve)
        _ANY_SCALAR.exchange(point)
        if suite == "x25519":
            return point
        return hpke.MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(lattice), point)
    except ValueError as error:
        message = f"seal key: not a public key of suite {suite}"
        raise Malformed(message) from error
