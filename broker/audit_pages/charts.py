"""Counts as bars: where each of them lies and how long it is, in the units of an SVG. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

WIDTH: Final = 320
"""As wide as the narrowest screen, so that letters are never drawn smaller than they are set."""
ROW: Final = 44


class Bar(NamedTuple):
    """One count: `short` stands in the picture, `name` in the table; `y` is its top and `length` its length."""

    short: str
    name: str
    value: int
    y: int
    length: int


class Chart(NamedTuple):
    """The bars of one chart, the longest first; `key` names its texts."""

    key: str
    bars: list[Bar]
    width: int
    height: int


def chart(key: str, counts: Iterable[tuple[str, str, int]]) -> Chart:
    """Draw counts, each with its short and its whole name; none at all make an empty chart."""
    ordered = sorted((one for one in counts if one[2]), key=lambda one: (-one[2], one[0]))
    most = max((value for _, _, value in ordered), default=1)
    bars = [
        Bar(short, name, value, place * ROW, max(1, value * WIDTH // most))
        for place, (short, name, value) in enumerate(ordered)
    ]
    return Chart(key, bars, WIDTH, len(bars) * ROW)
