"""How long a process may reach the bus: both its login (a JWT) and its certificate end some day."""

import base64
from pathlib import Path
from typing import Final

from cryptography import x509
from pydantic_core import from_json

from schemas.calendar import DAY_MS
from schemas.errors import Malformed

WARN_DAYS: Final = 60
"""From when on a process says at its start that its access runs out: two months, for those who are on holiday."""


def access_ends_s(jwt: Path, certificate: Path) -> int:
    """Give when a login or its certificate (PEM) ends, whichever comes first, in Unix seconds.

    A login without an end (`exp`, RFC 7519 section 4.1.4) ends with the certificate. Nothing is proven here: the bus
    does that, and this only tells in time whoever looks after the process. Malformed names the file that is neither.
    """
    try:
        found = int(x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp())
    except ValueError as error:
        message = f"{certificate}: is no certificate in PEM"
        raise Malformed(message) from error
    expires = _claims(jwt).get("exp")
    return min(found, expires) if isinstance(expires, int) else found


def days_left(ends_s: int, now_ms: int) -> int:
    """Give how many whole days are left until then."""
    return (ends_s * 1000 - now_ms) // DAY_MS


def _claims(path: Path) -> dict[str, object]:
    try:
        payload = path.read_text("utf-8").split(".")[1]
        claims = from_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        message = f"{path}: is no login of the bus (JWT)"
        raise Malformed(message)
    return claims
