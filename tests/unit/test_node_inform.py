"""By when a person is told of an exchange on a statute."""

from datetime import date

import pytest

from adapters.node.core.inform import due
from schemas.calendar import berlin_ms, month_after
from schemas.registry import Inform

GOT_MS = berlin_ms(date(2026, 11, 20), 9)


@pytest.mark.parametrize(
    ("inform", "last"),
    [("now", "2026-11-20"), ("next_contact", "2026-12-20"), (None, "2026-12-20"), ("exempt", None)],
)
def test_the_law_says_how_soon(inform: Inform | None, last: str | None) -> None:
    """The same day, a month at most, or never by a norm; a law from before it said so leaves the month."""
    assert due(inform, GOT_MS) == last


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("2026-11-20", "2026-12-20"),
        ("2026-12-31", "2027-01-31"),
        ("2027-01-31", "2027-02-28"),
        ("2028-01-30", "2028-02-29"),
        ("2026-05-31", "2026-06-30"),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last_one(day: str, last: str) -> None:
    """A day the next month does not have gives way to its last one."""
    assert month_after(date.fromisoformat(day)) == date.fromisoformat(last)
