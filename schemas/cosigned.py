"""What a cosigner signs (C2SP tlog-cosignature v1): Ed25519 over the checkpoint's text, ML-DSA-44 over its tree.

The ML-DSA-44 message (FIPS 204) names the cosigner and leaves out the checkpoint's extension lines; it is what stays
of worth when a quantum computer has broken Ed25519.
"""

import binascii
import re
import struct
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from schemas.errors import Malformed

MLDSA44_PUBLIC_BYTES: Final = 1312

_LABEL: Final = b"subtree/v1\n\0"
_TREE: Final = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")
"""Origin, size and root, with which every checkpoint begins (tlog-checkpoint)."""
_NUMBER: Final = struct.Struct(">Q")
_RANGE: Final = struct.Struct(">QQ")
_MAX_NAME_BYTES: Final = 255
_MAX_SIZE: Final = 2**63 - 1


def ed25519_message(checkpoint_text: bytes, at_s: int) -> bytes:
    """Give the bytes that a signature of type 0x04 stands over; `at_s` is the POSIX time in seconds."""
    return b"cosignature/v1\ntime %d\n%b" % (at_s, checkpoint_text)


def mldsa44_message(cosigner: str, checkpoint_text: bytes, at_s: int) -> bytes:
    """Give the bytes that a signature of type 0x06 stands over: the `cosigned_message` of a whole tree.

    Raises Malformed when the text is no checkpoint's, or a name is longer than 255 bytes.
    """
    match = _TREE.match(checkpoint_text.decode("utf-8", "replace"))
    if match is None or int(match[2]) > _MAX_SIZE:
        message = "cosignature: only a checkpoint can be cosigned: origin, size and root, a line each"
        raise Malformed(message)
    name, origin = _opaque(cosigner), _opaque(match[1])
    root = binascii.a2b_base64(match[3])
    return b"".join([_LABEL, name, _NUMBER.pack(at_s), origin, _RANGE.pack(0, int(match[2])), root])


def mldsa44_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether a signature holds, with an empty context; the key must be one of `MLDSA44_PUBLIC_BYTES` bytes."""
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _opaque(text: str) -> bytes:
    """Write a name with its length before it (`opaque<1..2^8-1>`, RFC 8446 section 3.4)."""
    name = text.encode()
    if len(name) > _MAX_NAME_BYTES:
        message = f"cosignature: names of cosigner and log have at most {_MAX_NAME_BYTES} bytes"
        raise Malformed(message)
    return bytes([len(name)]) + name
