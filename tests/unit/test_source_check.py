"""The conformance kit: what it counts, what it says, and that it says nothing of a person."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from handschlag.commands.source import source
from handschlag.source_check import check_source
from schemas.errors import HandschlagError, Malformed, Misuse
from schemas.ids import CodeName
from schemas.registry import Registry, load
from schemas.registry_files import bundle_of
from tests.support.agency_service import ServiceAgency
from tests.support.pens import PINS
from tests.support.registry import shipped

HEAD = "Nr;Name;Vorname;Geburt;Sperre;Tel;Art;Beginn\n"
ROWS = """1;Havchenko;Olena;03.05.1987;nein;0171;Alpha;12.01.2026
2;Rahimi;Farid;01.01.1990;ja;;Lese;01/2026
3;Tesfay;Selam;bald;;0172;Alpha;
"""
MAPPING = """kind = "csv"
location = "k.csv"
key = "Nr"
date_formats = ["%d.%m.%Y", "%m/%Y"]
[person]
family_name = "Name"
given_names = "Vorname"
birth_date = { column = "Geburt", first_of_january = "year" }
transfer_block = "Sperre"
[codes]
course = { Alpha = "integration_literacy", Lese = "integration_literacy" }
[fields]
"contact.phone" = "Tel"
"course_participation.course_kind" = { column = "Art", type = "code", codes = "course" }
"course_participation.started_on" = { column = "Beginn", type = "date" }
"""
LACKING = (
    "course_participation.ended_on",
    "course_participation.state",
    "course_results.exam_date",
    "course_results.exam_kind",
    "course_results.exam_result",
)
PAPERS = tuple(
    f"documents.{name}"
    for name in ("issued", "issuer", "kind", "number_hash", "seen_original_by", "sha256", "valid_until")
)
PERSONAL = ("Havchenko", "Olena", "1987", "0171", "Rahimi", "bald", "Sonder")


@pytest.fixture(scope="module")
def law() -> Registry:
    """Load the shipped registry."""
    return load(bundle_of(shipped()))


def written(folder: Path, rows: str = ROWS, mapping: str = MAPPING) -> Path:
    """Put a file and its mapping into a folder."""
    (folder / "k.csv").write_text(HEAD + rows)
    path = folder / "m.toml"
    path.write_text(mapping)
    return path


@pytest.mark.slow
async def test_a_good_source_passes_with_its_counts(tmp_path: Path, law: Registry) -> None:
    """Rows, values, blanks and losses are counted; nothing of a cell is printed."""
    checked = await check_source(
        written(tmp_path, ROWS.replace("bald", "1995")[: ROWS.index("3;")]), law, CodeName("course_provider")
    )
    assert checked.passed
    assert checked.lines == (
        "m.toml: csv k.csv",
        "  2 rows, 2 of them with a key and a name",
        "  birth date: 1 to the day, 1 in part, 0 not known",
        "  1 rows with a transfer block, which are never answered",
        "fits",
        "  contact.phone from column Tel: 1 values, 1 blank",
        "  course_participation.course_kind from column Art: 2 values, 0 blank",
        "  course_participation.started_on from column Beginn: 2 values, 0 blank",
        "lost",
        "  course_participation.course_kind: 2 words become the one code integration_literacy",
        "  course_participation.course_kind: no word leads to 15 of the 16 codes of the list course_kind",
        "  course_participation.started_on: 1 dates are known in part only",
        "missing",
        "  recorded_at: 3 fields do not say when they were recorded",
        "  recorded_by: 3 fields do not say in which role they were recorded",
        "  person.guardian: no column says that somebody else acts for a person",
        "  Z13@1: 2 of 4 fields, without course_participation.registered_on, course_participation.state",
        f"  Z16@1: 1 of 6 fields, without {', '.join(LACKING)}",
        f"  Z23@1: 0 of 7 fields, without {', '.join(PAPERS)}",
        f"  Z29@1: 0 of 3 fields, without {', '.join(LACKING[2:])}",
        "passed",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", "k.csv, row 4, column Geburt: is no date of the form %d.%m.%Y or %m/%Y"),
        ("Alpha", "Sonder", "course_participation.course_kind: 2 cells cannot be read: column Art holds a word that"),
        ("3;Tesfay", ";Tesfay", "1 rows have no key or no usable name, so nobody finds them"),
        ("2;Rahimi", "1;Rahimi", "k.csv, rows 2 and 3, column Nr: the key is not unique"),
    ],
)
async def test_rows_that_have_to_be_mended_are_named(
    tmp_path: Path, law: Registry, old: str, new: str, said: str
) -> None:
    """Place and rule are said, and the check does not pass."""
    checked = await check_source(written(tmp_path, ROWS.replace(old, new)), law, None)
    assert not checked.passed
    assert any(line.strip().startswith(said) for line in checked.lines), checked.lines
    assert not [word for word in PERSONAL if word in "\n".join(checked.lines)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Tel"', '{ column = "Tel", type = "int" }', "contact.phone: is a text in the registry, a int in the mapping"),
        ('Lese = "integration_literacy"', 'Lese = "reading"', "course_participation.course_kind: reading is no code"),
        (
            'transfer_block = "Sperre"',
            'birth_country = { column = "Art", codes = { Alpha = "zz" } }',
            "person.birth_country: zz is no code of the list country",
        ),
        ('column = "Beginn"', 'column = "Anfang"', "k.csv, line 1: no column is named Anfang"),
    ],
)
async def test_a_mapping_against_the_law_does_not_pass(
    tmp_path: Path, law: Registry, old: str, new: str, said: str
) -> None:
    """Types and codes are those of the registry, columns those of the file."""
    assert old in MAPPING
    checked = await check_source(written(tmp_path, mapping=MAPPING.replace(old, new)), law, None)
    assert not checked.passed
    assert any(line.strip().startswith(said) for line in checked.lines), checked.lines


async def test_a_missing_protection_is_told(tmp_path: Path, law: Registry) -> None:
    """Without a column for transfer blocks somebody must have decided so."""
    checked = await check_source(
        written(tmp_path, mapping=MAPPING.replace('transfer_block = "Sperre"\n', "")), law, None
    )
    assert "  person.transfer_block: no column protects a person (§ 4 AZRG, § 51 BMG)" in checked.lines


async def test_detail_tables_are_counted(tmp_path: Path, law: Registry) -> None:
    """Rows of details have their own line, and a list for a field of one value is a loss."""
    with closing(sqlite3.connect(tmp_path / "k.db")) as database, database:
        database.execute("CREATE TABLE k (id, name, vorname, geb)")
        database.execute("CREATE TABLE kurs (k, tel, art)")
        database.execute("INSERT INTO k VALUES (1, 'x', 'y', '1990-05-01')")
        database.executemany("INSERT INTO kurs VALUES (1, ?, ?)", [("a", "m"), (None, "Sonder")])
    path = tmp_path / "m.toml"
    path.write_text("""kind = "sql"
