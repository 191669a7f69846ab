"""Who lives in the town: invented persons, and which agencies know them. Nothing here reads a clock."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from handschlag.town.dice import Dice
from handschlag.town.names import ORIGINS, Origin

TODAY: Final = date(2026, 11, 2)
"""The day on which the town stands still."""

ABH: Final = "auslaenderbehoerde"
JOBCENTER: Final = "jobcenter"
SCHOOL: Final = "sprachschule"
COUNSELLING: Final = "beratung"
SOCIAL: Final = "sozialamt"
AGENCIES: Final = (ABH, JOBCENTER, SCHOOL, COUNSELLING, SOCIAL)

JOBCENTER_SHARE: Final = 0.45
"""Of all persons; every other one has at least a file at the Ausländerbehörde."""
SCHOOL_SHARE: Final = 0.22
COUNSELLING_SHARE: Final = 0.20
JOBCENTER_IN_ABH: Final = 0.6
SCHOOL_IN_JOBCENTER: Final = 0.4
COUNSELLING_IN_SCHOOL: Final = 0.5
SOCIAL_SHARE: Final = 0.12
SOCIAL_IN_JOBCENTER: Final = 0.5
"""Of the social office's clients as many have just changed to the Jobcenter; the others still get benefits there."""
MIN_PERSONS: Final = 300

_ONE_IN_TWINS: Final = 150
_ONE_IN_NAMESAKES: Final = 500
_ONE_IN_BLOCKED: Final = 100
_LEVELS: Final = (("A0", 10), ("A1", 22), ("A2", 28), ("B1", 24), ("B2", 12), ("C1", 4))


@dataclass(frozen=True, slots=True)
class Person:
    """A person as they are, whatever the agencies have written down.

    `born` is 1 January where `year_only`. `blocked`: nothing may be handed out. `alike`: another person of the town has
    the same family name and birth date (twins, or namesakes by chance).
    """

    number: int
    origin: Origin
    sex: str
    family_name: str
    given_names: str
    born: date
    year_only: bool
    birth_place: str
    arrived: date | None
    level: str
    isced: int
    children: int
    agencies: frozenset[str]
    birth_name: str = ""
    blocked: bool = False
    alike: bool = False

    @property
    def birth_date(self) -> str:
        """The birth date as far as it is known."""
        return f"{self.born.year:04}" if self.year_only else self.born.isoformat()


def people(seed: int, count: int) -> tuple[Person, ...]:
    """Invent the persons of a town, at least `MIN_PERSONS`, and say which agencies know them."""
    if count < MIN_PERSONS:
        message = f"town: at least {MIN_PERSONS} persons are needed to show every case"
        raise ValueError(message)
    known = _memberships(Dice(seed, "memberships"), count)
    dice = Dice(seed, "people")
    persons = [_person(dice, number, known[number]) for number in range(count)]
    return tuple(_look_alikes(Dice(seed, "alike"), persons))


def _memberships(dice: Dice, count: int) -> list[frozenset[str]]:
    """Share the persons out among the agencies so that the stated overlaps hold exactly (rounded to persons)."""
    order = dice.shuffled(range(count))
    clients = order[: round(count * JOBCENTER_SHARE)]
    others = order[len(clients) :]
    members = {ABH: {*clients[: round(len(clients) * JOBCENTER_IN_ABH)], *others}, JOBCENTER: set(clients)}
    learners = round(count * SCHOOL_SHARE)
    both = round(learners * SCHOOL_IN_JOBCENTER)
    members[SCHOOL] = {*dice.shuffled(clients)[:both], *dice.shuffled(others)[: learners - both]}
    advised = round(count * COUNSELLING_SHARE)
    both = round(advised * COUNSELLING_IN_SCHOOL)
    outside = [number for number in order if number not in members[SCHOOL]]
    members[COUNSELLING] = {*dice.shuffled(sorted(members[SCHOOL]))[:both], *dice.shuffled(outside)[: advised - both]}
    supported = round(count * SOCIAL_SHARE)
    changed = round(supported * SOCIAL_IN_JOBCENTER)
    still = sorted(members[ABH] - members[JOBCENTER])
    members[SOCIAL] = {*dice.shuffled(sorted(members[ABH] & members[JOBCENTER]))[:changed]}
    members[SOCIAL] |= {*dice.shuffled(still)[: supported - changed]}
    return [frozenset(agency for agency in AGENCIES if number in members[agency]) for number in range(count)]


