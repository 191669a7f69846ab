"""What each agreement and disagreement is worth, after Fellegi and Sunter (1969).

A weight is the binary logarithm of how much more often something is seen between two records of one person than
between records of two persons. The first share was learned on pairs of records, the second for exact agreements comes
from the holder's own rows: a rare name proves more. The sum, less the logarithm of the number of rows, is the score in
bits: by how much it is likelier than not that this row is the person, before other rows are looked at.
"""

from dataclasses import dataclass
from math import log2
from typing import Final

from adapters.node.core.matching.compare import Comparison, NameMatch
from adapters.node.core.matching.dates import DateKind
from adapters.node.core.matching.frequencies import Frequencies
from adapters.node.core.matching.likeness import Alignment, Likeness, Pair

_SPAN: Final = {DateKind.EQUAL: 365.0, DateKind.SAME_MONTH: 12.0, DateKind.SAME_YEAR: 1.0}
"""Among how many dates of one year those who agree so far have met by chance."""


@dataclass(frozen=True, slots=True)
class NameWeights:
    """Bits of one name field. `levels` by `Likeness`; those of the two highest are added to the rarity of the name.

    `spare`: one side has a word more. `clash`: each side has a word the other lacks, beside words that agree.
    """

    levels: tuple[float, float, float, float, float, float]
    spare: float
    clash: float


@dataclass(frozen=True, slots=True)
class Weights:
    """All learned numbers, in bits; `dates` by `DateKind`, those of compatible dates are added to the date's rarity.

    `certain_bits`: least score for an automatic answer. `margin_bits`: what the best row must be ahead of the next.
    `band_bits`: least score for the list a human looks at.
    """

    given: NameWeights
    family: NameWeights
    crossed: float
    alias: float
    dates: tuple[float, ...]
    sex: tuple[float, float]
    country: tuple[float, float]
    certain_bits: float
    margin_bits: float
    band_bits: float

    def score(self, found: Comparison, years: tuple[int, int], learned: Frequencies) -> float:
        """Give the score of a comparison in bits; `years` are the two years of birth, 0 where not known."""
        bits = self.names(found.names, learned) + self.date(found.date, years, learned)
        if found.sex is not None:
            bits += self.sex[found.sex]
        if found.country is not None:
            bits += self.country[found.country]
        return bits - log2(max(1, learned.rows))

    def names(self, names: NameMatch, learned: Frequencies) -> float:
        """Give the bits of one way to lay two persons' names side by side."""
        bits = _field(names.given, self.given, learned) + _field(names.family, self.family, learned)
        if names.given.pairs and names.family.pairs:
            bits -= log2(learned.together(names.given.pairs[0].theirs, names.family.pairs[0].theirs))
        return bits + self.crossed * names.crossed + self.alias * names.alias

    def date(self, kind: DateKind, years: tuple[int, int], learned: Frequencies) -> float:
        """Give the bits of two birth dates."""
        bits = self.dates[kind]
        if kind in _SPAN:
            bits += log2(_SPAN[kind] / learned.share_of_year(years[1]))
        return bits


def _field(found: Alignment, weights: NameWeights, learned: Frequencies) -> float:
    if not found.pairs:
        return weights.levels[Likeness.DIFFERENT] if found.clash else 0.0
    bits = sum(_pair(pair, weights, learned) for pair in found.pairs)
    if found.clash:
        return bits + weights.clash
    return bits + weights.spare * bool(found.left_mine or found.left_theirs)


def _pair(pair: Pair, weights: NameWeights, learned: Frequencies) -> float:
    level = weights.levels[pair.likeness]
    if pair.likeness == Likeness.EXACT:
        return level - log2(learned.share(pair.mine))
    rarity = -log2(max(learned.share_of_sound(pair.mine), learned.share_of_sound(pair.theirs)))
    if pair.likeness == Likeness.SAME_SOUND:
        return level + rarity
    return min(level, weights.levels[Likeness.SAME_SOUND] + rarity)


DEFAULT: Final = Weights(
    given=NameWeights(levels=(-8.56, -1.05, 3.23, 2.67, -2.09, -0.45), spare=-1.88, clash=-7.08),
    family=NameWeights(levels=(-4.95, 0.60, 3.41, 3.71, -2.01, -0.55), spare=-0.78, clash=-8.17),
    crossed=-4.70,
    alias=-6.83,
    dates=(0.0, -0.09, -0.12, -0.12, 7.57, 7.27, 3.03, 3.93, 0.98, -6.92),
    sex=(-6.47, 0.98),
    country=(-1.15, 0.03),
    certain_bits=5.0,
    margin_bits=7.0,
    band_bits=-4.0,
)
"""Learned by `python -m tests.benchmarks.matching.learn_default` on invented names the benchmark does not use."""
