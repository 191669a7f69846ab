"""Translators get one table and give it back: what is lost, unknown or in another script is refused by row."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from adapters.web.client_words import shipped_words
from handschlag.cli import handschlag
from handschlag.registry_folder import shipped_bundle
from schemas.client_text_table import BOM, Beside, export_table, import_table
from schemas.client_texts import LANGUAGES
from schemas.errors import Malformed, Misuse
from schemas.registry import load


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
