"""Translators get one table and give it back: what is lost, unknown or in another script is refused by row."""

import re
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from adapters.web.client_words import shipped_words
from handschlag.cli import handschlag
from handschlag.registry_folder import shipped_bundle
from handschlag.text_sheet import MAX_ROWS, read_sheet, write_sheet
from schemas.client_text_table import BOM, Beside, export_table, import_table, table_of
from schemas.client_texts import LANGUAGES
from schemas.errors import Malformed, Misuse
from schemas.registry import load

pytestmark = pytest.mark.slow  # together they take seconds

Cell = str | int | bool | None
"""What somebody may have put into a cell."""


def table(language: str) -> str:
    """Give a language's table."""
    words = shipped_words()
    beside = Beside(words["de"].words, words["en"].words, load(shipped_bundle()))
    return export_table(language, words[language].words, beside)


def command(*words: str | Path) -> Result:
    """Run a command as a user would."""
    return CliRunner().invoke(handschlag, ["texts", *map(str, words)])


@pytest.mark.parametrize("language", ["ar", "ti", "de-leicht"])
def test_a_table_that_comes_back_unchanged_changes_nothing(language: str) -> None:
    """The way out and back loses no letter."""
    words = shipped_words()[language].words
    assert import_table(table(language), language, words, "t.csv") == words


def test_german_and_english_stand_beside_every_text() -> None:
    """No row leaves a translator without the original, single fields included."""
    rows = table("uk").splitlines()
    assert rows[0] == f"{BOM}key,de,en,text uk"
    assert "field.course_participation.started_on,Kursbeginn,Started on,Початок курсу" in rows
    assert not [row for row in rows if ",," in row]


def test_a_better_word_gets_in() -> None:
    """What a translator mended is in the words, everything else stays."""
    words = shipped_words()["fr"].words
    made = import_table(table("fr").replace(",Continuer\r", ",Suivant\r"), "fr", words, "t.csv")
    assert made == words.model_copy(update={"card": words.card.model_copy(update={"next": "Suivant"})})


BROKEN: Final = [
    ("{recipient}. ممن", "ممن", r"t\.csv:\d+: say\.consent: .*other placeholders"),
    ("\nkind.mbe,", "\nkind.mbee,", r"t\.csv:\d+: kind\.mbee: is no text of this language"),
    ("\nkind.mbe,", "\nkind.mbee,", r"t\.csv:\d+: kind\.mbe: is missing"),
    ("\nkind.mbe,", "\nkind.jmd,", r"t\.csv:\d+: kind\.jmd: is there already"),
    ("نعم، أوافق", "Yes", r"t\.csv:\d+: card\.yes: Yes is of another script than Arab"),
    ("نعم، أوافق", "نعم,1", r"t\.csv:\d+: card\.yes: must have 4 columns"),
    ("text ar", "text fa", r"t\.csv:1: columns must be"),
    ("\nkind.mbe,", '\n"kind"mbe,', r"t\.csv: is no table"),
]


@pytest.mark.parametrize(("old", "new", "finding"), BROKEN)
def test_a_broken_table_is_refused_by_row(old: str, new: str, finding: str) -> None:
    """Each finding says where to look."""
    text = table("ar")
    assert old in text
    with pytest.raises(Malformed, match=finding):
        import_table(text.replace(old, new, 1), "ar", shipped_words()["ar"].words, "t.csv")


def test_a_table_that_lost_too_much_is_refused(tmp_path: Path) -> None:
    """A placeholder lost in a table is found at import, and nothing is written."""
    sheet, out = tmp_path / "ar.csv", tmp_path / "ar.toml"
    sheet.write_text(table("ar").replace("{norm}", ""), "utf-8")
    assert "detail.law" in str(command("import", "ar", sheet, "--out", out).exception)
    assert not out.exists()


def test_an_empty_file_is_no_table() -> None:
    """Nothing is taken for nothing."""
    with pytest.raises(Malformed, match="columns must be"):
        import_table("", "ar", shipped_words()["ar"].words, "t.csv")


