"""Invents persons, and writes each down as an agency would. Frozen; the shares and their meaning: ERROR_MODEL.md."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

from handschlag.town.dice import Dice
from schemas.ids import CodeName
from schemas.record import PersonBlock
from tests.benchmarks.matching import foreign_calendars
from tests.benchmarks.matching.foreign_calendars import Day
from tests.benchmarks.matching.pools import Pool
from tests.benchmarks.matching.scripts import RUSSIAN, SCHEMES, Scheme, has_prefix, plain, romanise, with_other_prefix

_ORIGINS: Final = (
    ("arabic", 26), ("ukrainian", 18), ("dari", 14), ("kurdish", 8), ("turkish", 8), ("tigrinya", 7), ("pashto", 6),
    ("balkan", 6), ("russian", 5), ("persian", 5), ("somali", 5), ("west_african", 4), ("german", 4),
)  # fmt: skip
_COUNTRY: Final = {
    "arabic": "sy", "ukrainian": "ua", "dari": "af", "kurdish": "iq", "turkish": "tr", "tigrinya": "er",
    "pashto": "af", "balkan": "rs", "russian": "ru", "persian": "ir", "somali": "so", "west_african": "gn",
    "german": "de",
}  # fmt: skip
_DAY_UNKNOWN: Final = {
    "pashto": 0.30, "dari": 0.25, "somali": 0.25, "tigrinya": 0.12, "west_african": 0.12, "kurdish": 0.08,
    "arabic": 0.07, "persian": 0.02, "balkan": 0.01, "turkish": 0.01,
}  # fmt: skip
_CALENDARS: Final[Mapping[str, Callable[[date], Day]]] = {
    "dari": foreign_calendars.solar_hijri,
    "pashto": foreign_calendars.solar_hijri,
    "persian": foreign_calendars.solar_hijri,
    "arabic": foreign_calendars.lunar_hijri,
    "somali": foreign_calendars.lunar_hijri,
    "tigrinya": foreign_calendars.ethiopian,
}
_THREE_PARTS: Final = {"tigrinya": 1.0, "somali": 1.0, "arabic": 0.33}
_NAMELESS: Final = frozenset({"dari", "pashto", "tigrinya", "somali"})
_SIZES: Final = ((1, 45), (2, 25), (3, 15), (4, 10), (5, 5))
_MARRIED_BEFORE: Final = 2004
_LAST_BIRTH: Final = 2019
_NEIGHBOURS: Final = "qwertzuiop asdfghjkl yxcvbnm"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as they are: names in the notation of `scripts`; `family` is empty where names have three parts."""

    number: int
    origin: str
    sex: Literal["m", "w"]
    given: tuple[str, ...]
    father: str
    grandfather: str
    family: str
    former: str
    born: date
    day_known: bool


@dataclass(frozen=True, slots=True)
class Spelling:
    """All of a person's names as one hand writes them."""

    given: tuple[str, ...]
    patronymic: str
    father: str
    grandfather: str
    family: str
    former: str


def people(seed: int, count: int, pools: Mapping[str, Pool]) -> list[Person]:
    """Invent that many persons, household by household; the same arguments give the same persons."""
    dice = Dice(seed, "persons")
    found: list[Person] = []
    while len(found) < count:
        found += _household(dice, pools)
    return [replace(person, number=number) for number, person in enumerate(found[:count])]


def _household(dice: Dice, pools: Mapping[str, Pool]) -> Iterator[Person]:
    origin = dice.weighted(_ORIGINS)
    names = pools[origin]
    three = dice.chance(_THREE_PARTS.get(origin, 0.0))
    elders = (*names.men, *names.stems) if not names.endings[0][0] else names.men
    father, grandfather = dice.weighted(elders), dice.weighted(elders)
    family = "" if three else _family(dice, names)
    born = dice.day(date(1958, 1, 2), date(2006, 12, 31))
    son: Person | None = None
    taken: set[str] = set()
    sex: Literal["m", "w"] = "m"
    for place in range(dice.weighted(_SIZES)):
        twin = place > 0 and dice.chance(0.02)
        if place and not twin:
            born += timedelta(days=dice.between(300, 1800))
        if born.year > _LAST_BIRTH:
            break
        sex = sex if twin and dice.chance(0.4) else ("m" if dice.chance(0.53) else "w")
        child = Person(
            number=0,
            origin=origin,
            sex=sex,
            given=_given(dice, names, sex, taken),
            father=father,
            grandfather=grandfather,
            family=family,
            former=_former(dice, names, sex, born) if family else "",
            born=born,
            day_known=not dice.chance(_DAY_UNKNOWN.get(origin, 0.0)),
        )
        taken.add(child.given[0])
        son = child if sex == "m" else son
        yield child
    if son is not None and dice.chance(0.04):
        days = timedelta(days=round(dice.between(20, 38) * 365.25) + dice.below(365))
        yield replace(son, father=grandfather, grandfather=dice.weighted(elders), born=son.born - days)


