"""Commitments: HMAC-SHA256 under a fresh 32-byte key, over canonical bytes.

A bare hash of a person or a value could be found by guessing; under a key that nobody knows it tells nothing.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from schemas import canonical
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import Hash
from schemas.record import FieldValues, PersonBlock
from schemas.statements import OutcomeBody
from schemas.wire import Wire

KEY_BYTES: Final = 32


class _Fields(Wire):
    fields: tuple[FieldValues, ...]


def sha256(data: bytes) -> Hash:
    """Give SHA-256 in hex."""
    return Hash(hashlib.sha256(data).hexdigest())


def _mac(key: bytes, data: bytes) -> Hash:
    if len(key) != KEY_BYTES:
        message = f"commitment key: {KEY_BYTES} bytes, not {len(key)}"
        raise Malformed(message)
    return Hash(hmac.digest(key, data, "sha256").hex())


def commit_person(key: bytes, person: PersonBlock) -> Hash:
    """Commit to a person block as taken with a consent or given basis."""
    return _mac(key, canonical.encode_model(person))


def commit_record(key: bytes, fields: Sequence[FieldValues]) -> Hash:
    """Commit to the values of a disclosed record."""
    return _mac(key, canonical.encode_model(_Fields(fields=tuple(fields))))


def commit_body(key: bytes, body: OutcomeBody) -> Hash:
    """Close an outcome's body, so that a withheld entry tells nothing."""
    return _mac(key, canonical.encode_model(body))


def check(expected: Hash, actual: Hash, what: str) -> None:
    """Compare a commitment in constant time; NotAuthentic naming `what` when it does not open."""
    if not hmac.compare_digest(expected, actual):
        message = f"{what}: the commitment does not open with this key and these bytes"
        raise NotAuthentic(message)
