"""What the data protection officer is shown of the agency's own use."""

import pytest

from adapters.node.core.watch import MANY, TIMES, Step, Use, is_namesake, uses


def steps(day: str, staff: str, many: int, *, namesakes: int = 0) -> list[Step]:
    """Make some steps of one day."""
    return [Step(day, staff, at < namesakes) for at in range(many)]


def test_nothing_done_is_nothing_shown() -> None:
    """Without steps there is no line."""
    assert uses([]) == []


def test_days_and_people_are_summed_up_newest_and_busiest_first() -> None:
    """One line for each person and day, with how often the client had their own name."""
    found = uses(
        [*steps("2026-01-01", "a", 2), *steps("2026-01-02", "a", 1, namesakes=1), *steps("2026-01-02", "b", 3)]
    )
    assert found == [
        Use("2026-01-02", "b", 3, 0, unusual=False),
        Use("2026-01-02", "a", 1, 1, unusual=False),
        Use("2026-01-01", "a", 2, 0, unusual=False),
    ]


@pytest.mark.parametrize(
    ("usual", "many", "unusual"), [(2, MANY - 1, False), (2, MANY, True), (10, 10 * TIMES, False), (10, 31, True)]
)
def test_a_day_far_above_the_usual_is_unusual(usual: int, many: int, *, unusual: bool) -> None:
    """It takes both: many steps, and many times what colleagues usually do."""
    ordinary = [step for staff in "abcdef" for step in steps("2026-01-01", staff, usual)]
    found = {use.staff: use.unusual for use in uses([*ordinary, *steps("2026-01-01", "x", many)])}
    assert found == {**dict.fromkeys("abcdef", False), "x": unusual}


@pytest.mark.parametrize(
    ("own", "family", "given", "same"),
    [
        ("Bente Beispiel", "BEISPIEL", "Bente Maria", True),
        ("Dr. Zoë Ünal", "Unal", "Zoe", True),
        ("Bente Beispiel", "Beispiel", "Rima", False),
        ("Bente Beispiel", "Al-Hamadi", "Bente", False),
        ("Bente Beispiel", "", "Bente", False),
    ],
)
def test_a_namesake_shares_family_and_given_name(own: str, family: str, given: str, *, same: bool) -> None:
    """Case and accents do not hide it; one name alone is no sign of anything."""
    assert is_namesake(own, family, given) is same
