"""The traps: cases in which a machine that answers gives away the wrong person's record. None is ever certain."""

import pytest

from adapters.node.core.matching import Doubt
from schemas.record import PersonBlock
from tests.support.matching import holder, person, town

TWINS = [
    ("Amal", "Iman"),
    ("Hassan", "Hussein"),
    ("Amin", "Amina"),
    ("Mohammad Ali", "Mohammad Reza"),
    ("Kirill", "Boris Kirill"),
    ("Karim", "Karam"),
    ("Olena", "Oksana"),
    ("Anna", "Annika"),
    ("Avîn", "Evîn"),
]


@pytest.mark.parametrize(("one", "other"), TWINS)
@pytest.mark.parametrize("strangers", [0, 60])
def test_a_twin_is_never_taken_for_the_other(one: str, other: str, strangers: int) -> None:
    """Where the holder knows only the other twin, the same family name and birth date are not enough."""
    for asked, known in ((one, other), (other, one)):
        found = holder(person(known, "Karimi"), *town(strangers)).query(person(asked, "Karimi"))
        assert found.outcome == "probable"
        assert Doubt.GIVEN_NAMES in found.candidates[0].doubts


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_where_both_twins_are_known_a_human_chooses(one: str, other: str) -> None:
    """Even a name that fits exactly is not enough where a twin is in the same file room."""
    index = holder(person(one, "Karimi"), person(other, "Karimi"), *town(60))
    for asked in (one, other):
        found = index.query(person(asked, "Karimi"))
        assert found.outcome == "ambiguous"
        assert Doubt.TWIN in found.candidates[0].doubts


FATHER = person("Mohammad", "Ahmadi", "1965-03-12", "m")
SON = person("Mohammad", "Ahmadi", "1993-08-12", "m")


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ([FATHER], SON),
        ([SON], FATHER),
        ([FATHER], person("Mohammad", "Ahmadi", "1995-03-12", "m")),
        ([person("Mohammad", "Ahmadi", "1965", "m")], SON),
        ([person("Mohammad", "Ahmadi", None, "m")], SON),
        ([FATHER], person("Mohammad", "Ahmadi", None, "m")),
        ([FATHER, SON], person("Mohammad", "Ahmadi", None, "m")),
        ([FATHER, SON], person("Mohammad", "Ahmadi", "1993", "m")),
        ([FATHER, SON], person("Mohammad", "Ahmadi", "1993-01-01", "m")),
    ],
)
def test_father_and_son_of_one_name(known: list[PersonBlock], asked: PersonBlock) -> None:
    """One name in two generations: without the same day of birth on both sides no machine answers."""
    assert holder(*known, *town(60)).query(asked).outcome != "certain"


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("1990-01-01", "1990-01-01"),
        ("1990-01-01", "1990"),
        ("1990-01-01", "1990-06-03"),
        ("1990-06-03", "1990-01-01"),
        ("1990-01", "1990-01-01"),
        ("1990", "1990"),
    ],
)
@pytest.mark.parametrize("name", ["Mohammad Ahmadi", "Zebulon Querqual"])
def test_one_name_on_the_first_of_january(known: str, asked: str, name: str) -> None:
    """1 January is the year alone: no name, however rare, is certain with it, one row or two."""
    given, family = name.split()
    for rows in (1, 2):
        found = holder(*[person(given, family, known, "m")] * rows, *town(60)).query(person(given, family, asked, "m"))
        assert found.outcome == ("probable" if rows == 1 else "ambiguous")
        assert Doubt.DAY in found.candidates[0].doubts


@pytest.mark.parametrize(
    ("ali", "omar"),
    [
        ("2001-03-04", "2003-05-06"),
        ("2001-01-20", "2001-11-20"),
        ("2001-03-04", "2002-03-04"),
        ("2001-02-03", "2001-12-03"),
        ("2001-01-01", "2002-04-05"),
    ],
)
def test_swapped_brothers(ali: str, omar: str) -> None:
    """Who is asked for with a brother's birth date is nobody the machine could name, one brother known or both."""
    rows = [person("Ali", "Sabri", ali, "m"), person("Omar", "Sabri", omar, "m")]
    for asked in (person("Ali", "Sabri", omar, "m"), person("Omar", "Sabri", ali, "m")):
        assert holder(*rows, *town(60)).query(asked).outcome != "certain"
    assert holder(rows[1], *town(60)).query(person("Ali", "Sabri", omar, "m")).outcome != "certain"
    assert holder(rows[0], *town(60)).query(person("Omar", "Sabri", ali, "m")).outcome != "certain"


def test_swapped_names_of_brothers() -> None:
    """Two brothers whose given names stand in each other's file are found, and shown to a human."""
    index = holder(person("Omar", "Sabri", "2001-03-04", "m"), person("Ali", "Sabri", "2001-03-14", "m"), *town(60))
    found = index.query(person("Ali", "Sabri", "2001-03-04", "m"))
    assert found.outcome == "ambiguous"
    assert len(found.candidates) == 2


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (person("Abel", "Tesfay Kidane"), person("Yonas", "Tesfay Kidane")),
        (person("Abel Tesfay", "Kidane"), person("Yonas", "Tesfay Kidane")),
        (person("Abel", "Tesfay"), person("Tesfay", "Kidane")),
    ],
)
def test_names_of_three_parts_are_not_a_persons_own_name(known: PersonBlock, asked: PersonBlock) -> None:
    """Father's and grandfather's name are those of brothers and sisters too: the own name must agree."""
    found = holder(known, *town(60)).query(asked)
    assert found.outcome != "certain"
