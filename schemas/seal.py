"""HPKE (RFC 9180): seal to one agency's key, and only for one exchange, role and field set.

A sealed block is one byte of suite id, then what HPKE's single-shot base mode gives. The context travels nowhere: both
sides build it, and a block moved to another exchange, recipient or field set does not open (binding through `info`).
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from schemas import canonical
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import AgencyId, FieldName, Hash, KeyId
from schemas.statements import Suite
from schemas.wire import Wire

SealSuite = Literal["mlkem768-x25519", "x25519"]
SealRole = Literal["person", "record", "consent"]

SUITE_IDS: Final[dict[SealSuite, int]] = {"mlkem768-x25519": 1, "x25519": 2}
"""The first byte of a sealed block. The default, 1, keeps traffic recorded today sealed against tomorrow's machines."""
SUITES: Final[dict[SealSuite, hpke.Suite]] = {
    "mlkem768-x25519": hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    "x25519": hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}
_INFO: Final = b"handschlag/seal/v1\n"
_MLKEM768_PUBLIC_BYTES: Final = 1184


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
    def public(self) -> hpke.MLKEM768X25519PublicKey | X25519PublicKey:
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
    return Hash(hashlib.sha256(canonical.encode(list(fields))).hexdigest())


def info(context: SealContext) -> bytes:
    """Give the HPKE info bytes a context stands for."""
    return _INFO + canonical.encode_model(context)


def seal(plain: bytes, to: SealTo, context: SealContext) -> bytes:
    """Seal bytes for one recipient and one context; each call draws a fresh one-time key."""
    return bytes([SUITE_IDS[to.suite]]) + SUITES[to.suite].encrypt(plain, to.public, info=info(context))


def unseal(unverified_sealed: bytes, opener: Opener, context: SealContext) -> bytes:
    """Open a sealed block.

    Raises Malformed when the suite is not the key's, NotAuthentic when key, context or bytes are not those of the seal.
    """
    if unverified_sealed[:1] != bytes([SUITE_IDS[opener.suite]]):
        message = f"sealed block: its suite is not {opener.suite}, the suite of this key"
        raise Malformed(message)
    try:
        return opener.open(unverified_sealed[1:], info(context))
    except (InvalidTag, ValueError) as error:
        message = f"sealed block ({context.role}): does not open with this key for this exchange"
        raise NotAuthentic(message) from error


def load_public(suite: SealSuite, raw: bytes) -> hpke.MLKEM768X25519PublicKey | X25519PublicKey:
    """Load a raw public key of a suite: 32 bytes, or for the hybrid 1,184 bytes of ML-KEM-768 and then those 32.

    Raises Malformed when the bytes are no such key.
    """
    try:
        if suite == "x25519":
            return X25519PublicKey.from_public_bytes(raw)
        return hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM768_PUBLIC_BYTES]),
            X25519PublicKey.from_public_bytes(raw[_MLKEM768_PUBLIC_BYTES:]),
        )
    except ValueError as error:
        message = f"seal key: not a public key of suite {suite}"
        raise Malformed(message) from error
