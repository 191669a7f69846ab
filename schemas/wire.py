"""The base of every message, and how a message's parts are framed."""

import struct
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import Code, Malformed

MAX_MESSAGE_BYTES: Final = 768 * 1024
MAX_STATEMENT_BYTES: Final = 16 * 1024
MAX_ENTRY_BYTES: Final = 60 * 1024
MAX_RECORD_BYTES: Final = 512 * 1024
MAX_PARTS: Final = 600

Version = Annotated[int, Field(ge=1, le=1)]
"""The version of a shape; a shape with another meaning gets another number."""

_LENGTH = struct.Struct(">I")


class Wire(BaseModel):
    """The one base of all shapes that travel: frozen, strict, unknown fields refused, no coercion, no NaN.

    A field that is added to a shape later must be optional and None by default: anything else would be written into,
    and so break, the bytes that were signed before.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def frame(*parts: bytes) -> bytes:
    """Join parts as (u32 big-endian length || part)*; the inverse of `unframe`."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def unframe(unverified: bytes) -> tuple[bytes, ...]:
    """Split a framed message into its parts.

    Raises Malformed when the message is over 768 KiB, has more than 600 parts, or a length does not fit what follows.
    """
    if len(unverified) > MAX_MESSAGE_BYTES:
        message = f"message: {len(unverified)} bytes, at most {MAX_MESSAGE_BYTES} are taken"
        raise Malformed(message, code=Code.TOO_LARGE)
    parts: list[bytes] = []
    at, end = 0, len(unverified)
    while at < end:
        if len(parts) == MAX_PARTS:
            message = f"message: more than {MAX_PARTS} parts"
            raise Malformed(message)
        if end - at < _LENGTH.size:
            message = f"message: part {len(parts)} has no complete length"
            raise Malformed(message)
        (size,) = _LENGTH.unpack_from(unverified, at)
        at += _LENGTH.size
        if size > end - at:
            message = f"message: part {len(parts)} announces {size} bytes, {end - at} are left"
            raise Malformed(message)
        parts.append(unverified[at : at + size])
        at += size
    return tuple(parts)
