"""NKeys: the Ed25519 identities of NATS, as text (seeds `S…`, public keys `O…`, `A…`, `U…`).

The text is base32 of a kind byte, the key and a CRC-16; the signatures are plain Ed25519. Randomness is an argument.
"""

import base64
import binascii
from enum import Enum
from typing import Final

import nkeys

from schemas.errors import Malformed

ENTROPY_BYTES: Final = 32
_PUBLIC_KEY_BYTES: Final = 35
_CRC_BYTES: Final = 2


class Kind(Enum):
    """What a key stands for; the value is the kind byte of its text form."""

    OPERATOR = nkeys.PREFIX_BYTE_OPERATOR
    ACCOUNT = nkeys.PREFIX_BYTE_ACCOUNT
    USER = nkeys.PREFIX_BYTE_USER


def new_seed(kind: Kind, entropy: bytes) -> str:
    """Make the seed of a key of this kind from 32 random bytes."""
    return bytes(nkeys.encode_seed(entropy, kind.value)).decode()


def public_key(seed: str) -> str:
    """Give the public key that belongs to a seed; Malformed when the text is no seed."""
    return bytes(_key_pair(seed).public_key).decode()


def sign(seed: str, message: bytes) -> bytes:
    """Sign with the key of a seed; Malformed when the text is no seed."""
    return bytes(_key_pair(seed).sign(message))


def check_public_key(kind: Kind, unverified: str) -> str:
    """Give back a public key of the wanted kind; Malformed when it is another kind, cut short or mistyped."""
    try:
        raw = base64.b32decode(unverified.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error) as error:
        message = f"NATS public key: it must be the text of one {kind.name.lower()} key in base32"
        raise Malformed(message) from error
    content, crc = raw[:-_CRC_BYTES], raw[-_CRC_BYTES:]
    if len(raw) != _PUBLIC_KEY_BYTES or content[0] != kind.value or nkeys.crc16_checksum(content) != crc:
        message = f"NATS public key: this is not one {kind.name.lower()} key, or it was mistyped"
        raise Malformed(message)
    return unverified


def _key_pair(seed: str) -> nkeys.KeyPair:
    """Read a seed. The library does not look at the CRC, so the seed is written again and must be the same text."""
    try:
        text = seed.encode("ascii")
        kind, raw = nkeys.decode_seed(text)
        genuine = bytes(nkeys.encode_seed(bytes(raw), kind)) == text
    except (UnicodeEncodeError, nkeys.NkeysError) as error:
        message = "NATS seed: the text is not a seed"
        raise Malformed(message) from error
    if not genuine:
        message = "NATS seed: the text was mistyped or cut short"
        raise Malformed(message)
    return nkeys.from_seed(text)
