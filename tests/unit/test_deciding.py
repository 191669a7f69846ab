"""Who at the holder may decide, and that two persons are never one."""

import pytest

from adapters.node.core.deciding import Agreed, HandedOn, demand_persons, may_decide, may_take_back
from schemas.errors import Code, Misuse

HANDED = HandedOn("anna", "bo", 1, None, "")
FIRST = Agreed("anna", 1, "clerk_answer", "T-1", None)


@pytest.mark.parametrize(
    ("acts_for", "handed", "may"),
    [
        (["anna"], None, True),
        (["bo"], HANDED, True),
        (["cem", "bo"], HANDED, True),
        (["anna"], HANDED, False),
        (["cem"], HANDED, False),
    ],
)
def test_what_a_colleague_was_asked_waits_for_them(acts_for: list[str], handed: HandedOn | None, *, may: bool) -> None:
    """Nobody else decides it, the asker neither; who stands in for the colleague does."""
    assert may_decide(acts_for, handed) is may


@pytest.mark.parametrize(
    ("acts_for", "may"), [(["anna"], True), (["bo"], True), (["cem"], False), (["cem", "bo"], True)]
)
def test_asking_ends_by_who_asked_or_was_asked(acts_for: list[str], *, may: bool) -> None:
    """A third colleague cannot end it."""
    assert may_take_back(acts_for, HANDED) is may


@pytest.mark.parametrize(
    ("release", "staff", "first", "enough"),
    [
        ("automatic", "anna", None, True),
        ("human", "anna", None, True),
        ("two_humans", "anna", None, False),
        ("two_humans", "anna", FIRST, False),
        ("two_humans", "bo", FIRST, True),
    ],
)
def test_as_many_persons_as_the_purpose_demands(
    release: str, staff: str, first: Agreed | None, *, enough: bool
) -> None:
    """Where two are demanded, one is not enough, and one who says it twice neither."""
    if enough:
        demand_persons(release, staff, first)
        return
    with pytest.raises(Misuse) as refused:
        demand_persons(release, staff, first)
    assert refused.value.code is Code.NOT_ENTITLED
