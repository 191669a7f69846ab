"""Days in three calendars, for the slips of the error model only; a day's error does not matter. Frozen.

Solar Hijri with the year beginning on 21 March; lunar Hijri in the tabular form (30-year cycle, epoch 16 July 622);
Ethiopian with the year beginning on 29 August of the Julian calendar. See ERROR_MODEL.md.
"""

from datetime import date
from typing import Final, NamedTuple

_LONG_MONTHS: Final = 6
_EPOCH_ISLAMIC: Final = 227_015
_EPOCH_ETHIOPIC: Final = 2796


class Day(NamedTuple):
    """Year, month and day of a calendar."""

    year: int
    month: int
    day: int


def solar_hijri(born: date) -> Day:
    """Give a day in the calendar of Iran and Afghanistan."""
    begins = date(born.year, 3, 21)
    year = born.year - 621
    if born < begins:
        begins, year = date(born.year - 1, 3, 21), year - 1
    since = (born - begins).days
    if since < _LONG_MONTHS * 31:
        return Day(year, since // 31 + 1, since % 31 + 1)
    since -= _LONG_MONTHS * 31
    return Day(year, since // 30 + 7, since % 30 + 1)


def lunar_hijri(born: date) -> Day:
    """Give a day in the tabular Islamic calendar."""
    since = born.toordinal() - _EPOCH_ISLAMIC
    year = (30 * since + 10_646) // 10_631
    left = since - (354 * (year - 1) + (3 + 11 * year) // 30)
    month = min(12, (11 * left + 330) // 325)
    return Day(year, month, left - (29 * (month - 1) + month // 2) + 1)


def ethiopian(born: date) -> Day:
    """Give a day in the calendar of Ethiopia and Eritrea."""
    since = born.toordinal() - _EPOCH_ETHIOPIC
    year = (4 * since + 1463) // 1461
    left = since - (365 * (year - 1) + year // 4)
    return Day(year, left // 30 + 1, left % 30 + 1)
