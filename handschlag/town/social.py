"""The social office: an export of its asylum seekers' benefits as a CSV file, one line per person."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

from handschlag.town.dice import Dice
from handschlag.town.entries import Entry, Town
from handschlag.town.files import Cell, write_csv
from handschlag.town.immigration import STATES
from handschlag.town.names import STREETS
from handschlag.town.people import JOBCENTER, SOCIAL, TODAY

HEADINGS: Final = (
    "Aktenzeichen", "Name", "Vorname", "geb. am", "Geschlecht", "Staat", "Straße", "Hausnr.", "PLZ", "Ort", "Telefon",
    "Leistung", "Stand", "von", "bis", "Kurs", "Kurs seit", "Verpflichtung", "Sperre", "geändert",
)  # fmt: skip
_COURSES: Final = (("Integrationskurs", 70), ("Alphabetisierung", 30))


def file_number(entry: Entry) -> str:
    """Give the number by which the social office calls the file."""
    return f"SO-{entry.row:05}"


def write(town: Town, folder: Path) -> None:
    """Write the office's export."""
    dice = Dice(town.seed, "social")
    write_csv(folder / "leistungen.csv", HEADINGS, [_row(dice, entry) for entry in town.entries[SOCIAL]])


def _row(dice: Dice, entry: Entry) -> tuple[Cell, ...]:
    one = entry.person
    left = JOBCENTER in one.agencies
    ended = dice.day(date(2026, 7, 1), TODAY) if left else None
    began = dice.day(max(one.arrived or date(2022, 1, 1), date(2022, 1, 1)), date(2026, 6, 30))
    course = dice.weighted(_COURSES) if dice.chance(0.5) else None
    return (
        file_number(entry),
        entry.family_name,
        entry.given_names,
        None if entry.born is None else entry.born.strftime("%d.%m.%Y"),
        one.sex,
        STATES[one.origin.country],
        dice.pick(STREETS),
        dice.between(1, 120),
        "49999",
        "Musterstadt",
        f"0171 {dice.between(1_000_000, 9_999_999)}" if dice.chance(0.5) else None,
        "Analogleistung" if began + timedelta(days=3 * 365) < TODAY else "Grundleistung",
        "eingestellt" if left else "bewilligt",
        _day(began),
        _day(ended),
        course,
        None if course is None else _day(began + timedelta(days=60)),
        "ja" if course is not None and dice.chance(0.6) else "nein",
        "ja" if one.blocked else None,
        _day(ended or began),
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.strftime("%d.%m.%Y")
