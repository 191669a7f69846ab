"""Proposing a mapping: what is known of columns by name and kind, and that no cell is repeated."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sources.columns import MAX_WORDS, Sight, look
from adapters.sources.looking import look_at
from adapters.sources.mapping import parse
from adapters.sources.propose import propose
from schemas.errors import Malformed, Unavailable
from schemas.registry import Registry, load
from schemas.registry_files import bundle_of
from tests.support.agency_tables import write_sheet
from tests.support.registry import shipped

HEAD = (("kind", "csv"), ("location", "k.csv"))
NAMES = (
    "Nr",
    "Name",
    "Vorname",
    "Geb.-Datum",
    "Geschlecht",
    "Kursart",
    "Modul",
    "Online möglich",
    "Kursbeginn",
    "Notiz",
)
ROWS: tuple[tuple[object, ...], ...] = (
    (1, "Havchenko", "Olena", "3.5.1987", "weiblich", "Alpha-Kurs", 1, "ja", "05/2026", "geheim"),
    (2, "Rahimi", "Farid", "00.00.1990", "Männlich", "Berufssprachkurs B2", 2, "nein", "", None),
)


LAW = load(bundle_of(shipped()))


@pytest.fixture
def law() -> Registry:
    """Give the shipped registry."""
    return LAW


def seen(names: tuple[str, ...] = NAMES, rows: tuple[tuple[object, ...], ...] = ROWS) -> Sight:
    """Look at some rows."""
    columns, count = look(names, rows)
    return Sight(HEAD, columns, count)


def test_columns_are_known_by_name_and_kind(law: Registry) -> None:
    """Persons, fields, dates and codes are found; the proposal is a mapping that can be read."""
    text = propose(seen(), law)
    mapping = parse(text, "m.toml", frozenset(law.fields))
    assert (mapping.key, mapping.person.family_name, mapping.person.given_names) == ("Nr", "Name", "Vorname")
    assert mapping.person.birth_date.column == "Geb.-Datum"
    assert mapping.person.birth_date.formats == ("%d.%m.%Y", "00.00.%Y", "%m/%Y")
    found = {name: (rule.column, rule.type) for name, rule in mapping.fields.items()}
    assert found == {
        "course_participation.course_kind": ("Kursart", "code"),
        "course_participation.module": ("Modul", "int"),
        "course_participation.started_on": ("Kursbeginn", "date"),
        "identity_core.sex": ("Geschlecht", "code"),
        "placement_need.online_ok": ("Online möglich", "bool"),
    }


def test_no_cell_is_repeated_but_words_of_the_law(law: Registry) -> None:
    """Names, dates, notes and unknown words of a code column are counted; labels of the law's lists are written."""
    text = propose(seen(), law)
    assert not any(word in text for word in ("Havchenko", "Olena", "1987", "geheim", "Alpha-Kurs", "Rahimi"))
    assert '"Berufssprachkurs B2"' in text or '"Geschlecht"' in text
    assert '"männlich" = "m"' in text
    assert "# 1 more words of this column have no code yet" in text
    assert '# not mapped: column "Notiz", 1 filled, 1 blank, 1 different texts' in text


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=12, max_size=20)


@settings(max_examples=10)
@given(st.lists(st.tuples(*[WORDS] * len(NAMES)), min_size=1, max_size=4, unique_by=lambda row: row[0]))
def test_whatever_stands_in_the_cells_none_is_repeated(rows: list[tuple[str, ...]]) -> None:
    """No text of any cell comes out, neither in a proposal nor in a refusal."""
    try:
        said = propose(seen(rows=tuple(rows)), LAW)
    except Malformed as refused:
        said = str(refused)
    own_words = propose(seen(), LAW)
    assert not [cell for row in rows for cell in row if cell.strip() and cell in said and cell not in own_words]


def test_a_table_without_persons_is_refused(law: Registry) -> None:
    """The message says which columns lack."""
    with pytest.raises(Malformed, match="no column looks like given_names, birth_date"):
        propose(seen(("Nr", "Name"), ((1, "x"),)), law)


def test_a_table_without_a_key_is_refused(law: Registry) -> None:
    """Where every column repeats itself, no row can be named."""
    with pytest.raises(Malformed, match="no column names each row once"):
        propose(seen(rows=(ROWS[0], ROWS[0])), law)


def test_the_primary_key_is_the_key(law: Registry) -> None:
    """What the table itself names its rows by goes before the first column without repeats."""
    names = ("Telefon", "Kennung", "Name", "Vorname", "Geburtsdatum")
    columns, count = look(names, [("0171", 7, "a", "b", date(1990, 5, 1)), ("0172", 8, "c", "d", date(1991, 5, 1))])
    assert 'key = "Kennung"' in propose(Sight(HEAD, columns, count, frozenset({"Kennung"})), law)
    assert 'key = "Telefon"' in propose(Sight(HEAD, columns, count), law)


