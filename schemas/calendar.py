"""German legal time, computed: midnight and noon in Berlin as milliseconds, without reading a time zone file.

Since 1996 summer time runs from the last Sunday of March to the last Sunday of October, changing at 01:00 UTC
(§ 4 EinhZeitG, Directive 2000/84/EC). Replay years later must give the same instants, so nothing here depends on a
machine's data.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from schemas.errors import Malformed

DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_EPOCH: Final = date(1970, 1, 1)
_SUNDAY: Final = 6


def _last_sunday(year: int, month: int) -> date:
    day = date(year, month, 31)
    return day - timedelta(days=(day.weekday() - _SUNDAY) % 7)


def _utc_ms(day: date, hour: int) -> int:
    return (day - _EPOCH).days * DAY_MS + hour * _HOUR_MS


def berlin_ms(day: date, hour: int = 0) -> int:
    """Give the instant at which a full hour of a day begins in Berlin, in ms since 1970 UTC."""
    winter = _utc_ms(day, hour) - _HOUR_MS
    starts, ends = _utc_ms(_last_sunday(day.year, 3), 1), _utc_ms(_last_sunday(day.year, 10), 1)
    return winter - _HOUR_MS if starts <= winter - _HOUR_MS < ends else winter


def parse_day(text: str, place: str) -> date:
    """Read `YYYY-MM-DD`; Malformed naming `place` otherwise."""
    try:
        if len(text) == len("YYYY-MM-DD"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    message = f"{place}: a date is written YYYY-MM-DD"
    raise Malformed(message)


def berlin_day(at_ms: int) -> date:
    """Give the date it is in Berlin at an instant."""
    day = datetime.fromtimestamp(at_ms / 1000, UTC).date()
    return day + timedelta(days=1) if at_ms >= berlin_ms(day + timedelta(days=1)) else day
