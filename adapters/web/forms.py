"""What a form says: read whole or not at all, and never more of it than a page of ours can ask for."""

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_FORM_BYTES: Final = 256 * 1024
MAX_FIELDS: Final = 500
_LENGTH: Final = re.compile(r"[0-9]{1,15}", re.ASCII)

Form = dict[str, list[str]]


def declared_length(header: str) -> int | None:
    """Read a Content-Length (RFC 9110, section 8.6); None for what is none, or longer than any body can be."""
    return int(header) if _LENGTH.fullmatch(header) is not None else None


async def read_form(request: Request) -> Form:
    """Read a form by field; empty for one that does not say how long it is, is too long, or cannot be read.

    Files are none. A body that is longer than it says is cut off by the server.
    """
    length = declared_length(request.headers.get("content-length", ""))
    if length is None or length > MAX_FORM_BYTES:
        return {}
    try:
        sent = await request.form(max_files=0, max_fields=MAX_FIELDS)
    except HTTPException:
        return {}
    found: Form = {}
    for name, value in sent.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


def said(form: Form, name: str) -> str:
    """Give what a form says in one field, without blanks around it; empty when it says nothing."""
    return (form.get(name) or [""])[0].strip()