def _given(dice: Dice, names: Pool, sex: str, taken: set[str]) -> tuple[str, ...]:
    """Draw one or two given names; the first is none that a brother or sister bears."""
    choice = names.men if sex == "m" else names.women
    first = dice.weighted([(name, weight) for name, weight in choice if name not in taken])
    second = dice.weighted(choice)
    return (first, second) if dice.chance(0.22) and second != first else (first,)


def _family(dice: Dice, names: Pool) -> str:
    """Draw a family name; `masculine:feminine`, and for Cyrillic `ukrainian|russian` of that."""
    stem, ending = dice.weighted(names.stems), dice.weighted(names.endings)
    if "|" not in stem:
        return stem + ending
    return "|".join(
        ":".join(one + form for form in forms.split(":"))
        for one, forms in zip(stem.split("|"), ending.split("|"), strict=True)
    )


def _former(dice: Dice, names: Pool, sex: str, born: date) -> str:
    return _family(dice, names) if sex == "w" and born.year < _MARRIED_BEFORE and dice.below(15) == 0 else ""


def passport(person: Person, seed: int) -> Spelling:
    """Give the one spelling that stands in the person's passport."""
    dice = Dice(seed, f"passport/{person.number}")
    return _spell(person, dice.weighted(SCHEMES[person.origin]), dice)


def _spell(person: Person, scheme: Scheme, dice: Dice) -> Spelling:
    """Write all names in one scheme; empty names stay empty."""

    def write(name: str) -> str:
        side = name.split("|")[-1 if scheme.side else 0]
        form = side.split(":")[-1 if person.sex == "w" else 0]
        return romanise(form, scheme, dice) if form else ""

    father = person.father.split("|")[-1 if scheme.side else 0]
    return Spelling(
        tuple(write(name) for name in person.given),
        write(_patronymic(father, person.sex, scheme.side)) if person.origin in {"ukrainian", "russian"} else "",
        write(person.father),
        write(person.grandfather),
        write(person.family),
        write(person.former),
    )


def _patronymic(father: str, sex: str, side: int) -> str:
    """Give the East Slavic patronymic of a Cyrillic name."""
    soft = father[-1] in "йьія"
    stem = father[:-1] if father[-1] in "йьіяао" else father
    if sex == "m":
        return stem + ("евич" if soft and side else "йович" if soft else "ович")
    return stem + ("евна" if soft and side else "ївна" if soft else "овна" if side else "івна")


def record(person: Person, seed: int, agency: str) -> PersonBlock:
    """Write a person down as one agency does; the same arguments give the same record."""
    dice = Dice(seed, f"{agency}/{person.number}")
    written = _written(person, seed, dice)
    given, family, others = _fields(person, written, dice)
    if has_prefix(family) and dice.chance(0.10):
        family = with_other_prefix(family, dice)
    given = with_other_prefix(given, dice) if has_prefix(given) and dice.chance(0.10) else given
    family = _slip(family, dice) if dice.chance(0.02) else family
    given = _slip(given, dice) if dice.chance(0.02) else given
    if person.origin in _NAMELESS and dice.chance(0.015):
        family = dice.pick(("-", given))
    if dice.chance(0.015):
        given, family = family, given
    country = _COUNTRY[dice.weighted(_ORIGINS) if dice.chance(0.01) else person.origin]
    return PersonBlock(
        family_name=family,
        given_names=given,
        birth_date=_birth_date(person, dice),
        birth_country=None if dice.chance(0.08) else CodeName(country),
        sex=_sex(person, dice),
        other_names=others,
    )


def _sex(person: Person, dice: Dice) -> Literal["m", "w"] | None:
    if dice.chance(0.04):
        return None
    if dice.chance(0.003):
        return "w" if person.sex == "m" else "m"
    return person.sex


def _written(person: Person, seed: int, dice: Dice) -> Spelling:
    """Copy the passport, hear the names anew, or copy them in plain letters."""
    way = dice.weighted((("copy", 60), ("anew", 30), ("plain", 10)))
    if way == "anew":
        russian = person.origin == "ukrainian" and dice.chance(0.4)
        return _spell(person, dice.weighted(RUSSIAN if russian else SCHEMES[person.origin]), dice)
    spelling = passport(person, seed)
    if way == "copy":
        return spelling
    german = person.origin in {"german", "turkish"}

    def reduce(name: str) -> str:
        return plain(name, dice, german=german)

    return Spelling(
        tuple(reduce(name) for name in spelling.given),
        reduce(spelling.patronymic),
        reduce(spelling.father),
        reduce(spelling.grandfather),
        reduce(spelling.family),
        reduce(spelling.former),
    )


