"""Birth dates known in full, to the month, to the year or not at all, and the ways in which two of them disagree.

A date is one number, `19900517`; `19900500` is a month, `19900000` a year, 0 is nothing known. **1 January counts as
the year alone**: it is what offices write when nobody knows the day (in 2020 the AZR had 416,420 such birthdays).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from adapters.node.core.matching.calendars import ETHIOPIAN, GREGORIAN, LUNAR_HIJRI, SOLAR_HIJRI, Calendar, Day
from schemas.record import IsoDate

NOT_KNOWN: Final = 0
LAST_FOREIGN_YEAR: Final = 1500
"""No Gregorian year of birth is below it, and no Hijri year of anybody alive above it."""

_YEAR: Final = 10_000
_MONTH: Final = 100
_MONTHS: Final = 12
_DAYS: Final = 31
_DIGITS: Final = 8
_ETHIOPIAN_LAG: Final = (-8, -7, 7, 8)


class DateKind(IntEnum):
    """How two birth dates stand to each other; a disagreement has the first kind of this list that explains it."""

    UNKNOWN = 0
    """One of them is not known."""
    EQUAL = 1
    """Known to the day and the same."""
    SAME_MONTH = 2
    """Compatible: the same as far as both are known, which is the month."""
    SAME_YEAR = 3
    """Compatible: the same as far as both are known, which is the year."""
    SWAPPED = 4
    """Day and month in each other's place."""
    OFF_BY_YEAR = 5
    """The same day, one year apart."""
    CALENDAR = 6
    """A slip between calendars: Ethiopian years 7 or 8 behind, Hijri years left as they were, or the year turned into
    a Gregorian one and month and day left."""
    TYPO = 7
    """One digit differs, or two that stand together are swapped."""
    NEAR_YEAR = 8
    """One year apart where one of them is not known to the day."""
    DIFFERENT = 9


COMPATIBLE: Final = frozenset({DateKind.EQUAL, DateKind.SAME_MONTH, DateKind.SAME_YEAR})


def read_date(text: IsoDate | None) -> int:
    """Give the number of a date as it is written in a person block; 1 January is the year alone."""
    if text is None:
        return NOT_KNOWN
    year, month, day = (*map(int, text.split("-")), 0, 0)[:3]
    return _number(Day(year, month, day)) or year * _YEAR + month * _MONTH


def year_of(date: int) -> int:
    """Give the year of a date, 0 where nothing is known."""
    return date // _YEAR


def is_full(date: int) -> bool:
    """Tell whether a date is known to the day."""
    return date % _MONTH != 0


