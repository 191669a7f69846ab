"""From what stands in two name fields to words that can be compared.

Left out are placeholders for a missing name, articles and particles, East Slavic patronymics among given names. Joined
to one word are Abd al-Rahman, Abu Bakr, Alim-zada. What stands in the wrong field is the comparison's business.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.latin import search_form

Words = tuple[str, ...]
"""The words of one name field, in search form."""

MAX_WORDS: Final = 6
"""Words of one field that are compared; nobody is told apart by the seventh."""

_PLACEHOLDERS: Final = frozenset("X" * n for n in (2, 3, 4)) | frozenset(
    "FNU LNU NN NONAME OHNE UNBEKANNT UNKNOWN NICHT BEKANNT NACHNAME VORNAME NAMENLOS".split()  # noqa: SIM905 -- a list of words
)
_PARTICLES: Final = frozenset(
    "AL EL UL AS AR AD ASH AT BIN BEN IBN BINT BINTI OULD DE DA DI DO DOS DEL DER DEN VAN VON ZU ZUM ZUR LA LE".split()  # noqa: SIM905 -- a list of words
)
_SERVANT: Final = re.compile(r"^ABD(?:[AEU]?[LRSNDTZ]|OUL|OOL|U)?$")
_JOINED_SERVANT: Final = re.compile(r"^ABD(?:UL|OUL|OOL|EL|AL|IL|OL|[UEAO](?=([RSNDTZ])\1))(?=.{3})")
_FATHER: Final = frozenset({"ABU", "ABOU", "ABO", "UMM", "OM"})
_SONS: Final = re.compile(r"^(?:ZADA|ZADE|ZADEH|ZADAH|OGLU|OGHLU|OGULLARI|PUR|POUR|POOR)$")
_PATRONYMIC: Final = re.compile(
    r".{2}(?:OVYCH|OVICH|EVICH|YOVYCH|IOVYCH|OVYC|OVIC|EVIC|OWYTSCH|OWITSCH|EWITSCH|JOWYTSCH|OVYTSCH|IVNA|YIVNA|YVNA"
    r"|JIWNA|IWNA|YIWNA|OVNA|EVNA|OWNA|EWNA|IINA|ICHNA|INICHNA)$"
)


class Names(NamedTuple):
    """A person's names as words: given names, and the family name followed by other names under which to look."""

    given: Words
    families: tuple[Words, ...]

    @classmethod
    def of(cls, given_names: str, family_name: str, other_names: Iterable[str] = ()) -> "Names":
        """Read the names of a person; the first of `families` is the family name and may have no words."""
        others = (words(name) for name in other_names)
        return cls(given_words(given_names), (words(family_name), *(one for one in others if one)))

    def all_words(self) -> frozenset[str]:
        """Give every word under which the person may be found."""
        return frozenset(self.given).union(*self.families)


@lru_cache(maxsize=1 << 14)
def words(name: str) -> Words:
    """Give the words of a name field, at most `MAX_WORDS`."""
    parts = [part for part in search_form(name).split() if part not in _PLACEHOLDERS and any(map(str.isalpha, part))]
    if all(part == "N" for part in parts):
        return ()
    return tuple(_joined(parts) or parts)[:MAX_WORDS]


@lru_cache(maxsize=1 << 14)
def given_words(name: str) -> Words:
    """Give the words of the given names: as `words`, without patronymics after the first."""
    found = words(name)
    return found[:1] + tuple(word for word in found[1:] if _PATRONYMIC.search(word) is None)


def _joined(parts: Iterable[str]) -> list[str]:
    """Leave particles out and join what belongs together."""
    found: list[str] = []
    lead = ""
    for part in parts:
        if lead and part in _PARTICLES:
            continue
        if not lead and _SERVANT.match(part):
            lead = "ABD"
        elif not lead and part in _FATHER:
            lead = "ABU"
        elif found and not lead and _SONS.match(part):
            found[-1] += part
        elif part not in _PARTICLES:
            found.append(lead + _JOINED_SERVANT.sub("ABD", part))
            lead = ""
    return found + ([lead] if lead else [])
