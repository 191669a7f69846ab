"""How alike two name words are, and how the words of two name fields belong to each other."""

from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA, JaroWinkler

from adapters.node.core.matching.names import Words
from adapters.node.core.matching.sounds import SAME, distance, keys

_LONG: Final = 5
_VERY_LONG: Final = 7
_CLOSE_COST: Final = 12
_LOOSE_COST: Final = 20
_LOOSE_JARO_WINKLER: Final = 0.88
_WORTH_A_LOOK: Final = 0.6
"""Words that share no consonants and are less similar than this are never more than DIFFERENT."""
_ARTICLE: Final = ("AL", "EL")
_WITH_ARTICLE: Final = 6

_EQUIVALENTS: Final = (
    ("MYKOLA", "NIKOLAI", "NIKOLAY"),
    ("DMYTRO", "DMITRII", "DMITRI"),
    ("VOLODYMYR", "VLADIMIR"),
    ("PETRO", "PETR", "PIOTR", "PYOTR"),
    ("PAVLO", "PAVEL"),
    ("NADIIA", "NADEZHDA"),
    ("KATERYNA", "EKATERINA", "YEKATERINA"),
    ("OLEKSANDR", "ALEKSANDR", "ALEXANDER"),
    ("HANNA", "ANNA"),
    ("OLENA", "ELENA", "JELENA"),
    ("VASYL", "VASILII", "VASILIY"),
)
"""Names with a Ukrainian and a Russian form that differ by more than sound; each is found in any romanisation."""


class Likeness(IntEnum):
    """How alike two words are; a greater one is the stronger evidence."""

    DIFFERENT = 0
    LOOSE = 1
    """More than one slip apart, but long and similar."""
    CLOSE = 2
    """One letter apart, or one vowel heard otherwise: a slip, or another name."""
    CLOSE_LONG = 3
    """As CLOSE, in words so long that two names are seldom so near."""
    SAME_SOUND = 4
    """The same name in another romanisation."""
    EXACT = 5


class Pair(NamedTuple):
    """Two words laid side by side."""

    mine: str
    theirs: str
    likeness: Likeness


class Alignment(NamedTuple):
    """The words of two fields laid side by side, and those left over on each side."""

    pairs: tuple[Pair, ...]
    left_mine: Words
    left_theirs: Words

    @property
    def clash(self) -> bool:
        """Tell whether both sides have a word the other lacks."""
        return bool(self.left_mine and self.left_theirs)

    @property
    def weakest(self) -> Likeness:
        """Give the likeness of the worst pair; DIFFERENT where there is none."""
        return min((pair.likeness for pair in self.pairs), default=Likeness.DIFFERENT)


@lru_cache(maxsize=1 << 16)
def likeness(one: str, other: str) -> Likeness:
    """Compare two words in search form; the order does not matter."""
    if one == other:
        return Likeness.EXACT
    similarity = JaroWinkler.similarity(one, other)
    cost = _cost(one, other)
    if cost > _LOOSE_COST and similarity < _WORTH_A_LOOK:
        return Likeness.DIFFERENT
    if cost <= SAME or not _equivalents(one).isdisjoint(_equivalents(other)):
        return Likeness.SAME_SOUND
    slips = OSA.distance(one, other, score_cutoff=2)
    shorter = min(len(one), len(other))
    if cost <= _CLOSE_COST or (slips <= 1 and shorter > 2):  # noqa: PLR2004 -- of two letters one is half the name
        return Likeness.CLOSE_LONG if shorter >= _VERY_LONG else Likeness.CLOSE
    similar = cost <= _LOOSE_COST or slips <= 2 or similarity >= _LOOSE_JARO_WINKLER  # noqa: PLR2004 -- two slips
    return Likeness.LOOSE if similar and shorter >= _LONG else Likeness.DIFFERENT


def _cost(one: str, other: str) -> int:
    """Give the distance of sound, with or without an article grown on; words without a common key are not compared."""
    if _key_set(one).isdisjoint(_key_set(other)):
        return _LOOSE_COST + 1
    return min(distance(mine, theirs) for mine in _readings(one) for theirs in _readings(other))


@lru_cache(maxsize=1 << 15)
def word_keys(word: str) -> tuple[str, ...]:
    """Give the keys under which a word is filed: its skeletons, with and without what may be a grown-on article."""
    return tuple(dict.fromkeys(key for reading in _readings(word) for key in keys(reading)))


def share_key(mine: Words, theirs: Words) -> bool:
    """Tell whether any word of one field may sound like any of the other; cheap, and wrong only for mistyped words."""
    return any(not _key_set(one).isdisjoint(_key_set(other)) for one in mine for other in theirs)


@lru_cache(maxsize=1 << 15)
def _key_set(word: str) -> frozenset[str]:
    return frozenset(word_keys(word))


def _readings(word: str) -> Words:
    return (word, word[2:]) if len(word) >= _WITH_ARTICLE and word.startswith(_ARTICLE) else (word,)


@lru_cache(maxsize=1 << 14)
def _equivalents(word: str) -> frozenset[int]:
    """Give the places in `_EQUIVALENTS` a word may stand for."""
    return frozenset(
        place
        for place, forms in enumerate(_EQUIVALENTS)
        if any(not set(keys(form)).isdisjoint(keys(word)) and distance(form, word) <= SAME for form in forms)
    )


def is_slip(pair: Pair) -> bool:
    """Tell whether two words, both long enough to tell, are one mistyped letter apart."""
    return min(len(pair.mine), len(pair.theirs)) >= _LONG and OSA.distance(pair.mine, pair.theirs, score_cutoff=1) <= 1


def align(mine: Words, theirs: Words) -> Alignment:
    """Lay the words of two fields side by side, the most alike first; words that are DIFFERENT are left over.

    Where one side has more words, both sides may also fit as one word each: `Anna Maria` and `Annamaria`.
    """
    if len(mine) == 1 and len(theirs) == 1:
        alike = likeness(mine[0], theirs[0])
        return Alignment((Pair(mine[0], theirs[0], alike),), (), ()) if alike else Alignment((), mine, theirs)
    chosen: list[Pair] = []
    left_mine, left_theirs = list(mine), list(theirs)
    for pair in _pairs(mine, theirs):
        if pair.mine in left_mine and pair.theirs in left_theirs:
            chosen.append(pair)
            left_mine.remove(pair.mine)
            left_theirs.remove(pair.theirs)
    best = max((pair.likeness for pair in chosen), default=Likeness.DIFFERENT)
    if len(mine) != len(theirs) and mine and theirs and best < Likeness.SAME_SOUND:
        whole = Pair("".join(mine), "".join(theirs), likeness("".join(mine), "".join(theirs)))
        if whole.likeness >= max(best, Likeness.CLOSE):
            return Alignment((whole,), (), ())
    return Alignment(tuple(chosen), tuple(left_mine), tuple(left_theirs))


def _pairs(mine: Words, theirs: Words) -> list[Pair]:
    """Give all pairs that are not DIFFERENT, the most alike first; of equal ones those that stand in the same order."""
    pairs = [
        (-alike, abs(place - there), place, Pair(one, other, alike))
        for place, one in enumerate(mine)
        for there, other in enumerate(theirs)
        if (alike := likeness(one, other))
    ]
    return [pair for *_, pair in sorted(pairs)]
