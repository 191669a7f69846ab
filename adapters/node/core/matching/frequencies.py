"""How common names and years of birth are among the holder's own persons; learned row by row, unlearned as well."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeVar

from adapters.node.core.matching.names import Names
from adapters.node.core.matching.sounds import keys

K = TypeVar("K", int, str)

_PRIOR_ROWS: Final = 200
_PRIOR_NAME: Final = 1 / 1000
_PRIOR_YEAR: Final = 1 / 60
_PRIOR_AGAIN: Final = 0.1
"""A small holder's rows say little, so it is reckoned as if it had 200 rows more, in which a name is borne by one in a
thousand, a year by one in sixty, and every tenth whole name by somebody else as well: with three rows no name is rare
for being there once."""


class Frequencies:
    """Counts over the rows of one holder; a person counts once for each word of the names.

    Given and family names go together: who is called Olena is seldom called Tesfay. So whole names, the first word of
    each field, are counted too, and what their chance is is learned from how many are there once and twice (Good 1953).
    """

    def __init__(self) -> None:
        """Begin with no rows."""
        self.rows = 0
        self._words: Counter[str] = Counter()
        self._tones: Counter[str] = Counter()
        self._wholes: Counter[str] = Counter()
        self._times: Counter[int] = Counter()
        self._years: Counter[int] = Counter()

    def add(self, names: Names, year: int) -> None:
        """Count a row in."""
        self._count(names, year, 1)

    def remove(self, names: Names, year: int) -> None:
        """Count a row out again that was counted in with the same names and year."""
        self._count(names, year, -1)

    def _count(self, names: Names, year: int, step: int) -> None:
        self.rows += step
        _step(self._years, year, step)
        for word in names.all_words():
            _step(self._words, word, step)
            _step(self._tones, _tone(word), step)
        if names.given and names.families[0]:
            whole = _whole(names.given[0], names.families[0][0])
            self._times[self._wholes[whole]] -= 1
            _step(self._wholes, whole, step)
            self._times[self._wholes[whole]] += 1

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

    def together(self, given: str, family: str) -> float:
        """Give how much more often the two words of a row's whole name come together than chance would have it."""
        again = (2 * self._times[2] + _PRIOR_ROWS * _PRIOR_AGAIN) / (self._times[1] + _PRIOR_ROWS)
        bearers = max(0.0, self._wholes[_whole(given, family)] - 1 + again)
        whole = bearers / (self.rows + _PRIOR_ROWS)
        return max(1.0, whole / (self.share_of_sound(given) * self.share_of_sound(family)))

    def years(self) -> Iterable[int]:
        """Give the years in which anybody was born, 0 for those whose year nobody knows."""
        return self._years.keys()

    def _share(self, count: int, prior: float) -> float:
        return (count + _PRIOR_ROWS * prior) / (self.rows + _PRIOR_ROWS)


def _step(counter: Counter[K], key: K, step: int) -> None:
    """Count on or back; what is counted back to nothing is forgotten."""
    counter[key] += step
    if not counter[key]:
        del counter[key]


def _whole(given: str, family: str) -> str:
    """Give the key of a whole name, whichever field its words stand in."""
    return " ".join(sorted((_tone(given), _tone(family))))


def _tone(word: str) -> str:
    """Give a key that words of the same sound mostly share: the consonants, and whether a vowel ends the word."""
    return keys(word)[0] + ("A" if word.endswith(("A", "E", "I", "O", "U", "Y")) else "")
