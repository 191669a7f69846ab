"""How common names and years of birth are among the holder's own persons; learned row by row, unlearned as well."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from adapters.node.core.matching.sounds import keys

_PRIOR_ROWS: Final = 200
_PRIOR_NAME: Final = 1 / 1000
_PRIOR_YEAR: Final = 1 / 60
"""A small holder's rows say little, so it is reckoned as if it had 200 rows more, in which a name is borne by one in a
thousand and a year by one in sixty: with three rows no name is rare for being there once."""


class Frequencies:
    """Counts over the rows of one holder; a person counts once for each word of the names."""

    def __init__(self) -> None:
        """Begin with no rows."""
        self.rows = 0
        self._words: Counter[str] = Counter()
        self._tones: Counter[str] = Counter()
        self._years: Counter[int] = Counter()

    def add(self, words: Iterable[str], year: int) -> None:
        """Count a row in."""
        self._count(words, year, 1)

    def remove(self, words: Iterable[str], year: int) -> None:
        """Count a row out again that was counted in with the same words and year."""
        self._count(words, year, -1)

    def _count(self, words: Iterable[str], year: int, step: int) -> None:
        self.rows += step
        counts: list[tuple[Counter[str], str]] = []
        for word in words:
            counts += [(self._words, word), (self._tones, _tone(word))]
        for counter, key in counts:
            counter[key] += step
            if not counter[key]:
                del counter[key]
        self._years[year] += step

    def bearers(self, word: str) -> int:
        """Give how many rows have the word in a name."""
        return self._words[word]

    def share(self, word: str) -> float:
        """Give the share of persons who bear the word, above 0."""
        return self._share(self._words[word], _PRIOR_NAME)

    def share_of_sound(self, word: str) -> float:
        """Give the share of persons who bear a word of about this sound, above 0."""
        return self._share(self._tones[_tone(word)], _PRIOR_NAME)

    def share_of_year(self, year: int) -> float:
        """Give the share of persons born in a year, above 0."""
        return self._share(self._years[year], _PRIOR_YEAR)

    def years(self) -> Iterable[int]:
        """Give the years in which anybody was born, 0 for those whose year nobody knows."""
        return self._years.keys()

    def _share(self, count: int, prior: float) -> float:
        return (count + _PRIOR_ROWS * prior) / (self.rows + _PRIOR_ROWS)


def _tone(word: str) -> str:
    """Give a key that words of the same sound mostly share: the consonants, and whether a vowel ends the word."""
    return keys(word)[0] + ("A" if word.endswith(("A", "E", "I", "O", "U", "Y")) else "")