@pytest.mark.slow
def test_the_commands_go_out_and_back(tmp_path: Path) -> None:
    """What is exported and imported again is the shipped file, byte for byte."""
    sheet, out = tmp_path / "ps.csv", tmp_path / "ps.toml"
    assert command("export", "ps", sheet).exit_code == 0
    result = command("import", "ps", sheet, "--out", out)
    assert result.output == f"{shipped_words()['ps'].hash}  {out}\n"
    assert [line.split()[1] for line in command("list").output.splitlines()] == list(LANGUAGES)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """No file, a file in another encoding, and one far too large are each refused in words."""
    out = tmp_path / "out.toml"
    assert isinstance(command("import", "ps", tmp_path / "no.csv", "--out", out).exception, Misuse)
    other = tmp_path / "other.csv"
    other.write_bytes("key;Größe".encode("latin-1"))
    assert "CSV UTF-8" in str(command("import", "ps", other, "--out", out).exception)
    other.write_bytes(b" " * 2_000_000)
    assert "more than" in str(command("import", "ps", other, "--out", out).exception)
    assert not out.exists()


def sheet(*cells: tuple[str, Cell], language: str = "ps") -> bytes:
    """Give a language's spreadsheet with some cells changed."""
    words = shipped_words()
    beside = Beside(words["de"].words, words["en"].words, load(shipped_bundle()))
    raw = write_sheet(table_of(language, words[language].words, beside), right_to_left=True)
    book = load_workbook(BytesIO(raw))
    for place, value in cells:
        book.worksheets[0][place] = value
    out = BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["ps", "fr"])
def test_a_spreadsheet_goes_out_and_back(tmp_path: Path, language: str) -> None:
    """What is exported as XLSX and saved again by a spreadsheet program is the shipped file, byte for byte."""
    file, out = tmp_path / "texts.xlsx", tmp_path / "out.toml"
    assert command("export", language, file).exit_code == 0
    assert file.read_bytes()[:2] == b"PK"
    book = load_workbook(file)
    assert [cell.value for cell in book.worksheets[0][1]] == ["key", "de", "en", f"text {language}"]
    book.save(file)
    result = command("import", language, file, "--out", out)
    assert result.output == f"{shipped_words()[language].hash}  {out}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "value", "finding"),
    [
        ("D3", "=1+1", "t.xlsx:3: column 4: holds a formula"),
        ("B9", '=HYPERLINK("https://elsewhere.example","x")', "t.xlsx:9: column 2: holds a formula"),
        ("D4", 5, "t.xlsx:4: column 4: holds a number, a date or a truth"),
        ("D4", True, "t.xlsx:4: column 4: holds a number"),
        ("E4", "more", r"t.xlsx:4: .*must have 4 columns"),
        ("A5", "no.such", r"t.xlsx:5: no.such: is no text of this language"),
        ("D3", None, r"t.xlsx:3: .*at least 1 character"),
        ("D1", "text fr", "t.xlsx:1: columns must be"),
    ],
)
def test_a_spreadsheet_holds_texts_and_nothing_else(tmp_path: Path, place: str, value: Cell, finding: str) -> None:
    """A formula wherever it stands, a number, a cell too many: each is refused by its place, and nothing is written."""
    file, out = tmp_path / "t.xlsx", tmp_path / "out.toml"
    file.write_bytes(sheet((place, value)))
    error = command("import", "ps", file, "--out", out).exception
    assert isinstance(error, Malformed)
    assert re.search(finding, str(error)), error
    assert not out.exists()


@pytest.mark.slow
def test_a_text_is_a_text_whatever_it_begins_with() -> None:
    """What looks like a formula is written as letters, and read back as the same letters."""
    assert read_sheet(write_sheet([("=1+1", "-x", "+y", "@z")], right_to_left=False), "t.xlsx") == [
        ["=1+1", "-x", "+y", "@z"]
    ]


@pytest.mark.slow
def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    """Other bytes under that name, half a file, too many rows."""
    whole = sheet()
    for raw in (b"", b"key,de,en", whole[: len(whole) // 2]):
        with pytest.raises(Malformed, match="no complete XLSX workbook"):
            read_sheet(raw, "t.xlsx")
    many = write_sheet([("a", "b", "c", "d")] * (MAX_ROWS + 1), right_to_left=False)
    with pytest.raises(Malformed, match=f"more than {MAX_ROWS} rows"):
        read_sheet(many, "t.xlsx")
    empty = tmp_path / "empty.xlsx"
    empty.write_bytes(write_sheet([], right_to_left=False))
    assert read_sheet(empty.read_bytes(), "t.xlsx") == []
