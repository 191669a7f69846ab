"""The synthetic town: repeatable, with the stated shares, and readable through its own mappings."""

import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
from openpyxl import load_workbook

from adapters.sources.mapping import SourceMapping, parse
from adapters.sources.opening import open_source
from adapters.sources.port import LocalRef, Source
from handschlag.town import AGENCY, FEDERATION, Town, build, load, mapping_text, pick
from handschlag.town.dice import Dice
from handschlag.town.entries import EXACT_SHARE, make
from handschlag.town.people import (
    ABH,
    AGENCIES,
    COUNSELLING,
    COUNSELLING_IN_SCHOOL,
    JOBCENTER,
    JOBCENTER_IN_ABH,
    MIN_PERSONS,
    SCHOOL,
    SCHOOL_IN_JOBCENTER,
    SOCIAL,
    SOCIAL_IN_JOBCENTER,
)
from schemas import registry
from schemas.errors import Malformed
from schemas.ids import FieldName
from schemas.record import PersonBlock

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

REGISTRY = Path(registry.__file__).parent / "registry"
SEED = 20


class Law(NamedTuple):
    """What the registry says of fields and codes."""

    fields: dict[FieldName, dict[str, str]]
    codes: dict[str, frozenset[str]]


@pytest.fixture(scope="module")
def law() -> Law:
    """Read the two registry files that mappings depend on."""
    fields = tomllib.loads((REGISTRY / "fields.toml").read_text(encoding="utf-8"))["field"]
    lists = tomllib.loads((REGISTRY / "code_lists.toml").read_text(encoding="utf-8"))["code_list"]
    return Law(
        {FieldName(field["name"]): field for field in fields},
        {one["name"]: frozenset(value["code"] for value in one["values"]) for one in lists},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a small town once."""
    home = tmp_path_factory.mktemp("town")
    build(home, SEED, MIN_PERSONS)
    return home


@pytest.fixture(scope="module")
def town() -> Town:
    """Make a larger town in memory only."""
    return make(SEED, 2000)


def sources(folder: Path, law: Law) -> Iterator[tuple[str, SourceMapping, Source]]:
    """Open every agency's system as a node would."""
    for agency in AGENCIES:
        text = (folder / agency / "mapping.toml").read_text(encoding="utf-8")
        mapping = parse(text, f"{agency}/mapping.toml", frozenset(law.fields))
        yield agency, mapping, open_source(mapping, folder / agency)


def contents(folder: Path) -> list[object]:
    """Give everything that the agencies' systems of a town hold."""
    found: list[object] = []
    for path in sorted(folder.glob("*/*.db")):
        with closing(sqlite3.connect(path)) as database:
            found.append((path.name, list(database.iterdump())))
    for path in sorted(folder.glob("*/*.xlsx")):
        with closing(load_workbook(path, read_only=True)) as book:
            found.append((path.name, [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]))
    texts = sorted([*folder.rglob("*.toml"), *folder.rglob("*.csv")])
    return [*found, *(path.read_text(encoding="utf-8") for path in texts)]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_town(tmp_path: Path, folder: Path) -> None:
    """Every table, sheet, mapping and count is repeated by the seed, and changed by another one."""
    build(tmp_path / "again", SEED, MIN_PERSONS)
    build(tmp_path / "other", SEED + 1, MIN_PERSONS)
    assert contents(tmp_path / "again") == contents(folder)
    assert contents(tmp_path / "other") != contents(folder)


def test_a_town_is_built_over_an_old_one(tmp_path: Path) -> None:
    """Building again into the same folder leaves the new town only."""
    build(tmp_path, SEED + 1, MIN_PERSONS)
    build(tmp_path, SEED, MIN_PERSONS)
    assert load(tmp_path) == make(SEED, MIN_PERSONS)


def test_the_manifest_counts_what_is_there(folder: Path) -> None:
    """Federation, agencies with kind and rows, and overlaps stand in town.toml and are true."""
    manifest = tomllib.loads((folder / "town.toml").read_text(encoding="utf-8"))
    made = load(folder)
    assert (manifest["federation"], manifest["seed"], manifest["persons"]) == (FEDERATION, SEED, MIN_PERSONS)
    assert [(one["id"], one["kind"], one["rows"]) for one in manifest["agency"]] == [
        (agency, AGENCY[agency].kind, len(made.entries[agency])) for agency in AGENCIES
    ]
    shared = {(one["between"], one["and"]): one["persons"] for one in manifest["overlap"]}
    at_both = [one for one in made.persons if {JOBCENTER, SCHOOL} <= one.agencies]
    assert shared[JOBCENTER, SCHOOL] == len(at_both)
    assert len(shared) == 10


@pytest.mark.parametrize(
    ("agency", "other", "share"),
    [
        (JOBCENTER, ABH, JOBCENTER_IN_ABH),
        (SCHOOL, JOBCENTER, SCHOOL_IN_JOBCENTER),
        (COUNSELLING, SCHOOL, COUNSELLING_IN_SCHOOL),
        (SOCIAL, JOBCENTER, SOCIAL_IN_JOBCENTER),
        (SOCIAL, ABH, 1),
    ],
)
def test_the_stated_shares_are_exact(town: Town, agency: str, other: str, share: float) -> None:
    """As many of one agency's persons are known to the other as is stated, to the person."""
    here = [one for one in town.persons if agency in one.agencies]
    assert sum(other in one.agencies for one in here) == round(len(here) * share)


@pytest.mark.parametrize("agency", AGENCIES)
def test_the_stated_share_of_rows_is_exact(town: Town, agency: str) -> None:
    """As many rows as is stated have the true names and birth date; every other one has a mistake."""
    rows = town.entries[agency]
    assert sum(row.exact for row in rows) == round(len(rows) * EXACT_SHARE)


def test_everybody_is_known_somewhere(town: Town) -> None:
    """Each person has a file, and each agency's rows are its persons."""
    assert all(one.agencies for one in town.persons)
    for agency, rows in town.entries.items():
        assert {row.person.number for row in rows} == {one.number for one in town.persons if agency in one.agencies}


def test_the_mistakes_of_real_files_are_all_there(town: Town) -> None:
    """Swapped names, other spellings, another calendar, year only, day as month, no birth date, a name more or less."""
    wrong = [row for row in chain(*town.entries.values()) if not row.exact]
    kinds = {
        "swapped": any(row.family_name == row.person.given_names for row in wrong),
        "missing": any(row.born is None for row in wrong),
        "year": any(row.year_only and not row.person.year_only for row in wrong),
        "month": any(
            row.born and (row.born.day, row.born.month) == (row.person.born.month, row.person.born.day) for row in wrong
        ),
        "shorter": any(row.given_names == row.person.given_names.split()[0] != row.person.given_names for row in wrong),
        "longer": any(len(row.given_names.split()) > len(row.person.given_names.split()) for row in wrong),
        "grandfather": any(row.family_name.startswith(f"{row.person.family_name} ") for row in wrong),
        "calendar": any(row.born and row.person.born.year - row.born.year in {7, 8} for row in wrong),
        "spelling": any(row.family_name[0] == row.person.family_name[0] != row.family_name for row in wrong),
    }
    assert all(kinds.values()), kinds


def test_some_persons_look_alike_and_some_are_protected(town: Town) -> None:
    """Twins and namesakes share family name and birth date; a few transfer blocks exist; nobody is both."""
    alike = [one for one in town.persons if one.alike]
    pairs = {(one.family_name, one.born) for one in alike}
    assert len(alike) == 2 * len(pairs)
    assert any(one.blocked for one in town.persons)
    assert not any(one.blocked for one in alike)


def test_germans_are_known_to_the_jobcenter_only(town: Town) -> None:
    """No German has a file at the Ausländerbehörde, a seat in a German course or migration counselling."""
    germans = [one for one in town.persons if one.origin.name == "german"]
    assert germans
    assert all(one.agencies == {JOBCENTER} for one in germans)


def test_too_small_a_town_is_refused() -> None:
    """With fewer persons not every case could be shown."""
    with pytest.raises(ValueError, match=f"at least {MIN_PERSONS} persons"):
        make(SEED, MIN_PERSONS - 1)


@pytest.mark.parametrize("text", [None, "", 'seed = "x"', "seed = 1\npersons = [1]"])
def test_a_folder_without_a_town_is_refused(tmp_path: Path, text: str | None) -> None:
    """A missing or foreign manifest is named."""
    if text is not None:
        (tmp_path / "town.toml").write_text(text)
    with pytest.raises(Malformed, match=r"town\.toml"):
        load(tmp_path)


@pytest.mark.slow
async def test_every_row_is_readable_through_the_mapping(folder: Path, law: Law) -> None:
    """The checks pass, and each field of each row of each agency is read."""
    made = load(folder)
    for agency, mapping, source in sources(folder, law):
        await source.check()
        filled: set[FieldName] = set()
        for entry in made.entries[agency]:
            ref = str(entry.row) if agency == COUNSELLING else pick.FILE_NUMBERS[agency](entry)
            record = await source.fetch(LocalRef(ref), source.catalogue)
            filled |= {found.field for found in record if found.values}
        assert filled == set(mapping.fields), agency
        await source.close()


def test_mappings_fit_the_registry(law: Law) -> None:
    """Types are the registry's, and every code a mapping can give is in the field's list; no mapping is long."""
    for agency in AGENCIES:
        text = mapping_text(agency)
        assert len(text.splitlines()) <= 50
        for name, rule in parse(text, agency, frozenset(law.fields)).fields.items():
            assert rule.type == law.fields[name]["type"], name
            assert rule.detail is None or law.fields[name].get("many"), name
            if rule.type == "code":
                assert set(rule.codes.values()) <= law.codes[law.fields[name]["code_list"]], name


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_picked_persons_are_what_they_are_picked_for(tmp_path: Path, law: Law, seed: int) -> None:
    """Through the sources: one certain row, no row, a blocked row, two equal rows, no agreeing row."""
    town = build(tmp_path, seed, MIN_PERSONS)
    opened = {agency: source for agency, _, source in sources(tmp_path, law)}
    school, counselling = opened[SCHOOL], opened[COUNSELLING]

    async def found(source: Source, picked: pick.Picked) -> list[tuple[str, bool]]:
        person = PersonBlock(
            family_name=picked.family_name, given_names=picked.given_names, birth_date=picked.birth_date
        )
        rows = await source.candidates(person)
        return [(row.file_number, row.transfer_block) for row in rows if row.person.given_names == picked.given_names]

    shared = next(pick.shared_between(town, COUNSELLING, SCHOOL))
    assert await found(school, shared) == [(shared.files[SCHOOL], False)]
    assert await found(counselling, shared) == [(shared.files[COUNSELLING], False)]
    results = await school.fetch(LocalRef(shared.files[SCHOOL]), frozenset({FieldName("course_results.exam_result")}))
    assert results[0].values
    unknown = next(pick.unknown_to(town, COUNSELLING, SCHOOL))
    assert (await found(school, unknown), SCHOOL in unknown.files) == ([], False)
    blocked = next(pick.blocked_at(town, COUNSELLING, SCHOOL))
    assert await found(school, blocked) == [(blocked.files[SCHOOL], True)]
    ambiguous = next(pick.ambiguous_at(town, COUNSELLING, SCHOOL))
    assert len(await found(school, ambiguous)) == 2
    misspelt = next(pick.misspelt_at(town, COUNSELLING, SCHOOL))
    assert (await found(school, misspelt), SCHOOL in misspelt.files) == ([], True)
    for source in opened.values():
        await source.close()


@pytest.mark.slow
def test_three_thousand_persons_take_seconds(tmp_path: Path) -> None:
    """The town of the demo is built at once, and has a hundred persons to ask for between two offices."""
    town = build(tmp_path, SEED)
    assert len(town.persons) == 3000
    assert sum(1 for _ in pick.shared_between(town, JOBCENTER, ABH)) > 100


def test_dice_need_a_weight() -> None:
    """Nothing can be drawn where nothing weighs anything."""
    with pytest.raises(ValueError, match="at least one"):
        Dice(1, "x").weighted((("a", 0),))
