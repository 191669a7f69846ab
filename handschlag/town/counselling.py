"""The counselling office: a small database of its own; dates as 30.04.2001, or 00.00.2001 where the year is all."""

from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from handschlag.town.dice import Dice
from handschlag.town.entries import Entry, Town
from handschlag.town.files import Cell, Columns, Table, write_tables
from handschlag.town.immigration import STATES
from handschlag.town.people import COUNSELLING, TODAY

_CLIENT: Final[Columns] = {
    "id": "INTEGER PRIMARY KEY",
    "az": "TEXT UNIQUE",
    "nachname": "TEXT NOT NULL",
    "vornamen": "TEXT NOT NULL",
    "geburtsname": "TEXT",
    "geburt": "TEXT",
    "geschlecht": "TEXT",
    "herkunft": "TEXT",
    "sprache": "TEXT",
    "niveau": "TEXT",
    "schuljahre": "INTEGER",
    "schulart": "TEXT",
    "abschluss": "TEXT",
    "isced": "INTEGER",
    "beruf": "TEXT",
    "berufsjahre": "INTEGER",
    "fuehrerschein": "TEXT",
    "kinder_u7": "INTEGER",
    "alleinerz": "INTEGER",
    "plan": "TEXT",
    "plan_bis": "TEXT",
    "besprochen": "TEXT",
    "in_beratung_seit": "TEXT",
    "sperre": "INTEGER",
    "gesetzl_betreuung": "INTEGER",
    "stand": "TEXT",
}
_NEED: Final[Columns] = {"klient_id": "INTEGER", "nr": "INTEGER", "bedarf": "TEXT", "stand": "TEXT"}
_SKILL: Final[Columns] = {
    "klient_id": "INTEGER",
    "nr": "INTEGER",
    "faehigkeit": "TEXT",
    "niveau": "TEXT",
    "stand": "TEXT",
}
_PAPER: Final[Columns] = {
    "klient_id": "INTEGER",
    "nr": "INTEGER",
    "art": "TEXT",
    "stelle": "TEXT",
    "vom": "TEXT",
    "sha256": "TEXT",
}
_TRADES: Final = ("Bau", "Pflege", "Verkauf", "Landwirtschaft", "Lehramt", "Elektro", "Schneiderei", "Küche", "Büro")
_SKILLS: Final = (
    "Kochen",
    "Nähen",
    "Bauen",
    "Elektroarbeiten",
    "Verkaufen",
    "Pflege",
    "Computer",
    "Fahren",
    "Dolmetschen",
)
_NEEDS: Final = ("Sprache", "Arbeit", "Wohnen", "Kinderbetreuung", "Anerkennung", "Schule", "Schulden", "Aufenthalt")
_SCHOOLS: Final = ("keine", "Grundschule", "weiterführend", "weiterführend", "Berufsschule", "Berufsschule")
_DEGREES: Final = ("kein", "Grundschule", "Sek I", "Sek II", "Beruf", "Beruf")
_UNIVERSITY: Final = 6


def file_number(entry: Entry) -> str:
    """Give the number by which the counsellors call the file."""
    return f"B-{entry.row:04}/26"


def write(town: Town, folder: Path) -> None:
    """Write the counselling office's database."""
    dice = Dice(town.seed, "counselling")
    entries = town.entries[COUNSELLING]
    tables = {
        "klient": Table(_CLIENT, [_client(dice, entry) for entry in entries], ("geburt",)),
        "bedarf": Table(_NEED, [row for entry in entries for row in _needs(dice, entry)], ("klient_id",)),
        "faehigkeit": Table(_SKILL, [row for entry in entries for row in _skills(dice, entry)], ("klient_id",)),
        "unterlage": Table(
            _PAPER, [row for entry in entries for row in _papers(dice, town.seed, entry)], ("klient_id",)
        ),
    }
    write_tables(folder / "beratung.db", tables)


def _client(dice: Dice, entry: Entry) -> tuple[Cell, ...]:
    one = entry.person
    since = dice.day(max(one.arrived or TODAY, date(2024, 1, 1)), TODAY)
    worked = dice.chance(0.7)
    plan = dice.chance(0.7)
    return (
        entry.row,
        file_number(entry),
        entry.family_name,
        entry.given_names,
        one.birth_name or None,
        _born(entry),
        one.sex,
        STATES[one.origin.country],
        one.origin.language,
        one.level,
        min(13, 2 * one.isced + dice.between(0, 3)),
        "Hochschule" if one.isced >= _UNIVERSITY else _SCHOOLS[one.isced],
        "Hochschule" if one.isced >= _UNIVERSITY else _DEGREES[one.isced],
        one.isced,
        dice.pick(_TRADES) if worked else None,
        dice.between(1, 15) if worked else None,
        "B" if dice.chance(0.35) else None,
        min(one.children, dice.between(0, 2)),
        int(one.children > 0 and dice.chance(0.2)),
        dice.pick(("Arbeit", "Kurs", "Ausbildung", "Anerkennung", "Familie")) if plan else None,
        f"{TODAY + timedelta(days=dice.between(10, 200)):%d.%m.%Y}" if plan else None,
        f"{dice.day(since, TODAY):%d.%m.%Y}" if plan else None,
        f"{since:%d.%m.%Y}",
        int(one.blocked),
        0,
        f"{dice.day(since, TODAY):%d.%m.%Y}",
    )


def _born(entry: Entry) -> str | None:
    if entry.born is None:
        return None
    return f"00.00.{entry.born.year}" if entry.year_only else f"{entry.born:%d.%m.%Y}"


def _needs(dice: Dice, entry: Entry) -> list[tuple[Cell, ...]]:
    chosen = dice.shuffled(_NEEDS)[: dice.between(1, 4)]
    return [(entry.row, place, need, f"{TODAY:%d.%m.%Y}") for place, need in enumerate(chosen, start=1)]


def _skills(dice: Dice, entry: Entry) -> list[tuple[Cell, ...]]:
    chosen = dice.shuffled(_SKILLS)[: dice.between(0, 3)]
    levels = ("Grundkenntnisse", "gut", "sehr gut")
    return [
        (entry.row, place, skill, dice.pick(levels), f"{TODAY:%d.%m.%Y}") for place, skill in enumerate(chosen, start=1)
    ]


def _papers(dice: Dice, seed: int, entry: Entry) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for place, kind in enumerate(dice.shuffled(("Lebenslauf", "Schulzeugnis", "Berufszeugnis"))[: dice.between(0, 2)]):
        day = f"{dice.day(date(2010, 1, 1), TODAY):%d.%m.%Y}"
        content = sha256(f"{seed}/{entry.row}/{place}".encode()).hexdigest()
        issuer = "selbst" if kind == "Lebenslauf" else entry.person.birth_place
        rows.append((entry.row, place + 1, kind, issuer, day, content))
    return rows
