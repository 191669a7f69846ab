"""The codes on receipts and notices: what a client opens and ends things with."""

import base64
from collections.abc import Callable
from typing import Final

from schemas import commitment
from schemas.ids import Hash

CODE_BYTES: Final = 10
"""80 random bits, written in 16 characters of base32."""


def fresh_code(random_bytes: Callable[[int], bytes]) -> str:
    """Make a code that nobody can guess."""
    return base64.b32encode(random_bytes(CODE_BYTES)).decode()


def code_hash(code: str) -> Hash:
    """Give the hash under which a receipt's code stands in the ledger."""
    return commitment.sha256(code.encode())
