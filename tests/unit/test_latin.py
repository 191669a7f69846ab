"""The characters of names, against the public list where it is at hand, and against single cases where it is not."""

import unicodedata

import pytest

from schemas.errors import Malformed
from schemas.latin import foreign_character, search_form, type_a
from tests.support import vectors

_TYPE_A = {"bll", "bnlreq"}


def _text(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())


def _entries(name: str) -> list[list[str]]:
    """Read a list of the standard: kind, char or seq, code points, name and what follows."""
    (path,) = vectors.files("din91379", name)
    return [line.split("; ") for line in path.read_text(encoding="utf-8").splitlines()]


def test_letters_and_signs_of_the_list_are_taken_and_all_others_refused() -> None:
    """Of the 930 entries exactly the letters and the non-letters N1 are of data type A."""
    entries = _entries("latin_list_1.3.txt")
    taken = {entry[2] for entry in entries if foreign_character(_text(entry[2])) is None}
    assert len(entries) == 930
    assert taken == {entry[2] for entry in entries if entry[0] in _TYPE_A}


def test_names_made_of_all_letters_are_taken_one_after_the_other() -> None:
    """Letters and sequences keep their meaning inside a word."""
    letters = [_text(entry[2]) for entry in _entries("latin_list_1.3.txt") if entry[0] == "bll"]
    assert foreign_character("".join(letters)) is None


def test_search_forms_of_the_list() -> None:
    """Each of the 649 mappings of the list holds."""
    entries = _entries("latin_list_search_form_1.3.txt")
    assert len(entries) == 649
    assert [entry for entry in entries if search_form(_text(entry[2])) != _text(entry[5])] == []


@pytest.mark.parametrize(
    "name", ["Öztürk", "Đorđević", "Nuñez-O\u2019Brien", "Łukasz", "Ýrr", "M̂a", "K͟hān", "ʿAlī", "Müller, geb. Groß"]
)
def test_names_of_many_languages_are_taken(name: str) -> None:
    """A name of data type A is given back in NFC, whichever form it came in."""
    assert type_a(unicodedata.normalize("NFD", name), "family_name") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("Иван", "U+0418 CYRILLIC CAPITAL LETTER I"),
        ("Müller2", "U+0032 DIGIT TWO"),
        ("a\u0301b\u0301", "U+0301 COMBINING ACUTE ACCENT"),
        ("tab\there", "U+0009 without a name"),
        ("محمد", "U+0645 ARABIC LETTER MEEM"),
    ],
)
def test_a_foreign_character_is_named(name: str, named: str) -> None:
    """The refusal names the place, the first foreign character by code point and name, and nothing else of the name."""
    with pytest.raises(Malformed) as refused:
        type_a(name, "family_name")
    assert str(refused.value) == f"family_name: {named} is not a character of DIN 91379 data type A"


def test_nothing_is_foreign_in_nothing() -> None:
    """An empty text has no foreign character."""
    assert foreign_character("") is None


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Öz-Gül", "OEZ GUEL"),
        ("  d'Été,  St. Å ", "DETE ST AA"),
        ("İbrahim Şen", "IBRAHIM SEN"),
        ("Groß", "GROSS"),
        ("ʿAlī", "ALI"),
        ("Ǽgir", "AEGIR"),
        ("ŉ", "N"),
        ("Ива́н", "ИВАН"),
        ("plain", "PLAIN"),
        ("", ""),
    ],
)
def test_search_forms(name: str, form: str) -> None:
    """Marks go, umlauts have two letters, hyphens are blanks, apostrophes nothing; other alphabets are only raised."""
    assert search_form(name) == form


def test_the_search_form_of_a_search_form_is_itself() -> None:
    """What was brought to search form once stays as it is."""
    for name in ("Đặng Thị", "Žižek-Œuvre", "Þóra", "İ"):
        assert search_form(search_form(name)) == search_form(name)
