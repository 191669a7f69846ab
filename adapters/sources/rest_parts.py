"""A list that a web service gives in parts: how the next part is asked for, and when there is none. Pure.

Only parameters are ever taken from an answer, never an address: the token goes to the service of the mapping alone.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from adapters.sources.mapping import Parts
from schemas.errors import Malformed

MAX_PARTS: Final = 40
"""More parts than these are not fetched for one question: a list so long tells no person from another."""

_LINK: Final = re.compile(r'<([^>]*)>\s*;[^,<]*\brel="?next"?(?=[\s;,]|$)')


class Part(NamedTuple):
    """What came: how many rows in all so far, how many of them now, the cursor at its place, the Link header."""

    so_far: int
    now: int
    cursor: object
    link: str


def following(parts: Parts, number: int, asked: Mapping[str, str], came: Part) -> dict[str, str] | None:
    """Give the parameters that ask for the next part, None after the last; `number` counts the parts from 1.

    Raises Malformed for a cursor that is neither text nor number.
    """
    if parts.by == "link":
        return _linked(asked, came.link)
    parameter = parts.parameter or ""
    if parts.by == "cursor":
        if came.cursor in (None, "", False):
            return None
        if not isinstance(came.cursor, str | int):
            message = f"the cursor at {parts.cursor} is neither text nor number"
            raise Malformed(message)
        return {**asked, parameter: str(came.cursor)}
    if came.now == 0:
        return None
    return {**asked, parameter: str(came.so_far if parts.by == "offset" else parts.first_page + number)}


def _linked(asked: Mapping[str, str], link: str) -> dict[str, str] | None:
    """Take the parameters of the next link (RFC 8288 section 3); its host and path are not followed."""
    found = _LINK.search(link)
    if found is None:
        return None
    return {**asked, **dict(parse_qsl(urlsplit(found.group(1)).query, keep_blank_values=True))}