def _fields(person: Person, written: Spelling, dice: Dice) -> tuple[str, str, tuple[str, ...]]:
    """Put the names into the fields of a form: given names, family name, further names."""
    given = list(written.given)
    if len(given) > 1 and dice.chance(0.20):
        given = given[:1]
    if len(given) > 1 and dice.chance(0.02):
        given.reverse()
    if written.patronymic and dice.chance(0.12):
        given.append(written.patronymic)
    others: list[str] = []
    if not person.family:
        family = dice.weighted(
            ((written.grandfather, 45), (written.father, 20), (f"{written.father} {written.grandfather}", 35))
        )
        if dice.chance(0.12):
            given.append(written.father)
    else:
        family, other = written.family, written.former
        if other and dice.chance(0.35):
            family, other = other, family
        if other and dice.chance(0.50):
            others.append(other)
    if dice.chance(0.04):
        again = _spell(person, dice.weighted(SCHEMES[person.origin]), dice)
        others.append(again.family or again.grandfather)
    return " ".join(given), family, tuple(others)


def _slip(name: str, dice: Dice) -> str:
    """Mistype one letter of a name; a name of one letter stays."""
    at = dice.below(len(name))
    kind = dice.weighted((("replace", 35), ("drop", 30), ("add", 15), ("swap", 20)))
    if kind == "replace":
        return name[:at] + _neighbour(name[at], dice) + name[at + 1 :]
    if kind == "drop" and len(name) > 1:
        return (name[:at] + name[at + 1 :]).strip() or name
    if kind == "add":
        return name[:at] + dice.pick((name[at].lower(), _neighbour(name[at], dice))) + name[at:]
    at = min(at, max(0, len(name) - 2))
    return name[:at] + name[at : at + 2][::-1].strip() + name[at + 2 :] or name


def _neighbour(letter: str, dice: Dice) -> str:
    """Give a letter that lies beside another on a German keyboard."""
    at = _NEIGHBOURS.find(letter.lower())
    near = _NEIGHBOURS[max(0, at - 1)] + _NEIGHBOURS[min(len(_NEIGHBOURS) - 1, at + 1)]
    return dice.pick(near.replace(" ", "") or "e")


def _birth_date(person: Person, dice: Dice) -> str | None:
    """Write the birth date with what agencies know, guess and mistype of it."""
    born = person.born
    if not person.day_known:
        way = dice.weighted((("first", 80), ("year", 15), ("guess", 5)))
        year = born.year + (dice.pick((-1, 1)) if way == "guess" else 0)
        return f"{year}" if way == "year" else f"{year}-01-01"
    way = dice.weighted(
        (
            ("first", 12), ("year", 4), ("month", 2), ("missing", 8), ("swap", 8), ("digit", 12), ("off", 5),
            ("other", 4), ("calendar", 12), ("as is", 933),
        )
    )  # fmt: skip
    short = {"first": f"{born.year}-01-01", "year": f"{born.year}", "month": f"{born.isoformat()[:7]}", "missing": None}
    if way in short:
        return short[way]
    return _mistaken(person, way, dice).isoformat()


def _mistaken(person: Person, way: str, dice: Dice) -> date:
    """Give a full date with a mistake of the named kind; where there is none of that kind, the true date."""
    born = person.born
    if way == "swap":
        return _date(born.year, born.day, born.month) or born
    if way == "digit":
        return _digit(born, dice)
    if way == "off":
        return _date(born.year + dice.pick((-1, 1)), born.month, born.day) or born
    if way == "other":
        return dice.day(date(1958, 1, 2), date(2006, 12, 31))
    turn = _CALENDARS.get(person.origin)
    return _calendar_slip(born, turn(born), dice) if way == "calendar" and turn else born


def _calendar_slip(born: date, there: Day, dice: Dice) -> date:
    kind = dice.weighted((("raw", 25), ("half", 50), ("table", 25)))
    if kind == "raw":
        return _date(*there) or born
    if kind == "half":
        return _date(born.year, there.month, there.day) or born
    off = dice.pick((-8, -7)) if there.year > born.year - 10 else dice.pick((-1, 1))
    return _date(born.year + off, born.month, born.day) or born


def _digit(born: date, dice: Dice) -> date:
    """Replace one digit so that the result is a date between 1900 and 2025."""
    digits = f"{born:%Y%m%d}"
    while True:
        at, digit = dice.below(8), str(dice.below(10))
        typed = digits[:at] + digit + digits[at + 1 :]
        wrong = _date(int(typed[:4]), int(typed[4:6]), int(typed[6:]))
        if typed != digits and wrong is not None and 1900 <= wrong.year <= 2025:
            return wrong


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
