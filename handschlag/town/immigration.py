"""The Ausländerbehörde: one file per foreigner in a database with German column names and dates as 2001-04-30."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

from handschlag.town.dice import Dice
from handschlag.town.entries import Entry, Town
from handschlag.town.files import Cell, Columns, Table, write_tables
from handschlag.town.names import STREETS
from handschlag.town.people import ABH, TODAY

STATES: Final = {
    "sy": "Syrien", "iq": "Irak", "af": "Afghanistan", "ir": "Iran", "ua": "Ukraine", "ru": "Russische Föderation",
    "tr": "Türkei", "er": "Eritrea", "so": "Somalia", "gn": "Guinea", "de": "Deutschland",
}  # fmt: skip
"""How German offices write the states of the town's people."""

_PROTECTED: Final = (("AE|AufenthG:25(2)", 50), ("NE|AufenthG:26(3)", 15), ("AG|", 12), ("DU|", 13), ("FB|", 10))
_UKRAINIAN: Final = (("V24|AufenthG:24", 85), ("AE|AufenthG:18a", 10), ("FB|", 5))
_TURKISH: Final = (("NE|AufenthG:9", 40), ("AE|AufenthG:28(1)", 45), ("AG|", 15))
_WORK: Final = {"AG": "B", "DU": "B"}
_FILE: Final[Columns] = {
    "akte_nr": "TEXT PRIMARY KEY",
    "familienname": "TEXT NOT NULL",
    "geburtsname": "TEXT",
    "vornamen": "TEXT NOT NULL",
    "geburtsdatum": "TEXT",
    "geburtsort": "TEXT",
    "geburtsstaat": "TEXT",
    "geschlecht": "TEXT",
    "familienstand": "TEXT",
    "einreise": "TEXT",
    "status": "TEXT",
    "rechtsgrundlage": "TEXT",
    "gueltig_ab": "TEXT",
    "gueltig_bis": "TEXT",
    "erwerb": "TEXT",
    "strasse": "TEXT",
    "hausnr": "TEXT",
    "plz": "TEXT",
    "ort": "TEXT",
    "ags": "TEXT",
    "uebermittlungssperre": "TEXT",
    "betreuung": "TEXT",
    "geaendert_am": "TEXT",
}


def file_number(entry: Entry) -> str:
    """Give the number by which the Ausländerbehörde calls the file."""
    return f"MU-{entry.row:06}"


def write(town: Town, folder: Path) -> None:
    """Write the office's database."""
    dice = Dice(town.seed, "immigration")
    entries = town.entries[ABH]
    tables = {
        "auslaenderakte": Table(_FILE, [_file(dice, entry) for entry in entries], ("geburtsdatum",)),
        "staatsangehoerigkeit": Table(
            {"akte_nr": "TEXT", "lfd_nr": "INTEGER", "staat": "TEXT"},
            [(file_number(entry), 1, STATES[entry.person.origin.country]) for entry in entries],
            ("akte_nr",),
        ),
        "angehoerige": Table(
            {"akte_nr": "TEXT", "lfd_nr": "INTEGER", "rolle": "TEXT", "name": "TEXT", "geburtsjahr": "INTEGER"},
            [row for entry in entries for row in _family(dice, entry)],
            ("akte_nr",),
        ),
    }
    write_tables(folder / "abh.db", tables)


def _file(dice: Dice, entry: Entry) -> tuple[Cell, ...]:
    one = entry.person
    kinds = {"ua": _UKRAINIAN, "tr": _TURKISH}.get(one.origin.country, _PROTECTED)
    status, _, section = dice.weighted(kinds).partition("|")
    since = dice.day(max(one.arrived or TODAY, date(2022, 3, 1)), TODAY)
    until = None if status == "NE" else since + timedelta(days=365 * dice.between(1, 3))
    return (
        file_number(entry),
        entry.family_name,
        one.birth_name or None,
        entry.given_names,
        _iso(entry.born),
        one.birth_place if dice.chance(0.95) else None,
        STATES[one.origin.country],
        one.sex.upper(),
        "VH" if one.birth_name else dice.weighted((("LD", 50), ("VH", 40), ("GS", 6), ("VW", 4))),
        _iso(one.arrived),
        status,
        section or None,
        since.isoformat(),
        _iso(until),
        _WORK.get(status, "U"),
        dice.pick(STREETS),
        str(dice.between(1, 120)),
        "49999",
        "Musterstadt",
        "03999999",
        "J" if one.blocked else "N",
        "N",
        dice.day(since, TODAY).isoformat(),
    )


def _family(dice: Dice, entry: Entry) -> list[tuple[Cell, ...]]:
    one = entry.person
    names = one.origin.women + one.origin.men
    return [
        (file_number(entry), place, "Kind", f"{entry.family_name}, {dice.pick(names)}", dice.between(2009, 2025))
        for place in range(1, one.children + 1)
    ]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
