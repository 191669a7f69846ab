"""German legal time, computed: midnight and noon in Berlin as milliseconds, without reading a time zone file.

Since 1996 summer time runs from the last Sunday of March to the last Sunday of October, changing at 01:00 UTC
(§ 4 EinhZeitG, Directive 2000/84/EC). Replay years later must give the same instants, so nothing here depends on a
machine's data.
"""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from schemas.errors import Malformed

DAY_MS: Final = 86_400_000
LAST_MS: Final = 253_370_764_799_999
"""The last millisecond of the year 9998 (UTC); the day of every earlier instant, and the day after, can be written."""
_HOUR_MS: Final = 3_600_000
_EPOCH: Final = date(1970, 1, 1)
_SUNDAY: Final = 6
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _last_sunday(year: int, month: int) -> date:
    day = date(year, month, 31)
    return day - timedelta(days=(day.weekday() - _SUNDAY) % 7)


def _utc_ms(day: date, hour: int) -> int:
    return (day - _EPOCH).days * DAY_MS + hour * _HOUR_MS


def berlin_ms(day: date, hour: int = 0) -> int:
    """Give the instant at which a full hour (0 to 23) of a day begins in Berlin, in ms since 1970 UTC.

    Of the hour that comes twice in October the first is meant; 02:00 on the day it is left out in March is 03:00.
    """
    winter = _utc_ms(day, hour) - _HOUR_MS
    starts, ends = _utc_ms(_last_sunday(day.year, 3), 1), _utc_ms(_last_sunday(day.year, 10), 1)
    return winter - _HOUR_MS if starts <= winter - _HOUR_MS < ends else winter


def end_of_day_ms(day: date) -> int:
    """Give the instant at which a day ends in Berlin, which is the first of the day after, in ms since 1970 UTC."""
    return berlin_ms(day + timedelta(days=1))


def parse_day(text: str, place: str) -> date:
    """Read `YYYY-MM-DD`; Malformed naming `place` otherwise."""
    if _DAY.fullmatch(text) is not None:  # fromisoformat alone reads weeks, too
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    message = f"{place}: a date is written YYYY-MM-DD"
    raise Malformed(message)


def month_after(day: date) -> date:
    """Give the day on which a month ends: the same of the next, or its last (Art. 3(2)(c) Reg. 1182/71)."""
    months = day.year * 12 + day.month  # counted from January of the year 0
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def berlin_day(at_ms: int) -> date:
    """Give the date it is in Berlin at an instant between 1970 and `LAST_MS`."""
    day = _EPOCH + timedelta(days=at_ms // DAY_MS)
    return day + timedelta(days=1) if at_ms >= end_of_day_ms(day) else day


def utc(at_ms: int) -> str:
    """Write an instant between 1970 and `LAST_MS` in UTC, to the millisecond: `2026-11-21T09:30:00.000Z` (ISO 8601)."""
    day, rest = _EPOCH + timedelta(days=at_ms // DAY_MS), at_ms % DAY_MS
    seconds, ms = divmod(rest, 1000)
    return f"{day.isoformat()}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}Z"
