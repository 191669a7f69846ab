"""The Jobcenter: another maker's database, other names for the same things, dates as 30.04.2001."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

from handschlag.town.dice import Dice
from handschlag.town.entries import Entry, Town
from handschlag.town.files import Cell, Columns, Table, write_tables
from handschlag.town.names import STREETS
from handschlag.town.people import JOBCENTER, TODAY

_CUSTOMER: Final[Columns] = {
    "kdnr": "INTEGER PRIMARY KEY",
    "name": "TEXT NOT NULL",
    "vname": "TEXT NOT NULL",
    "gebdat": "TEXT",
    "geschl": "INTEGER",
    "tel": "TEXT",
    "mail": "TEXT",
    "spr": "TEXT",
    "dolm": "TEXT",
    "str_hnr": "TEXT",
    "plz_ort": "TEXT",
    "lst_art": "TEXT",
    "lst_stand": "TEXT",
    "lst_von": "TEXT",
    "lst_bis": "TEXT",
    "ansprech": "TEXT",
    "koop_ziel": "TEXT",
    "koop_bis": "TEXT",
    "erwtaet": "INTEGER",
    "erw_umf": "TEXT",
    "erw_ab": "TEXT",
    "ausk_sperre": "INTEGER",
    "team": "TEXT",
    "aend_dat": "TEXT",
}
_MEASURE: Final[Columns] = {
    "kdnr": "INTEGER",
    "pos": "INTEGER",
    "art": "TEXT",
    "traeger": "TEXT",
    "von": "TEXT",
    "bis": "TEXT",
    "erg": "TEXT",
    "aend_dat": "TEXT",
}
TEAMS: Final = 3
_TRANSLATED: Final = {"ar", "ku", "fa", "fa-AF", "ps", "uk", "ru", "tr", "ti", "so", "fr"}
_MEASURES: Final = ("Aktivierung", "Weiterbildung", "Arbeitsgelegenheit", "Praktikum", "Coaching")
_CARRIERS: Final = ("Werkhof Musterstadt", "Bildungswerk Hase", "Lernort Nord")


def file_number(entry: Entry) -> str:
    """Give the number by which the Jobcenter calls the file; it is not the customer number of the BA."""
    return str(700_000 + entry.row)


def write(town: Town, folder: Path) -> None:
    """Write the Jobcenter's database."""
    dice = Dice(town.seed, "jobcenter")
    entries = town.entries[JOBCENTER]
    tables = {
        "kunde": Table(_CUSTOMER, [_customer(dice, entry) for entry in entries], ("gebdat",)),
        "massnahme": Table(_MEASURE, [row for entry in entries for row in _measures(dice, entry)], ("kdnr",)),
    }
    write_tables(folder / "jobcenter.db", tables)


def _customer(dice: Dice, entry: Entry) -> tuple[Cell, ...]:
    one = entry.person
    number = int(file_number(entry))
    since = dice.day(max(one.arrived or date(2015, 1, 1), date(2021, 1, 1)), TODAY)
    works = dice.chance(0.25)
    plan = dice.chance(0.6)
    return (
        number,
        entry.family_name,
        entry.given_names,
        _german(entry.born),
        {"m": 1, "w": 2, "d": 3}[one.sex],
        f"0541 {dice.between(100_000, 999_999)}" if dice.chance(0.8) else None,
        f"k{number}@post.example" if dice.chance(0.5) else None,
        one.origin.language,
        one.origin.language if one.level in {"A0", "A1"} and one.origin.language in _TRANSLATED else None,
        f"{dice.pick(STREETS)} {dice.between(1, 120)}",
        "49999 Musterstadt",
        "ALG2",
        dice.weighted((("bewilligt", 80), ("beantragt", 10), ("eingestellt", 10))),
        _german(since),
        _german(since + timedelta(days=365)),
        f"Team {dice.between(1, 9)}, Zimmer {dice.between(101, 340)}",
        dice.pick(("Arbeit", "Kurs", "Ausbildung", "Anerkennung")) if plan else None,
        _german(TODAY + timedelta(days=dice.between(20, 180))) if plan else None,
        int(works),
        dice.pick(("Vollzeit", "Teilzeit", "Minijob")) if works else None,
        _german(dice.day(since, TODAY)) if works else None,
        int(one.blocked),
        f"Team {number % TEAMS + 1}",
        _german(dice.day(since, TODAY)),
    )


def _measures(dice: Dice, entry: Entry) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for place in range(dice.weighted(((0, 55), (1, 30), (2, 15)))):
        begin = dice.day(date(2024, 1, 1), TODAY)
        end = begin + timedelta(days=dice.between(28, 180))
        result = "läuft" if end > TODAY else dice.pick(("beendet", "abgebrochen", "Arbeit"))
        measure = (dice.pick(_MEASURES), dice.pick(_CARRIERS), _german(begin), _german(end), result)
        rows.append((int(file_number(entry)), place + 1, *measure, _german(min(end, TODAY))))
    return rows


def _german(day: date | None) -> str | None:
    return None if day is None else f"{day:%d.%m.%Y}"
