"""What the agencies have written down: the same persons with the disagreements that real files have. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

from handschlag.town.dice import Dice
from handschlag.town.people import AGENCIES, Person, people
from handschlag.town.spelling import other_calendar, patronymic, respelled

EXACT_SHARE: Final = 0.85
"""Of an agency's rows, this share has names and birth date exactly as they are; the others disagree in one thing."""

_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A person as one agency has them; `born` is empty where no birth date was written down."""

    person: Person
    row: int
    family_name: str
    given_names: str
    born: date | None
    year_only: bool

    @property
    def exact(self) -> bool:
        """Whether names and birth date stand there exactly as they are."""
        is_, known = self.person, (self.family_name, self.given_names, self.born)
        return known == (is_.family_name, is_.given_names, is_.born)


class Town(NamedTuple):
    """The persons and what each agency knows of them."""

    seed: int
    persons: tuple[Person, ...]
    entries: Mapping[str, tuple[Entry, ...]]


def make(seed: int, persons: int) -> Town:
    """Make a town; the same arguments give the same town."""
    known = people(seed, persons)
    return Town(seed, known, {agency: _entries(Dice(seed, agency), agency, known) for agency in AGENCIES})


def _entries(dice: Dice, agency: str, persons: tuple[Person, ...]) -> tuple[Entry, ...]:
    """Write the agency's clients down in a drawn order; look-alikes and protected persons without mistakes."""
    clients = dice.shuffled(one for one in persons if agency in one.agencies)
    mistakes = len(clients) - round(len(clients) * EXACT_SHARE)
    plain = dice.shuffled(one.number for one in clients if not one.alike and not one.blocked)
    wrong = frozenset(plain[:mistakes])
    entries = []
    for row, one in enumerate(clients, start=1):
        entry = Entry(one, row, one.family_name, one.given_names, one.born, one.year_only)
        entries.append(_with_mistake(dice, entry) if one.number in wrong else entry)
    return tuple(entries)


def _with_mistake(dice: Dice, entry: Entry) -> Entry:
    """Make one mistake; where it would change nothing, the names are swapped."""
    ethiopic = entry.person.origin.script == "ethiopic"
    mistaken = dice.weighted(_ETHIOPIC_MISTAKES if ethiopic else _MISTAKES)(dice, entry)
    return mistaken if not mistaken.exact else _swapped_names(dice, entry)


def _respelled(dice: Dice, entry: Entry) -> Entry:
    script = entry.person.origin.script
    if dice.chance(0.5):
        return replace(entry, given_names=respelled(dice, script, entry.given_names))
    return replace(entry, family_name=respelled(dice, script, entry.family_name))


def _one_name_more(dice: Dice, entry: Entry) -> Entry:
    """Write the patronymic down as a second given name, or the grandfather's name as a second family name."""
    person, origin = entry.person, entry.person.origin
    if origin.script == "ethiopic":
        return replace(entry, family_name=f"{entry.family_name} {dice.pick(origin.men)}")
    second = patronymic(dice, origin.script, person.sex, origin.men)
    return replace(entry, given_names=f"{entry.given_names} {second}") if second else _respelled(dice, entry)


def _other_calendar(dice: Dice, entry: Entry) -> Entry:
    born = other_calendar(dice, entry.person.origin.script, entry.person.born)
    return replace(entry, born=born) if born != entry.born else _respelled(dice, entry)


def _swapped_names(_dice: Dice, entry: Entry) -> Entry:
    return replace(entry, family_name=entry.given_names, given_names=entry.family_name)


def _one_name_less(_dice: Dice, entry: Entry) -> Entry:
    return replace(entry, given_names=entry.given_names.split(" ")[0])


def _day_as_month(_dice: Dice, entry: Entry) -> Entry:
    born = entry.person.born
    return replace(entry, born=date(born.year, born.day, born.month)) if born.day <= _MONTHS else entry


def _only_the_year(_dice: Dice, entry: Entry) -> Entry:
    return replace(entry, born=date(entry.person.born.year, 1, 1), year_only=True)


def _no_birth_date(_dice: Dice, entry: Entry) -> Entry:
    return replace(entry, born=None)


_MISTAKES: Final[tuple[tuple[Callable[[Dice, Entry], Entry], int], ...]] = (
    (_respelled, 28),
    (_one_name_more, 10),
    (_other_calendar, 10),
    (_swapped_names, 10),
    (_one_name_less, 12),
    (_day_as_month, 12),
    (_only_the_year, 11),
    (_no_birth_date, 7),
)
_ETHIOPIC_MISTAKES: Final = (*_MISTAKES, (_one_name_more, 25), (_other_calendar, 25))
"""Three names and no family name, thirteen months and years seven or eight behind: forms for others fit ill."""
