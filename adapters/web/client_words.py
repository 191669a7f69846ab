"""The shipped words of the fourteen languages, read from the package once, with the hash of each file.

The hash is what an approval of a text names: SHA-256 of the file's bytes.
"""

from functools import cache
from importlib.resources import files

from schemas.client_texts import LANGUAGES, Shipped, parse_words
from schemas.commitment import sha256


@cache
def shipped_words() -> dict[str, Shipped]:
    """Give the words of every language; Malformed names what is wrong in a file."""
    folder = files("schemas") / "texts"
    found: dict[str, Shipped] = {}
    for language in LANGUAGES:
        raw = (folder / f"{language}.toml").read_bytes()
        found[language] = Shipped(parse_words(raw.decode(), f"{language}.toml"), sha256(raw))
    return found
