"""Persons to show things with: found by what is true of them, the same ones for the same seed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from handschlag.town import counselling, immigration, jobcenter, school, social
from handschlag.town.entries import Entry, Town
from handschlag.town.people import ABH, COUNSELLING, JOBCENTER, SCHOOL, SOCIAL

FILE_NUMBERS: Final[Mapping[str, Callable[[Entry], str]]] = {
    ABH: immigration.file_number,
    JOBCENTER: jobcenter.file_number,
    SCHOOL: school.file_number,
    COUNSELLING: counselling.file_number,
    SOCIAL: social.file_number,
}


class Picked(NamedTuple):
    """A person for the demo: as the first agency has them, and the file numbers where they are known."""

    family_name: str
    given_names: str
    birth_date: str
    files: Mapping[str, str]


def shared_between(town: Town, asking: str, holding: str) -> Iterator[Picked]:
    """Find persons whom both agencies know under the very same names and birth date, and nobody else does there.

    Where one of the two is the language school, the course is ended with an examination.
    """
    results = {number for number, course in school.courses(town).items() if course.result}
    for entry in _known_at(town, asking):
        held = _row_of(town, holding, entry)
        if held is None or not held.exact or entry.person.alike or entry.person.blocked:
            continue
        alone = all(len(_agreeing(town, agency, entry)) == 1 for agency in (asking, holding))
        if alone and (SCHOOL not in (asking, holding) or entry.person.number in results):
            yield _picked(town, entry)


def unknown_to(town: Town, asking: str, holding: str) -> Iterator[Picked]:
    """Find persons whom the asking agency knows, and of whose name and birth date the holding one has nobody."""
    for entry in _known_at(town, asking):
        if holding not in entry.person.agencies and not _agreeing(town, holding, entry):
            yield _picked(town, entry)


def blocked_at(town: Town, asking: str, holding: str) -> Iterator[Picked]:
    """Find persons whom both know exactly and about whom nothing may be handed out."""
    for entry in _known_at(town, asking):
        if entry.person.blocked and holding in entry.person.agencies:
            yield _picked(town, entry)


def ambiguous_at(town: Town, asking: str, holding: str) -> Iterator[Picked]:
    """Find persons with a namesake at the holding agency: a human has to decide there, and a careful one refuses."""
    for entry in _known_at(town, asking):
        same = [one for one in _agreeing(town, holding, entry) if one.given_names == entry.given_names]
        if entry.person.alike and len(same) > 1:
            yield _picked(town, entry)


def misspelt_at(town: Town, asking: str, holding: str) -> Iterator[Picked]:
    """Find persons whom the holding agency has under another spelling or date: no comparison by the letter does."""
    for entry in _known_at(town, asking):
        held = _row_of(town, holding, entry)
        if held is not None and not held.exact and not _agreeing(town, holding, entry):
            yield _picked(town, entry)


def _known_at(town: Town, agency: str) -> Iterator[Entry]:
    """Give the rows that say what is true and know the whole birth date, without which no match is certain."""
    return (entry for entry in town.entries[agency] if entry.exact and not entry.year_only)


def _row_of(town: Town, agency: str, entry: Entry) -> Entry | None:
    return next((one for one in town.entries[agency] if one.person.number == entry.person.number), None)


def _agreeing(town: Town, agency: str, entry: Entry) -> list[Entry]:
    """Find the rows with that family name and a birth date that may be the same."""
    return [one for one in town.entries[agency] if one.family_name == entry.family_name and _same_birth(one, entry)]


def _same_birth(one: Entry, other: Entry) -> bool:
    if one.born is None or other.born is None:
        return False
    vague = one.year_only or other.year_only
    return one.born.year == other.born.year if vague else one.born == other.born


def _picked(town: Town, entry: Entry) -> Picked:
    person = entry.person
    rows = {agency: _row_of(town, agency, entry) for agency in FILE_NUMBERS}
    files = {agency: FILE_NUMBERS[agency](row) for agency, row in rows.items() if row is not None}
    return Picked(entry.family_name, entry.given_names, person.birth_date, files)
