"""Birth dates: what counts as known, and by which slip two of them are explained."""

from datetime import date

import pytest

from adapters.node.core.matching.calendars import ETHIOPIAN, GREGORIAN, LUNAR_HIJRI, SOLAR_HIJRI, Calendar, Day
from adapters.node.core.matching.dates import Birth, DateKind, is_full, read_date, year_of


def _kind(one: str | None, other: str | None) -> DateKind:
    """Compare two written dates, and see that the order does not matter."""
    there = Birth.of(read_date(one)).kind(read_date(other))
    assert Birth.of(read_date(other)).kind(read_date(one)) is there
    return there


@pytest.mark.parametrize(
    ("text", "number"),
    [(None, 0), ("1990", 19900000), ("1990-05", 19900500), ("1990-05-17", 19900517), ("1990-01-01", 19900000)],
)
def test_reading(text: str | None, number: int) -> None:
    """A date is read as far as it is known; 1 January is the year alone."""
    assert read_date(text) == number
    assert year_of(number) == number // 10_000
    assert is_full(number) is (text == "1990-05-17")


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("1990-05-17", "1990-05-17", DateKind.EQUAL),
        ("1990-05-17", None, DateKind.UNKNOWN),
        (None, None, DateKind.UNKNOWN),
        ("1990-05-17", "1990", DateKind.SAME_YEAR),
        ("1990-05-17", "1990-01-01", DateKind.SAME_YEAR),
        ("1990-01-01", "1990-01-01", DateKind.SAME_YEAR),
        ("1990-05-17", "1990-05", DateKind.SAME_MONTH),
        ("1990-05-17", "1990-06", DateKind.DIFFERENT),
        ("1990-05-07", "1990-07-05", DateKind.SWAPPED),
        ("1990-05-17", "1991-05-17", DateKind.OFF_BY_YEAR),
        ("1990-05-17", "1980-05-17", DateKind.TYPO),
        ("1990-05-17", "1990-05-19", DateKind.TYPO),
        ("1990-05-21", "1990-05-12", DateKind.TYPO),
        ("1990-10-21", "1990-01-21", DateKind.TYPO),
        ("1990-05-17", "1983-05-17", DateKind.CALENDAR),
        ("1990-05-17", "1982-05-17", DateKind.CALENDAR),
        ("1990-05-17", "1997-05-17", DateKind.CALENDAR),
        ("1990-05-17", "1995-05-17", DateKind.TYPO),
        ("1990-05-17", "1972-05-17", DateKind.DIFFERENT),
        ("1990-05-17", "1990-08-26", DateKind.DIFFERENT),
        ("1990", "1991-04-02", DateKind.NEAR_YEAR),
        ("1990", "1992", DateKind.DIFFERENT),
        ("1369", "1990", DateKind.CALENDAR),
        ("1369", "1991-01-04", DateKind.CALENDAR),
        ("1410", "1990", DateKind.CALENDAR),
        ("1410", "1970", DateKind.DIFFERENT),
    ],
)
def test_kinds(one: str | None, other: str | None, kind: DateKind) -> None:
    """Each pair has the kind that explains it, in both orders."""
    assert _kind(one, other) is kind


@pytest.mark.parametrize(
    ("true", "calendar", "there"),
    [
        (date(1990, 8, 3), SOLAR_HIJRI, Day(1369, 5, 12)),
        (date(2024, 3, 21), SOLAR_HIJRI, Day(1403, 1, 2)),
        (date(1990, 8, 3), LUNAR_HIJRI, Day(1411, 1, 11)),
        (date(2023, 9, 13), ETHIOPIAN, Day(2016, 1, 2)),
        (date(1990, 8, 3), ETHIOPIAN, Day(1982, 11, 27)),
    ],
)
def test_dates_left_in_another_calendar(true: date, calendar: Calendar, there: Day) -> None:
    """A date that stayed as it was, and one of which only the year was turned, are slips of the calendar."""
    assert calendar.day(true.toordinal()) == there
    assert _kind(true.isoformat(), f"{there.year}-{there.month:02}-{there.day:02}") is DateKind.CALENDAR
    assert _kind(true.isoformat(), f"{true.year}-{there.month:02}-{there.day:02}") is DateKind.CALENDAR


@pytest.mark.parametrize("calendar", [GREGORIAN, SOLAR_HIJRI, LUNAR_HIJRI, ETHIOPIAN])
def test_calendars_count_every_day_once(calendar: Calendar) -> None:
    """Over two centuries later day numbers are later days, and each day has the number it came from."""
    before = calendar.day(date(1880, 1, 1).toordinal() - 1)
    for number in range(date(1880, 1, 1).toordinal(), date(2080, 1, 1).toordinal(), 11):
        there = calendar.day(number)
        assert there > before
        assert calendar.number(there) == number
        before = there


def test_the_gregorian_calendar_is_the_one_of_python() -> None:
    """Day numbers and days are those of the standard library, leap years of centuries too."""
    for number in range(date(1582, 10, 15).toordinal(), date(2401, 1, 1).toordinal(), 13):
        day = date.fromordinal(number)
        assert GREGORIAN.day(number) == (day.year, day.month, day.day)


def test_a_calendar_knows_which_days_it_has() -> None:
    """30 February is none, the thirteenth Ethiopian month has five or six days."""
    assert GREGORIAN.has(Day(2024, 2, 29))
    assert not GREGORIAN.has(Day(2023, 2, 29))
    assert not GREGORIAN.has(Day(1990, 2, 30))
    assert ETHIOPIAN.has(Day(2015, 13, 6))
    assert not ETHIOPIAN.has(Day(2016, 13, 6))


def test_impossible_days_are_compared_as_they_stand() -> None:
    """A day that no calendar has is no reason to fail: it equals itself, and has slips of the pen."""
    assert _kind("1990-02-31", "1990-02-31") is DateKind.EQUAL
    assert _kind("1990-02-31", "1990-02-11") is DateKind.TYPO


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("1990-05-17", {0, 19900000, 19890000, 19910000, 19900500, 13680000, 13690000, 14100000, 14110000}),
        ("1990", {0, 1989, 1990, 1991, 1368, 1369, 1410, 1411}),
        ("1369", {0, 1368, 1369, 1370, 1990, 1991, 1949, 1950}),
    ],
)
def test_periods(text: str, periods: set[int]) -> None:
    """Beside the date and its slips, a person may be filed under parts of dates: near years, Hijri years, nothing."""
    assert Birth.of(read_date(text)).periods() == periods


def test_a_date_is_no_slip_of_itself() -> None:
    """Nothing but other dates is a slip, and a slip never makes 1 January out of a day, which counts as a year."""
    for text in ("1990-05-17", "1990-11-01", "1985-12-12"):
        birth = Birth.of(read_date(text))
        assert birth.date not in birth.slips
        assert 0 not in birth.slips


def test_a_slip_of_the_pen_makes_no_impossible_number() -> None:
    """Of 17 with its digits swapped no day of the month is made."""
    assert max(slip % 100 for slip in Birth.of(19900517).slips) <= 31
