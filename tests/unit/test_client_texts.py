"""What clients are told: whole in every language for every purpose, and the same bytes wherever it is made."""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from adapters.web.client_words import shipped_words
from handschlag.registry_folder import shipped_bundle
from schemas.client_text_checks import flat, needed, problems, stray, without_placeholders
from schemas.client_texts import (
    LANGUAGES,
    ClientWords,
    Offer,
    Party,
    Told,
    field_words,
    parse_words,
    tell,
    write_words,
)
from schemas.commitment import sha256
from schemas.errors import Malformed, Misuse
from schemas.ids import CodeName, FieldName, Purpose
from schemas.registry import PurposeRule, Registry, load

FOLDER: Final = Path(__file__).resolve().parents[2] / "schemas" / "texts"
SENTENCE_LANGUAGES: Final = {"ps", "ti", "so", "ku"}
GERMAN: Final = {" und ", " der ", " die ", " das ", " nicht ", " Sie ", " Ihr ", " für ", "ß", "behörde"}
"""Words and letters that only a German text has."""
PROPER: Final = {"Jobcenter", "Handschlag", "Module", "Modul", "Plan", "Dokument"}
"""Words that may be the same in several languages."""

z16: Final = Purpose("Z16@1")
provider: Final = Party(CodeName("course_provider"), "kurs")
mbe: Final = Party(CodeName("mbe"), "mbe")


@cache
def law() -> Registry:
    """Give the shipped law."""
    return load(shipped_bundle())


def words() -> Mapping[str, ClientWords]:
    """Give the words of all languages."""
    return {language: shipped.words for language, shipped in shipped_words().items()}


def offers(rule: PurposeRule) -> list[Offer]:
    """Give an offer for each basis of a purpose, with all its fields and all kinds it names."""
    recipient, *_ = (Party(kind, "one") for kind in rule.row.requester_kinds)
    holders = tuple(Party(kind, f"b{number}") for number, kind in enumerate(rule.row.holder_kinds))
    fields = tuple(sorted(rule.fields))
    return [
        Offer(basis, rule.row.purpose, recipient, holders, fields, "2027-12-31", 3, secrecy_release=True)
        for basis in rule.row.basis
    ]


def told(language: str, offer: Offer) -> Told:
    """Give the text of an offer in a language."""
    return tell(offer, language, words()[language], law())


