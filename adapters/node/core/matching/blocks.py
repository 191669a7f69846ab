"""Which rows are worth comparing: those of the same birth date, and those with a name and a year in common.

Rows are small integers. A row is filed under its birth date where that is full, and under each consonant skeleton of
each name word with the year of birth, 0 where that is not known. Posting lists with one row are kept as the bare
number, which saves most of the memory.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from adapters.node.core.matching.dates import NOT_KNOWN, Birth, DateKind, is_full, year_of
from adapters.node.core.matching.sounds import keys

_ARTICLE: Final = ("AL", "EL")
_WITH_ARTICLE: Final = 6
_FULL_MATCH: Final = 2
"""Names in common that make a row worth a look though its birth date disagrees or is known in part."""

K = TypeVar("K", bound=Hashable)


class _Postings(Generic[K]):
    """Lists of rows under keys."""

    def __init__(self) -> None:
        self._lists: dict[K, int | list[int]] = {}

    def add(self, key: K, row: int) -> None:
        held = self._lists.get(key)
        if held is None:
            self._lists[key] = row
        elif isinstance(held, int):
            self._lists[key] = [held, row]
        else:
            held.append(row)

    def remove(self, key: K, row: int) -> None:
        held = self._lists[key]
        if isinstance(held, int) or held == [row]:
            del self._lists[key]
        else:
            held.remove(row)

    def get(self, key: K) -> list[int]:
        held = self._lists.get(key, [])
        return [held] if isinstance(held, int) else held


class Blocks:
    """The index proper: from what one asks with to the rows that may answer."""

    def __init__(self) -> None:
        """Begin empty."""
        self._dates: _Postings[int] = _Postings()
        self._names: _Postings[str] = _Postings()
        self._date_of: dict[int, int] = {}

    def add(self, row: int, words: Iterable[str], date: int) -> None:
        """File a row."""
        self._date_of[row] = date
        if is_full(date):
            self._dates.add(date, row)
        for key in _keys(words, year_of(date)):
            self._names.add(key, row)

    def remove(self, row: int, words: Iterable[str]) -> None:
        """Take a row out that was filed under the same words."""
        date = self._date_of.pop(row)
        if is_full(date):
            self._dates.remove(date, row)
        for key in _keys(words, year_of(date)):
            self._names.remove(key, row)

    def find(self, words: frozenset[str], birth: Birth, years: Iterable[int]) -> set[int]:
        """Give the rows worth comparing; `years` are those in which the holder has anybody.

        A row of the same full date is always worth it. With a year in common it takes two name words, or one word and
        a date that one slip explains; a person with one word only needs that one.
        """
        found = set(self._dates.get(birth.date)) if is_full(birth.date) else set()
        needed = min(_FULL_MATCH, len(words))
        known = birth.years()
        near = {year_of(birth.date) + off for off in (-1, 0, 1)}
        for year in years:
            if known and year not in known and year != NOT_KNOWN:
                continue
            always = not known or year in near or year == NOT_KNOWN
            for row, hits in self._hits(words, year).items():
                if (always and hits >= needed) or birth.kind(self._date_of[row]) in _ONE_SLIP:
                    found.add(row)
        return found

    def _hits(self, words: frozenset[str], year: int) -> Counter[int]:
        """Count for the rows of a year how many of the words they share."""
        hits: Counter[int] = Counter()
        for word in words:
            hits.update({row for key in _word_keys(word) for row in self._names.get(f"{key}{year}")})
        return hits


_ONE_SLIP: Final = frozenset({DateKind.SWAPPED, DateKind.OFF_BY_YEAR, DateKind.CALENDAR, DateKind.TYPO})


def _keys(words: Iterable[str], year: int) -> Iterator[str]:
    """Give the keys under which words and a year are filed, each once."""
    return iter({f"{key}{year}" for word in words for key in _word_keys(word)})


def _word_keys(word: str) -> tuple[str, ...]:
    if len(word) >= _WITH_ARTICLE and word.startswith(_ARTICLE):
        return (*keys(word), *keys(word[2:]))
    return keys(word)