@dataclass(frozen=True, slots=True)
class Birth:
    """The birth date one asks with, and every date it may have become by one slip."""

    date: int
    slips: Mapping[int, DateKind]

    @classmethod
    def of(cls, date: int) -> "Birth":
        """Work out the slips of a date."""
        slips = [one for one in _slips(date) if one[0] != date and is_full(one[0])] if is_full(date) else []
        return cls(date, dict(reversed(slips)))

    def kind(self, other: int) -> DateKind:
        """Tell how another date stands to this one; the same the other way round."""
        date = self.date
        if NOT_KNOWN in (date, other):
            return DateKind.UNKNOWN
        if is_full(date) and is_full(other):
            return DateKind.EQUAL if date == other else self.slips.get(other, DateKind.DIFFERENT)
        return _kind_of_parts(date, other)

    def periods(self) -> frozenset[int]:
        """Give the times under which a person of this birth date may be filed, beside the date itself and its slips.

        Where the date is full these are dates known in part, where it is not they are whole years; 0 is one of them.
        """
        year = year_of(self.date)
        years = {year - 1, year, year + 1, *_foreign_years(year)}
        if not is_full(self.date):
            return frozenset({NOT_KNOWN, *years})
        return frozenset({NOT_KNOWN, self.date // _MONTH * _MONTH, *(one * _YEAR for one in years)})


def _kind_of_parts(one: int, other: int) -> DateKind:
    """Compare two dates of which at least one is not known to the day."""
    first, second = sorted((year_of(one), year_of(other)))
    if first == second:
        months = {one % _YEAR // _MONTH, other % _YEAR // _MONTH}
        if 0 in months:
            return DateKind.SAME_YEAR
        return DateKind.SAME_MONTH if len(months) == 1 else DateKind.DIFFERENT
    if second - first == 1:
        return DateKind.NEAR_YEAR
    return DateKind.CALENDAR if first < LAST_FOREIGN_YEAR and second in _foreign_years(first) else DateKind.DIFFERENT


def _foreign_years(year: int) -> set[int]:
    """Give the Gregorian years of a Hijri year, or the Hijri years of a Gregorian one."""
    there = (GREGORIAN,) if year < LAST_FOREIGN_YEAR else (SOLAR_HIJRI, LUNAR_HIJRI)
    here = (SOLAR_HIJRI, LUNAR_HIJRI) if year < LAST_FOREIGN_YEAR else (GREGORIAN,)
    ends = [calendar.number(Day(turn, 1, 1)) - back for calendar in here for turn, back in ((year, 0), (year + 1, 1))]
    return {calendar.day(end).year for calendar in there for end in ends}


def _slips(date: int) -> Iterator[tuple[int, DateKind]]:
    """Give the dates that one slip away, the likelier explanation first."""
    year, month, day = born = Day(year_of(date), date % _YEAR // _MONTH, date % _MONTH)
    yield _number(Day(year, day, month)), DateKind.SWAPPED
    for off in (-1, 1):
        yield _number(Day(year + off, month, day)), DateKind.OFF_BY_YEAR
    for off in _ETHIOPIAN_LAG:
        yield _number(Day(year + off, month, day)), DateKind.CALENDAR
    for calendar in (SOLAR_HIJRI, LUNAR_HIJRI, ETHIOPIAN):
        for slip in (*_unturned(born, calendar), *_turned(born, calendar)):
            yield _number(slip), DateKind.CALENDAR
    yield from ((slip, DateKind.TYPO) for slip in _typos(date))


def _unturned(born: Day, calendar: Calendar) -> Iterator[Day]:
    """Give what a true Gregorian date becomes where it, or only its month and day, stays as in another calendar.

    Where a whole date was left as it was, a day more or less is allowed, since tables and almanacs differ by one.
    """
    if GREGORIAN.has(born):
        number = GREGORIAN.number(born)
        there = calendar.day(number)
        for off in (-1, 0, 1):
            yield calendar.day(number + off)
            yield Day(born.year + off, there.month, there.day)


def _turned(born: Day, calendar: Calendar) -> Iterator[Day]:
    """Give the true Gregorian dates that were written as this one: `_unturned` the other way round."""
    if calendar.has(born):
        for off in (-1, 0, 1):
            yield GREGORIAN.day(calendar.number(born) + off)
    first = calendar.day(GREGORIAN.number(Day(born.year - 1, 1, 1))).year
    last = calendar.day(GREGORIAN.number(Day(born.year + 1, 12, 31))).year
    for year in range(first, last + 1):
        unturned = Day(year, born.month, born.day)
        if calendar.has(unturned):
            origin = GREGORIAN.day(calendar.number(unturned))
            if abs(origin.year - born.year) <= 1:
                yield origin


def _typos(date: int) -> Iterator[int]:
    """Give the dates with one digit replaced, or two neighbours swapped."""
    digits = f"{date:08}"
    for at in range(_DIGITS):
        for digit in "0123456789":
            yield _if_date(digits[:at] + digit + digits[at + 1 :])
    for at in range(_DIGITS - 1):
        yield _if_date(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :])


def _if_date(digits: str) -> int:
    return _number(Day(int(digits[:4]), int(digits[4:6]), int(digits[6:])))


def _number(day: Day) -> int:
    """Give the number of a day; of the year alone for 1 January, and of nothing for what is no day of any month."""
    if not (1 <= day.month <= _MONTHS and 1 <= day.day <= _DAYS):
        return NOT_KNOWN
    return day.year * _YEAR + (0 if day.month == day.day == 1 else day.month * _MONTH + day.day)