def consent() -> Offer:
    """Give the consent by which a counselling service hears how a course is going."""
    fields = tuple(sorted(law().purposes[z16].fields))
    return Offer("consent", z16, mbe, (provider,), fields, "2027-12-31", 3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_the_law_needs_is_there(language: str) -> None:
    """No purpose, kind, category or field that a client may read of lacks a word, no letter is of another script."""
    assert problems(language, words()[language], law()) == []
    assert (words()[language].layer == "sentence") == (language in SENTENCE_LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_purpose_can_be_told_on_every_basis(language: str) -> None:
    """All of the law can be said, each sentence is whole, and every agency is named."""
    for rule in law().purposes.values():
        for offer in offers(rule):
            text = told(language, offer).raw.decode()
            assert not {"{", "}"} & set(text), (language, offer.purpose)
            for holder in offer.holders:
                assert f"({holder.name})" in text


def test_all_languages_have_the_same_keys() -> None:
    """A text is in every language or in none; only details and fields are for the languages of both layers."""
    keys = {
        language: {key for key in flat(one) if not key.startswith(("detail.", "field."))}
        for language, one in words().items()
    }
    assert all(one == other for one, other in pairwise(keys.values()))
    full = [flat(one).keys() for language, one in words().items() if language not in SENTENCE_LANGUAGES | {"de", "en"}]
    assert all(one == other for one, other in pairwise(full))


def test_no_german_is_left_in_other_languages() -> None:
    """What a translator forgot shows."""
    german = {text for language in ("de", "de-leicht") for text in flat(words()[language]).values()} - PROPER
    for language in set(LANGUAGES) - {"de", "de-leicht"}:
        for key, text in flat(words()[language]).items():
            if key not in {"list", "script", "layer"}:
                assert text not in german, (language, key)
                assert not [word for word in GERMAN if word in text], (language, key)


def test_files_are_as_they_are_written() -> None:
    """Each file is what the program would write of it: what comes back from translators differs in texts alone."""
    for language in LANGUAGES:
        text = (FOLDER / f"{language}.toml").read_text("utf-8")
        assert write_words(parse_words(text, language), language) == text
        assert shipped_words()[language].hash == sha256(text.encode())
    assert {path.stem for path in FOLDER.iterdir()} == set(LANGUAGES)


def test_a_consent_says_who_whom_what_power_no_and_stop() -> None:
    """The text names both agencies, the data, what the recipient can do, what follows from a no and how to stop it."""
    assert [section.key for section in told("de", consent()).sections] == [
        *("ask", "power", "no", "stop", "limits", "what", "rights"),
    ]
    text = told("de", consent()).raw.decode()
    for part in ("(mbe)", "(kurs)", "Kursbeginn", "Prüfungsergebnis", "kein Geld kürzen", "Nein", "31.12.2027"):
        assert part in text
    jobcenter = consent()._replace(recipient=Party(CodeName("jobcenter"), "jobcenter"))
    assert "kürzen oder beenden" in told("de", jobcenter).raw.decode()


def test_release_from_secrecy_is_said() -> None:
    """Where a holder is bound by § 203 StGB the text says to what the yes releases it."""
    keys = [section.key for section in told("uk", consent()._replace(secrecy_release=True)).sections]
    assert "secrecy" in keys


def test_an_exchange_by_law_names_the_norm_and_asks_for_no_yes() -> None:
    """A notice under Art. 13 and 14 GDPR offers no choice there is not."""
    offer = offers(law().purposes[Purpose("Z04@1")])[0]._replace(secrecy_release=False)
    notice = told("de", offer)
    assert [section.key for section in notice.sections] == ["ask", "power", "what", "law", "rights"]
    assert "SGB X § 71(2) Nr. 1" in notice.raw.decode()


def test_the_first_layer_is_enough_for_some_languages() -> None:
    """In Pashto, Tigrinya, Somali and Kurdish the details are left to the German beside it."""
    assert [section.key for section in told("ti", consent()).sections] == ["ask", "power", "no", "stop", "limits"]
    assert all(not section.heading for section in told("ti", consent()).sections)


def test_names_and_numbers_are_isolated() -> None:
    """Latin names stand right within Arabic, and the direction is said."""
    text = told("ar", consent())
    assert text.direction == "rtl"
    assert told("fr", consent()).direction == "ltr"
    assert "\u206831.12.2027\u2069" in text.raw.decode()
    assert text.raw.decode().count("\u2068") == text.raw.decode().count("\u2069") > 3


def test_the_hash_is_of_the_exact_bytes() -> None:
    """One letter more or less is another text; the same offer gives the same bytes."""
    one = told("en", consent())
    assert one.hash == sha256(one.raw) == told("en", consent()).hash
    assert one.hash != told("en", consent()._replace(uses=4)).hash
    assert one.hash != told("fr", consent()).hash


def test_unknown_things_are_misuse() -> None:
    """What is none of the law, or has no word, is not shown half."""
    with pytest.raises(Misuse, match="none of the law"):
        told("de", consent()._replace(purpose=Purpose("Z99@1")))
    with pytest.raises(Misuse, match="has other fields"):
        told("de", consent()._replace(fields=(FieldName("identity_core.sex"),)))
    kinds = {key: value for key, value in law().kinds.items() if key != "mbe"}
    with pytest.raises(Misuse, match="kind: mbe is none of the law"):
        tell(consent(), "de", words()["de"], law()._replace(kinds=kinds))
    wordless = words()["de"].model_copy(update={"kind": {}})
    with pytest.raises(Misuse, match=r"Deutsch has no kind\.mbe"):
        tell(consent(), "de", wordless, law())


def test_fields_without_words_are_told_by_category() -> None:
    """What only a law lets flow has no word of its own in most languages; the category stands alone."""
    fields = tuple(sorted(law().purposes[Purpose("Z04@1")].fields))
    assert field_words("ar", words()["ar"], law(), "benefits", fields) == []
    assert len(field_words("de", words()["de"], law(), "benefits", fields)) == len(fields)


BROKEN: Final = [
    ("{recipient} möchte", "Jemand möchte", "say.consent: .*other placeholders than {recipient}"),
    ('no = "Nein, ich', 'no = "{x} Nein, ich', "card.no: .*other placeholders than none"),
    ('name = "Deutsch"', 'name = " Deutsch"', "name: .*blanks"),
    ('name = "Deutsch"', 'name = "De\u0308utsch "', "name: .*NFC"),
    ('name = "Deutsch"', 'name = "De\\tutsch"', "name: .*control"),
    ('listen = "', 'lisen = "', "card.listen: Field required"),
]


@pytest.mark.parametrize(("old", "new", "finding"), BROKEN)
def test_a_broken_file_is_refused_by_key(old: str, new: str, finding: str) -> None:
    """Lost placeholders, stray blanks, letters not composed and unknown keys never get in."""
    text = (FOLDER / "de.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(Malformed, match=finding):
        parse_words(text.replace(old, new, 1), "de.toml")


def test_findings_name_key_and_rule() -> None:
    """A missing word, a letter of another script and a layer that does not fit are each one line."""
    one = words()["ar"]
    kinds = {key: value for key, value in one.kind.items() if key != "mbe"} | {"jobcenter": "جوب center"}
    found = problems("ar", one.model_copy(update={"kind": kinds, "detail": None}), law())
    assert found == [
        "kind.mbe: is missing",
        "detail: belongs to the layer full and only to it",
        "kind.jobcenter: center is of another script than Arab",
    ]


def test_scripts_are_told_by_letters() -> None:
    """Digits, marks and signs are of every script; what stands in braces is none of a text."""
    assert stray("Cyrl", "«Да», 31.12. — да!") == ""
    assert stray("Cyrl", "да center") == "center"
    assert without_placeholders("Da {recipient}, {what}!") == "Da , !"


def test_what_can_sanction_is_said_to_be_able_to() -> None:
    """No kind of agency with power over a person is shown as one without."""
    for kind in law().kinds.values():
        assert kind.sanction_power == (kind.power in {"money", "residence", "family", "citizenship", "housing"})


def test_fields_are_needed_only_of_what_clients_decide() -> None:
    """The single fields of exchanges by law are left to the categories."""
    assert "field.benefits.state" not in needed(law(), fields=True)
    assert "field.documents.kind" in needed(law(), fields=True)
    assert not [key for key in needed(law(), fields=False) if key.startswith("field.")]
