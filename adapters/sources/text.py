"""The two forms of text: as it is delivered, and as names are compared. Pure."""

import re
import unicodedata
from typing import Final

_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def clean(text: str) -> str:
    """Bring text to NFC without control characters, runs of blanks as one, none at the ends."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def normal_name(name: str) -> str:
    """Give the form in which names are compared: NFC, case folded, blanks collapsed."""
    return unicodedata.normalize("NFC", clean(name).casefold())