location = "k.db"
table = "k"
key = "id"
[person]
family_name = "name"
given_names = "vorname"
birth_date = "geb"
[details]
kurs = { table = "kurs", key = "k" }
[fields]
"contact.phone" = { detail = "kurs", column = "tel" }
"measures.kind" = { detail = "kurs", column = "art", type = "code", codes = { m = "coaching" } }
""")
    checked = await check_source(path, law, None)
    lines = [line.strip() for line in checked.lines]
    assert lines[0] == "m.toml: sql k.db, k"
    assert "2 rows of details.kurs" in lines
    assert "contact.phone from column tel of details.kurs: 1 values, 1 blank" in lines
    assert "contact.phone: takes one value, a detail table may hold several" in lines
    assert lines[-1] == "not passed: 1 to mend"
    path.write_text(path.read_text().replace('column = "tel"', 'column = "fax"'))
    checked = await check_source(path, law, None)
    assert "  k.db, table kurs, column fax is missing" in checked.lines


async def test_paper_is_told_by_its_fields(tmp_path: Path, law: Registry) -> None:
    """Nothing can be counted; what may be asked is listed."""
    path = tmp_path / "m.toml"
    path.write_text('kind = "paper"\nfields = ["contact.phone"]\n')
    checked = await check_source(path, law, None)
    assert checked == (("m.toml: paper, answered by hand", "fits", "  contact.phone", "passed"), True)


async def test_a_kind_that_the_law_does_not_know_is_refused(tmp_path: Path, law: Registry) -> None:
    """The message lists the kinds there are."""
    with pytest.raises(Misuse, match=r"kind: the registry knows .*course_provider"):
        await check_source(written(tmp_path), law, CodeName("school"))


async def test_a_mapping_that_is_not_there_is_named(tmp_path: Path, law: Registry) -> None:
    """Its name is said, not the way to it."""
    with pytest.raises(Malformed, match=r"^none\.toml: cannot be read as a text file"):
        await check_source(tmp_path / "none.toml", law, None)


async def test_a_service_is_checked_without_a_count(tmp_path: Path, law: Registry) -> None:
    """A service cannot be looked through; a token that others may read is told before anything is sent."""
    agency = ServiceAgency(tmp_path)
    agency.secret.chmod(0o644)
    path = tmp_path / "m.toml"
    path.write_text(agency.text())
    checked = await check_source(path, law, None)
    assert "  akten.token: others may read the secret; chmod 600 mends it" in checked.lines
    assert not any("values" in line for line in checked.lines)


@pytest.mark.slow
def test_the_commands_print_and_end_with_their_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing to a passing check: `init` proposes, `check` says 1 until nothing is to be mended."""
    good = ROWS.replace("bald", "1995").replace("Alpha", "Deutschkurs").replace("Lese", "Deutschkurs")
    (tmp_path / "k.csv").write_text(HEAD.replace("Beginn", "Kursbeginn") + good)
    monkeypatch.chdir(tmp_path)
    proposed = CliRunner().invoke(source, ["init", "k.csv"])
    assert proposed.exit_code == 0
    assert len(proposed.output.splitlines()) <= 50
    (tmp_path / "m.toml").write_text(proposed.output)
    passed = CliRunner().invoke(source, ["check", "m.toml", "--kind", "course_provider"])
    assert (passed.exit_code, passed.output.splitlines()[-1]) == (0, "passed")
    (tmp_path / "k.csv").write_text(HEAD.replace("Beginn", "Kursbeginn") + good.replace("12.01.2026", "bald"))
    failed = CliRunner().invoke(source, ["check", "m.toml"])
    assert failed.exit_code == 1
    assert failed.output.splitlines()[-1].startswith("not passed")
    assert not [word for word in PERSONAL if word in proposed.output + passed.output + failed.output]


def test_a_folder_must_name_its_mapping(tmp_path: Path) -> None:
    """Of a node's folder the settings are read; where there are none the message says so."""
    refused = CliRunner().invoke(source, ["check", str(tmp_path)])
    assert isinstance(refused.exception, HandschlagError)
    assert "node.toml" in str(refused.exception)


def test_the_source_of_a_node_is_checked_by_its_folder(tmp_path: Path) -> None:
    """The settings name the mapping; a node without a source is told so."""
    written(tmp_path, ROWS.replace("bald", "1995"))
    settings = f"""agency = "kurse"
kind = "course_provider"
[federation]
name = "{PINS.federation}"
steering = {[key.vkey for key in PINS.steering]}
[nats]
url = "tls://127.0.0.1:4222"
"""
    (tmp_path / "node.toml").write_text(f'{settings}[source]\nmapping = "m.toml"\n')
    checked = CliRunner().invoke(source, ["check", str(tmp_path)])
    assert checked.output.splitlines()[0] == "m.toml: csv k.csv"
    (tmp_path / "node.toml").write_text(settings)
    refused = CliRunner().invoke(source, ["check", str(tmp_path)])
    assert "names no mapping under [source]" in str(refused.exception)