def _person(dice: Dice, number: int, agencies: frozenset[str]) -> Person:
    """Invent one person; Germans are known to the Jobcenter only."""
    german = agencies == {JOBCENTER} and dice.chance(0.6)
    origin = ORIGINS[-1] if german else dice.weighted([(one, one.weight) for one in ORIGINS])
    sex = dice.weighted((("w", 49), ("m", 50), ("d", 1)))
    first = dice.pick(origin.men if sex == "m" else origin.women)
    second = dice.pick(origin.men if sex == "m" else origin.women)
    family_name, birth_name = _family_name(dice, origin, sex), _family_name(dice, origin, sex)
    year_only = dice.below(100) < origin.year_only
    born = dice.day(date(1962, 1, 2), date(2007, 12, 31))
    return Person(
        number=number,
        origin=origin,
        sex=sex,
        family_name=family_name,
        given_names=f"{first} {second}" if dice.chance(0.2) and first != second else first,
        born=date(born.year, 1, 1) if year_only else born,
        year_only=year_only or (born.month, born.day) == (1, 1),
        birth_place=dice.pick(origin.places),
        arrived=None if german else dice.day(date(2014, 6, 1), date(2026, 6, 30)),
        level=dice.weighted(_LEVELS),
        isced=dice.weighted(tuple(enumerate((6, 14, 24, 26, 6, 4, 13, 6, 1)))),
        children=dice.weighted(((0, 45), (1, 20), (2, 20), (3, 10), (4, 5))),
        agencies=agencies,
        birth_name=birth_name if sex == "w" and dice.chance(0.25) else "",
    )


def _family_name(dice: Dice, origin: Origin, sex: str) -> str:
    name = dice.pick(origin.stems) + dice.pick(origin.endings)
    if sex == "w":
        for ending, feminine in origin.feminine:
            if name.endswith(ending):
                return name.removesuffix(ending) + feminine
    return name


def _look_alikes(dice: Dice, persons: list[Person]) -> list[Person]:
    """Turn some participants of courses into twins and namesakes of others, and protect some persons.

    The first one of each kind is known to counselling with the whole birth date, so that every case can be shown
    between those two.
    """
    pupils = [one.number for one in persons if SCHOOL in one.agencies]
    advised = dice.shuffled(
        number for number in pupils if COUNSELLING in persons[number].agencies and not persons[number].year_only
    )
    others = dice.shuffled(number for number in pupils if COUNSELLING not in persons[number].agencies)
    namesakes = max(1, len(persons) // _ONE_IN_NAMESAKES)
    twins = max(1, len(persons) // _ONE_IN_TWINS)
    for turn in range(namesakes + twins):
        one, other = persons[advised.pop()], persons[others.pop()]
        given_names = one.given_names if turn < namesakes else _of_a_twin(dice, one)
        persons[one.number] = replace(one, alike=True)
        persons[other.number] = replace(
            one, number=other.number, given_names=given_names, agencies=other.agencies, level=other.level, alike=True
        )
    unlike = dice.shuffled(one.number for one in persons if not one.alike)
    for number in (advised.pop(), *unlike[: len(persons) // _ONE_IN_BLOCKED]):
        persons[number] = replace(persons[number], blocked=True)
    return persons


def _of_a_twin(dice: Dice, one: Person) -> str:
    names = one.origin.men if one.sex == "m" else one.origin.women
    return dice.pick([name for name in names if name not in one.given_names.split()])
