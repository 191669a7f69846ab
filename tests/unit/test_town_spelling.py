"""Names from other scripts in the synthetic town: offices spell them differently, and the matcher sees through it."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from adapters.node.core.matching import PersonIndex
from adapters.sources.port import Candidate, LocalRef
from handschlag.town import Town
from handschlag.town.dice import Dice
from handschlag.town.entries import Entry, make
from handschlag.town.names import ORIGINS
from handschlag.town.people import AGENCIES, Person
from handschlag.town.spelling import Script, other_calendar, patronymic, respelled
from schemas.record import PersonBlock

SCRIPTS: Final[tuple[Script, ...]] = ("arabic", "persian", "cyrillic", "ethiopic")


@pytest.fixture(scope="module")
def town() -> Town:
    """Make a town in memory only."""
    return make(20, 2000)


def block(row: Entry) -> PersonBlock:
    """Give a row as a person block."""
    day = None if row.born is None else row.born.isoformat()
    return PersonBlock(family_name=row.family_name, given_names=row.given_names, birth_date=day)


def true_of(person: Person) -> dict[str, Any]:
    """Give what an entry says that says what is true."""
    return {"family_name": person.family_name, "given_names": person.given_names, "born": person.born}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.slow
def test_names_from_other_scripts_are_found_in_their_spellings(town: Town, script: Script) -> None:
    """Whom one office spells its own way the matcher finds at the other, and it is never sure of somebody else."""
    asked = certain = found = 0
    for agency in AGENCIES:
        index = PersonIndex()
        for row in town.entries[agency]:
            index.add(Candidate(LocalRef(str(row.person.number)), "", block(row), transfer_block=False, guardian=False))
        wrong = [row for row in town.entries[agency] if not row.exact and row.person.origin.script == script]
        for row in wrong:
            match = index.query(block(replace(row, **true_of(row.person))))
            refs = [one.candidate.ref for one in match.candidates]
            assert match.outcome != "certain" or refs == [str(row.person.number)]
            asked, found = asked + 1, found + (str(row.person.number) in refs)
            certain += match.outcome == "certain"
    assert found > 0.85 * asked > 0
    assert certain > 0.2 * asked


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_spelling_differs_and_stays_a_name(script: Script) -> None:
    """Another clerk's spelling is another one that begins with a capital; the same seed spells alike."""
    names = [name for origin in ORIGINS if origin.script == script for name in (*origin.women, *origin.men)]
    spelt = [respelled(Dice(number, "spelling"), script, name) for number, name in enumerate(names)]
    assert spelt == [respelled(Dice(number, "spelling"), script, name) for number, name in enumerate(names)]
    assert all(one != name and one[0].isupper() for one, name in zip(spelt, names, strict=True))


def test_what_only_some_people_have() -> None:
    """Patronymics are East Slavic, and nobody whose calendar is the office's gets a date of another."""
    dice, born = Dice(1, "some"), date(2000, 2, 29)
    assert patronymic(dice, "cyrillic", "w", ("Ivan",)) == "Ivanivna"
    assert patronymic(dice, "arabic", "m", ("Omar",)) == ""
    assert other_calendar(dice, "latin", born) == born
    assert other_calendar(dice, "ethiopic", born).year in {1992, 1993}
