"""The language school: a spreadsheet with one row per participant, kept by the course office."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from handschlag.town.dice import Dice
from handschlag.town.entries import Entry, Town
from handschlag.town.files import Cell, write_workbook
from handschlag.town.immigration import STATES
from handschlag.town.people import SCHOOL, TODAY

HEADINGS: Final = (
    "TN-Nr", "Nachname", "Vorname", "Geburtsdatum", "Geschlecht", "Geburtsland", "Telefon", "Schrift", "Kursart",
    "Modul", "Angemeldet", "Kursbeginn", "Kursende", "Status", "Abbruchgrund", "Stunden", "Einstufung", "Einstufung am",
    "Prüfung", "Ergebnis", "Prüfung am", "Niveau", "Auskunftssperre", "Stand",
)  # fmt: skip
_STATES: Final = (("beendet", 45), ("läuft", 30), ("wartet", 12), ("abgebrochen", 8), ("unterbrochen", 5))
_KINDS: Final = (("Integrationskurs", 60), ("Alphabetisierung", 18), ("Zweitschrift", 10), ("Berufssprachkurs B2", 12))
_RESULTS: Final = {"A0": "unter A2", "A1": "unter A2", "A2": "A2", "B1": "B1", "B2": "B1", "C1": "B1"}
_HOURS: Final = 700


@dataclass(frozen=True, slots=True)
class Course:
    """How far a participant has come; `exam` and `result` are empty before the examination."""

    kind: str
    state: str
    registered: date
    began: date | None
    ended: date | None
    exam: str
    result: str
    exam_on: date | None


def file_number(entry: Entry) -> str:
    """Give the number by which the course office calls the participant."""
    return f"TN-{entry.row:04}"


def courses(town: Town) -> dict[int, Course]:
    """Give each participant's course by the person's number."""
    dice = Dice(town.seed, "courses")
    return {entry.person.number: _course(dice, entry) for entry in town.entries[SCHOOL]}


def write(town: Town, folder: Path) -> None:
    """Write the school's workbook."""
    dice = Dice(town.seed, "school")
    known = courses(town)
    rows = [_row(dice, entry, known[entry.person.number]) for entry in town.entries[SCHOOL]]
    write_workbook(folder / "teilnehmende.xlsx", "Teilnehmende", HEADINGS, rows)


def _course(dice: Dice, entry: Entry) -> Course:
    state = dice.weighted(_STATES)
    kind = dice.weighted(_KINDS)
    registered = dice.day(date(2024, 1, 8), date(2025, 11, 28))
    if state == "wartet":
        return Course(kind, state, dice.day(date(2026, 6, 1), TODAY), None, None, "", "", None)
    began = registered + timedelta(days=dice.between(14, 70))
    if state != "beendet":
        ended = began + timedelta(days=dice.between(20, 150)) if state == "abgebrochen" else None
        return Course(kind, state, registered, began, ended, "", "", None)
    ended = began + timedelta(days=dice.between(160, 230))
    if dice.chance(0.15):
        return Course(kind, state, registered, began, ended, "", "", None)
    work = kind.endswith("B2")
    result = dice.pick(("bestanden", "nicht bestanden")) if work else _RESULTS[entry.person.level]
    return Course(kind, state, registered, began, ended, "DTB" if work else "DTZ", result, ended + timedelta(days=6))


def _row(dice: Dice, entry: Entry, course: Course) -> tuple[Cell, ...]:
    one = entry.person
    hours = 0 if course.began is None else _HOURS if course.state == "beendet" else dice.between(4, 30) * 20
    return (
        file_number(entry),
        entry.family_name,
        entry.given_names,
        entry.born,
        {"m": "männlich", "w": "weiblich", "d": "divers"}[one.sex],
        STATES[one.origin.country],
        f"0171 {dice.between(1_000_000, 9_999_999)}" if dice.chance(0.6) else None,
        "keine"
        if course.kind == "Alphabetisierung"
        else "andere Schrift"
        if course.kind == "Zweitschrift"
        else "Latein",
        course.kind,
        max(1, hours // 100),
        course.registered,
        course.began,
        course.ended,
        course.state,
        dice.pick(("Arbeit", "Kinderbetreuung", "Umzug", "anderer")) if course.state == "abgebrochen" else None,
        hours,
        dice.pick(("A0", "A1", "A2")),
        course.registered - timedelta(days=3),
        course.exam or None,
        course.result or None,
        course.exam_on,
        one.level,
        "ja" if one.blocked else None,
        course.exam_on or course.ended or course.registered,
    )