def test_many_different_words_are_no_code(law: Registry) -> None:
    """A column with more words than any list has is left to the human."""
    rows = tuple((n, "a", "b", "1990", "m", f"Kurs {n}", 1, "ja", "", "") for n in range(MAX_WORDS + 1))
    assert '# not mapped: column "Kursart", 61 filled, 0 blank, text' in propose(seen(rows=rows), law)


def test_a_name_cannot_break_out_of_its_quotes(law: Registry) -> None:
    """Headings and file names are written as TOML strings, whatever they hold."""
    names = ('Nr"\n', "Name", "Vorname", "Geburtsdatum", "Tel\\")
    columns, count = look(names, [(1, "a", "b", "1.5.1990", "0171")])
    text = propose(Sight((("kind", "csv"), ("location", 'k".csv')), columns, count), law)
    assert 'key = "Nr\\U00000022' in text
    assert 'location = "k\\U00000022.csv"' in text
    assert '"contact.phone" = "Tel\\U0000005c"' in text


@pytest.mark.parametrize(
    ("raw", "encoding", "delimiter"),
    [
        ("Nr;Name\n1;Löw\n".encode(), "utf-8", ";"),
        ("Nr,Name\n1,Löw\n".encode("utf-8-sig"), "utf-8-sig", ","),
        ("\n \nNr\tName\n1\tLöw\n".encode("cp1252"), "cp1252", "\t"),
    ],
)
def test_encoding_and_delimiter_of_a_csv_file_are_found(
    tmp_path: Path, raw: bytes, encoding: str, delimiter: str
) -> None:
    """What was found is written into the mapping, where it holds from then on."""
    (tmp_path / "k.csv").write_bytes(raw)
    sight = look_at("k.csv", tmp_path, None, None)
    assert dict(sight.head) == {"kind": "csv", "location": "k.csv", "encoding": encoding, "delimiter": delimiter}
    assert ([column.name for column in sight.columns], sight.rows) == (["Nr", "Name"], 1)


def test_columns_without_a_name_of_their_own_are_passed_over(tmp_path: Path) -> None:
    """Headings that are blank or stand twice cannot be mapped; short rows are blank at their ends."""
    (tmp_path / "k.csv").write_text("Nr;;Name;Name;Ort\n1;a;b;c;d\n2\n;;;;\n")
    sight = look_at("k.csv", tmp_path, None, None)
    assert [(column.name, column.filled, column.blank) for column in sight.columns] == [("Nr", 2, 0), ("Ort", 1, 1)]


def test_the_first_sheet_with_headings_is_looked_at(tmp_path: Path) -> None:
    """A page of notes before it does not matter; a sheet may be named."""
    write_sheet(tmp_path / "k.xlsx", "Kunden", ["Nr", "Name", ""], [[1, "x", "y"]])
    for sheet in (None, "Kunden"):
        sight = look_at("k.xlsx", tmp_path, sheet, None)
        assert dict(sight.head)["table"] == "Kunden"
        assert [column.name for column in sight.columns] == ["Nr", "Name"]
    with pytest.raises(Malformed, match=r"k\.xlsx: no sheet Klienten"):
        look_at("k.xlsx", tmp_path, "Klienten", None)


def test_a_table_of_a_database_is_chosen(tmp_path: Path) -> None:
    """With several tables one is named; the others are told."""
    with closing(sqlite3.connect(tmp_path / "k.db")) as database:
        database.execute("CREATE TABLE kunde (id INTEGER PRIMARY KEY, name TEXT)")
        database.execute("INSERT INTO kunde VALUES (1, 'x')")
        database.commit()
        assert look_at("k.db", tmp_path, None, None).rows == 1
        database.execute("CREATE VIEW alle AS SELECT * FROM kunde")
    with pytest.raises(Malformed, match=r"k\.db: choose a table with --table: alle, kunde"):
        look_at("k.db", tmp_path, None, None)
    with pytest.raises(Malformed, match=r"k\.db: there is no table x; there are alle, kunde"):
        look_at("k.db", tmp_path, "x", None)
    sight = look_at("k.db", tmp_path, "kunde", None)
    assert sight.keys == {"id"}
    assert sight.others == ("alle",)


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("k.csv", b"\x81\n", Malformed, "is neither UTF-8 nor cp1252"),
        ("k.csv", b'a;"b\n', Malformed, "quotation marks or cells out of form"),
        ("k.csv", b"", Malformed, "no row of headings"),
        ("k.xlsx", b"no workbook", Unavailable, "no complete XLSX workbook"),
        ("k.db", b"no database" * 100, Unavailable, "the database cannot be read now"),
    ],
)
def test_what_cannot_be_looked_at_is_named(
    tmp_path: Path, name: str, content: bytes, kind: type[Exception], said: str
) -> None:
    """File and rule are said; a file that is not there is not made."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kind, match=said):
        look_at(name, tmp_path, None, None)
    (tmp_path / name).unlink()
    with pytest.raises(Unavailable, match="read"):
        look_at(name, tmp_path, None, None)
    assert list(tmp_path.iterdir()) == []
