"""Which rows are worth comparing: those of the same birth date, and those with a name and a year in common.

Rows are small integers. A row is filed under its birth date where that is full, and under each consonant skeleton of
each name word with the year of birth, 0 where that is not known. Posting lists with one row are kept as the bare
number, which saves most of the memory.
"""

from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from adapters.node.core.matching.dates import NOT_KNOWN, Birth, is_full, year_of
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
        self._by_date: _Postings[int] = _Postings()
        self._by_name: _Postings[str] = _Postings()
        self._dates = array("i")

    def add(self, row: int, words: Iterable[str], date: int) -> None:
        """File a row; numbers of rows are used from 0 upwards, and again."""
        if row == len(self._dates):
            self._dates.append(date)
        self._dates[row] = date
        if is_full(date):
            self._by_date.add(date, row)
        for key in _keys(words, year_of(date)):
            self._by_name.add(key, row)

    def remove(self, row: int, words: Iterable[str]) -> None:
        """Take a row out that was filed under the same words."""
        date = self._dates[row]
        if is_full(date):
            self._by_date.remove(date, row)
        for key in _keys(words, year_of(date)):
            self._by_name.remove(key, row)

    def find(self, words: frozenset[str], birth: Birth, years: Iterable[int]) -> set[int]:
        """Give the rows worth comparing; `years` are those in which the holder has anybody.

        A row of the same full date is always worth it. With a year in common it takes two name words, or one word and
        a date that one slip explains; a person with one word only needs that one.
        """
        found = set(self._by_date.get(birth.date)) if is_full(birth.date) else set()
        needed = min(_FULL_MATCH, len(words))
        year = year_of(birth.date)
        for there in birth.years().intersection(years) | {NOT_KNOWN} if year else years:
            common = not year or there == NOT_KNOWN or abs(there - year) <= 1
            for row, hits in self._hits(words, there).items():
                if (common and hits >= needed) or self._dates[row] in birth.slips:
                    found.add(row)
        return found

    def _hits(self, words: frozenset[str], year: int) -> Counter[int]:
        """Count for the rows of a year how many of the words they share."""
        hits: Counter[int] = Counter()
        for word in words:
            hits.update({row for key in _word_keys(word) for row in self._by_name.get(f"{key}{year}")})
        return hits


def _keys(words: Iterable[str], year: int) -> Iterator[str]:
    """Give the keys under which words and a year are filed, each once."""
    return iter({f"{key}{year}" for word in words for key in _word_keys(word)})


def _word_keys(word: str) -> tuple[str, ...]:
    if len(word) >= _WITH_ARTICLE and word.startswith(_ARTICLE):
        return (*keys(word), *keys(word[2:]))
    return keys(word)
