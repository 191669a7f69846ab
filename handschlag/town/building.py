"""Writes the town into a folder, and finds it again."""

import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

from handschlag.town import counselling, immigration, jobcenter, school, social
from handschlag.town.entries import Town, make
from handschlag.town.files import write_toml
from handschlag.town.people import ABH, AGENCIES, COUNSELLING, JOBCENTER, SCHOOL, SOCIAL, TODAY
from schemas.errors import Malformed

FEDERATION: Final = "musterstadt.example"
MANIFEST: Final = "town.toml"
PERSONS: Final = 3000


class Agency(NamedTuple):
    """An agency of the town: its kind in the registry, its name, and what writes its system."""

    kind: str
    name: str
    write: Callable[[Town, Path], None]


AGENCY: Final = {
    ABH: Agency("auslaenderbehoerde", "Ausländerbehörde Musterstadt", immigration.write),
    JOBCENTER: Agency("jobcenter", "Jobcenter Musterstadt", jobcenter.write),
    SCHOOL: Agency("course_provider", "Sprachschule Lindenhof", school.write),
    COUNSELLING: Agency("mbe", "Beratungsstelle Ankommen", counselling.write),
    SOCIAL: Agency("asylblg_office", "Sozialamt Musterstadt", social.write),
}


def build(folder: Path, seed: int, persons: int = PERSONS) -> Town:
    """Write each agency's system and mapping into a folder of its name, and `town.toml` with what is in them.

    The same seed and number of persons give the same contents. Raises ValueError for too few persons.
    """
    town = make(seed, persons)
    for agency in AGENCIES:
        home = folder / agency
        home.mkdir(parents=True, exist_ok=True)
        AGENCY[agency].write(town, home)
        (home / "mapping.toml").write_text(mapping_text(agency), encoding="utf-8")
    write_toml(
        folder / MANIFEST,
        {"federation": FEDERATION, "seed": seed, "persons": persons, "day": TODAY.isoformat()},
        [*_agencies(town), *_overlaps(town)],
    )
    return town


def load(folder: Path) -> Town:
    """Make the town of a folder again from its manifest; Malformed where that is no manifest of ours."""
    try:
        manifest = tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return make(int(manifest["seed"]), int(manifest["persons"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{MANIFEST}: the folder holds no town ({type(error).__name__})"
        raise Malformed(message) from error


def mapping_text(agency: str) -> str:
    """Give the text of an agency's mapping file."""
    return (files("handschlag.town") / "mappings" / f"{agency}.toml").read_text(encoding="utf-8")


def _agencies(town: Town) -> Iterator[tuple[str, dict[str, str | int]]]:
    for agency, entries in town.entries.items():
        about = AGENCY[agency]
        exact = sum(entry.exact for entry in entries)
        counts = {"rows": len(entries), "exact": exact, "blocked": sum(entry.person.blocked for entry in entries)}
        yield "agency", {"id": agency, "kind": about.kind, "name": about.name, **counts}


def _overlaps(town: Town) -> Iterator[tuple[str, dict[str, str | int]]]:
    exact = {agency: {one.person.number for one in rows if one.exact} for agency, rows in town.entries.items()}
    for one, other in combinations(AGENCIES, 2):
        shared = sum({one, other} <= person.agencies for person in town.persons)
        yield "overlap", {"between": one, "and": other, "persons": shared, "exact": len(exact[one] & exact[other])}
