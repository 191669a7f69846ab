"""The shape of a pool of names of one origin. Frozen, see ERROR_MODEL.md."""

from typing import Final, NamedTuple

Weighted = tuple[tuple[str, int], ...]
"""Names, each with how often it is drawn: the one at place k with weight 1/(k + 2)."""

_UNIT: Final = 5040


class Pool(NamedTuple):
    """Given names of women and men, stems and endings of family names; where endings are empty, stems are names."""

    women: Weighted
    men: Weighted
    stems: Weighted
    endings: Weighted


def pool(women: str, men: str, stems: str, endings: str) -> Pool:
    """Read a pool from words; `_` is an empty ending."""
    return Pool(_weighted(women), _weighted(men), _weighted(stems), _weighted(endings))


def _weighted(words: str) -> Weighted:
    names = (word.replace("_", "") for word in words.split())
    return tuple((name, _UNIT // (place + 2)) for place, name in enumerate(names))
