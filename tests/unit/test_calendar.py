"""German legal time without a time zone file, compared with the system's own where that has one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.calendar import LAST_MS, berlin_day, berlin_ms, end_of_day_ms, parse_day, utc
from schemas.errors import Malformed

HOUR_MS = 3_600_000
# Summer time begins and ends on these days (Directive 2000/84/EC, Bundesanzeiger).
BEGINS = [date(2025, 3, 30), date(2026, 3, 29), date(2027, 3, 28), date(2028, 3, 26), date(2024, 3, 31)]
ENDS = [date(2025, 10, 26), date(2026, 10, 25), date(2027, 10, 31), date(2028, 10, 29)]


def _utc_ms(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("day", "hour", "expected"),
    [
        (date(2026, 1, 1), 0, (2025, 12, 31, 23)),
        (date(2026, 7, 1), 0, (2026, 6, 30, 22)),
        (date(2026, 11, 20), 12, (2026, 11, 20, 11)),
        (date(2026, 3, 29), 0, (2026, 3, 28, 23)),
        (date(2026, 3, 29), 1, (2026, 3, 29, 0)),
        (date(2026, 3, 29), 2, (2026, 3, 29, 1)),
        (date(2026, 3, 29), 3, (2026, 3, 29, 1)),
        (date(2026, 3, 29), 12, (2026, 3, 29, 10)),
        (date(2026, 3, 30), 0, (2026, 3, 29, 22)),
        (date(2026, 10, 25), 0, (2026, 10, 24, 22)),
        (date(2026, 10, 25), 1, (2026, 10, 24, 23)),
        (date(2026, 10, 25), 2, (2026, 10, 25, 0)),
        (date(2026, 10, 25), 3, (2026, 10, 25, 2)),
        (date(2026, 10, 25), 23, (2026, 10, 25, 22)),
        (date(2026, 10, 26), 0, (2026, 10, 25, 23)),
    ],
    ids=str,
)
def test_hours_around_the_changes(day: date, hour: int, expected: tuple[int, int, int, int]) -> None:
    """The hour left out in March is read as the next; of the hour that comes twice in October the first is meant."""
    assert berlin_ms(day, hour) == _utc_ms(*expected)


@pytest.mark.parametrize("day", BEGINS, ids=str)
def test_the_day_summer_time_begins_has_23_hours(day: date) -> None:
    """From its midnight to the next one hour is missing."""
    assert end_of_day_ms(day) - berlin_ms(day) == 23 * HOUR_MS


@pytest.mark.parametrize("day", ENDS, ids=str)
def test_the_day_summer_time_ends_has_25_hours(day: date) -> None:
    """From its midnight to the next one hour comes twice."""
    assert end_of_day_ms(day) - berlin_ms(day) == 25 * HOUR_MS


def test_the_day_changes_at_midnight_in_berlin() -> None:
    """One millisecond before midnight it is still yesterday, for two years of days and at their noon."""
    for number in range(800):
        day = date(2025, 12, 1) + timedelta(days=number)
        begins = berlin_ms(day)
        assert berlin_day(begins - 1) == day - timedelta(days=1)
        assert berlin_day(begins) == berlin_day(berlin_ms(day, 12)) == berlin_day(end_of_day_ms(day) - 1) == day


def test_instants_are_those_of_the_system() -> None:
    """For hours that exist once, from 1996 to 2037, the system's time zone data gives the same instants."""
    try:
        zone = ZoneInfo("Europe/Berlin")
    except KeyError:
        pytest.skip("this machine has no time zone data")
    for number in range(0, 42 * 365, 11):
        day = date(1996, 1, 1) + timedelta(days=number)
        for hour in (0, 4, 12, 23):
            there = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
            assert berlin_ms(day, hour) == int(there.timestamp()) * 1000


def test_the_first_and_the_last_instant_have_a_day() -> None:
    """From 1970 to the end of the year 9998 every instant has a day in Berlin."""
    assert berlin_day(0) == date(1970, 1, 1)
    assert berlin_day(LAST_MS) == date(9999, 1, 1)
    assert _utc_ms(9999, 1, 1) - 1 == LAST_MS


def test_an_instant_is_written_in_utc() -> None:
    """To the millisecond, with every part in its own width; the first and the last instant too."""
    assert utc(0) == "1970-01-01T00:00:00.000Z"
    assert utc(1_795_168_800_007) == "2026-11-20T10:00:00.007Z"
    assert utc(1_795_168_800_000 + 3_723_456) == "2026-11-20T11:02:03.456Z"
    assert utc(LAST_MS) == "9998-12-31T23:59:59.999Z"


def test_days_are_read() -> None:
    """A day is written YYYY-MM-DD."""
    assert parse_day("2028-02-29", "valid_from") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-2-01",
        "20260201",
        "2026-02-30",
        "2027-02-29",
        "2026-W05-1",
        "2026-02-01\n",
        " 2026-02-01",
        "٢٠٢٦-02-01",
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    """Other spellings and days that do not exist are refused, naming the place."""
    with pytest.raises(Malformed, match="valid_from: a date is written YYYY-MM-DD"):
        parse_day(text, "valid_from")
