"""By when the person is told of an exchange on a statute, by the agency that asked. Pure."""

from schemas.calendar import berlin_day, month_after
from schemas.registry import Day, Inform


def due(inform: Inform | None, got_ms: int) -> Day | None:
    """Give the last day, for data that came at an instant (Art. 14(3) GDPR); None where a norm exempts (Art. 14(5)).

    `now` is that very day. At the next contact with the person is soon enough otherwise, but a month is the longest;
    so it is where an old law says nothing.
    """
    got = berlin_day(got_ms)
    match inform:
        case "exempt":
            return None
        case "now":
            return got.isoformat()
        case _:
            return month_after(got).isoformat()
