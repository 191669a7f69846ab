"""Other calendars than the Gregorian, reckoned over day numbers: what a date looks like where it was first written.

Solar Hijri (Iran, Afghanistan) in its 33-year cycle, lunar Hijri in the tabular form with the civil epoch, Ethiopian
(also Eritrea). The first two may differ from an almanac by a day. A date is a triple of year, month and day; a day
number counts days, 1 for 1 January of the year 1 of the Gregorian calendar continued backwards.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

_SOLAR_EPOCH: Final = 226_895
_LUNAR_EPOCH: Final = 227_014
_ETHIOPIAN_EPOCH: Final = 2795
_MONTHS_BEFORE: Final = (0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LONG_DAYS: Final = 186
"""The days of the first six months of the solar Hijri year, 31 each."""


class Day(NamedTuple):
    """A day of some calendar."""

    year: int
    month: int
    day: int


class Calendar(NamedTuple):
    """A calendar: the day number of one of its days, and back."""

    number: Callable[[Day], int]
    day: Callable[[int], Day]

    def has(self, day: Day) -> bool:
        """Tell whether the calendar has such a day."""
        return self.day(self.number(day)) == day


def _gregorian_number(day: Day) -> int:
    before = day.year - 1
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    month = max(1, min(day.month, 12))
    late = leap and month > 2  # noqa: PLR2004 -- the leap day is the last of February
    return 365 * before + before // 4 - before // 100 + before // 400 + _MONTHS_BEFORE[month] + late + day.day


def _gregorian_day(number: int) -> Day:
    year = number * 400 // 146_097
    while _gregorian_number(Day(year + 1, 1, 1)) <= number:
        year += 1
    month = min(12, (number - _gregorian_number(Day(year, 1, 1))) // 28 + 1)
    while _gregorian_number(Day(year, month, 1)) > number:
        month -= 1
    return Day(year, month, number - _gregorian_number(Day(year, month, 1)) + 1)


def _solar_year_begins(year: int) -> int:
    return _SOLAR_EPOCH + 365 * (year - 1) + (8 * year + 21) // 33


def _solar_number(day: Day) -> int:
    before = (day.month - 1) * 31 if day.month <= 7 else _LONG_DAYS + (day.month - 7) * 30  # noqa: PLR2004 -- see above
    return _solar_year_begins(day.year) + before + day.day - 1


def _solar_day(number: int) -> Day:
    year = (number - _SOLAR_EPOCH) * 33 // 12_053
    while _solar_year_begins(year + 1) <= number:
        year += 1
    since = number - _solar_year_begins(year)
    if since < _LONG_DAYS:
        return Day(year, since // 31 + 1, since % 31 + 1)
    return Day(year, (since - _LONG_DAYS) // 30 + 7, (since - _LONG_DAYS) % 30 + 1)


def _lunar_number(day: Day) -> int:
    return (
        _LUNAR_EPOCH
        + 354 * (day.year - 1)
        + (3 + 11 * day.year) // 30
        + 29 * (day.month - 1)
        + day.month // 2
        + day.day
    )


def _lunar_day(number: int) -> Day:
    year = (30 * (number - _LUNAR_EPOCH - 1) + 10_646) // 10_631
    left = number - _lunar_number(Day(year, 1, 1))
    month = min(12, (11 * left + 330) // 325)
    return Day(year, month, number - _lunar_number(Day(year, month, 1)) + 1)


def _ethiopian_number(day: Day) -> int:
    return _ETHIOPIAN_EPOCH + 365 * (day.year - 1) + day.year // 4 + 30 * (day.month - 1) + day.day


def _ethiopian_day(number: int) -> Day:
    year = (4 * (number - _ETHIOPIAN_EPOCH - 1) + 1463) // 1461
    left = number - _ethiopian_number(Day(year, 1, 1))
    return Day(year, left // 30 + 1, left % 30 + 1)


GREGORIAN: Final = Calendar(_gregorian_number, _gregorian_day)
SOLAR_HIJRI: Final = Calendar(_solar_number, _solar_day)
LUNAR_HIJRI: Final = Calendar(_lunar_number, _lunar_day)
ETHIOPIAN: Final = Calendar(_ethiopian_number, _ethiopian_day)
