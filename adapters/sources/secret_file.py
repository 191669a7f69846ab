"""A password or token that stands in a file of its own, never in the mapping."""

import stat
from pathlib import Path
from typing import Final

from schemas.errors import Malformed, Unavailable

MAX_BYTES: Final = 8192


def read_secret(path: Path) -> str:
    """Read the one line of a file that only its owner may read.

    Raises Unavailable when it cannot be read, Malformed when others may read it too or it is not one line of text.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"{path.name}: the secret cannot be read ({type(error).__name__})"
        raise Unavailable(message) from None
    if mode & 0o077:
        message = f"{path.name}: others may read the secret; chmod 600 mends it"
        raise Malformed(message)
    try:
        secret = raw.decode().strip()
    except UnicodeDecodeError:
        secret = ""
    if len(raw) > MAX_BYTES or not secret or not secret.isprintable():
        message = f"{path.name}: the secret is one line of UTF-8 text"
        raise Malformed(message)
    return secret
