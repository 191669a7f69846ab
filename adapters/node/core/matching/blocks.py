"""Which rows are worth comparing: those of the same birth date, and those with a name and a time of birth in common.

Rows are small integers. A row is filed under its birth date where that is full, and under each consonant skeleton of
each name word with the date as far as it is known, and with the year; 0 stands for both where nothing is known. Posting
lists with one row are kept as the bare number, which saves most of the memory.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Final, Generic, TypeVar

from adapters.node.core.matching.dates import Birth, is_full, year_of
from adapters.node.core.matching.likeness import word_keys

_ENOUGH: Final = 2
"""Name words in common that make a row worth a look though its birth date disagrees or is known in part."""

MAX_ROWS: Final = 100
"""Rows of the same names that are compared where the birth date does not tell them apart; each of so many is unlikely
to be the person, so what is cut off could not be shown to anybody."""

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

    def add(self, row: int, words: Iterable[str], date: int) -> None:
        """File a row."""
        if is_full(date):
            self._by_date.add(date, row)
        for key in _keys(words, date):
            self._by_name.add(key, row)

    def remove(self, row: int, words: Iterable[str], date: int) -> None:
        """Take a row out that was filed under the same words and date."""
        if is_full(date):
            self._by_date.remove(date, row)
        for key in _keys(words, date):
            self._by_name.remove(key, row)

    def find(self, words: frozenset[str], birth: Birth, years: Iterable[int]) -> set[int]:
        """Give the rows worth comparing; `years` are those in which the holder has anybody.

        A row of the same full date is always worth it. One name word in common is enough where a single slip explains
        the date, two where a date known only in part may be the same; a person with one word only needs that one. Of
        the last, those with most words in common come first and at most `MAX_ROWS` are given.
        """
        names = [key for word in words for key in word_keys(word)]
        found = set(self._by_date.get(birth.date)) if is_full(birth.date) else set()
        for slip in birth.slips:
            for name in names:
                found.update(self._by_name.get(f"{name}{slip}"))
        hits: Counter[int] = Counter()
        for when in birth.periods() if birth.date else years:
            for word in words:
                hits.update({row for key in word_keys(word) for row in self._by_name.get(f"{key}{when}")})
        needed = min(_ENOUGH, len(words))
        enough = sorted((-count, row) for row, count in hits.items() if count >= needed)
        return found.union(row for _, row in enough[:MAX_ROWS])


def _keys(words: Iterable[str], date: int) -> set[str]:
    """Give the keys under which words and a date are filed: with the date as far as it is known, and with the year."""
    return {f"{key}{when}" for word in words for key in word_keys(word) for when in (date, year_of(date))}
