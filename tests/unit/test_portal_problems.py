"""What a colleague is told when something did not work: a sentence of their language, never one for programmers."""

import ast
from pathlib import Path

import pytest

from adapters.node import portal
from adapters.node.portal.problems import place_of, told
from adapters.web.texts import LANGUAGES, StaffLanguage, load
from schemas.errors import Code, HandschlagError, Malformed, Misuse, NotAuthentic, Unavailable
from schemas.ids import FieldName

TEXTS = load("adapters.node.portal")
NODE = Path(str(portal.__file__)).parents[1]
FLOWS = ("colleagues", "releases", "packaging", "approvals", "desk", "core/compose", "core/taking", "papers/person")
WIRING = {"pages", "login", "node", "seal_key"}
"""What a page never says: the composition's own mistakes, the login's own page, and a node that is not ready."""


def messages() -> list[str]:
    """Give how every message begins that a page or a flow behind one raises about something that was entered."""
    files = [
        *(NODE / "portal").glob("*.py"),
        *(NODE / f"{name}.py" for name in FLOWS if (NODE / f"{name}.py").exists()),
    ]
    found = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Assign | ast.AnnAssign) and getattr(node, "value", None) is not None:
                value = node.value.values[0] if isinstance(node.value, ast.JoinedStr) else node.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and place_of(value.value):
                    found.append(value.value)
    return sorted(set(found))


@pytest.mark.parametrize("message", messages())
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_has_a_sentence(message: str, language: StaffLanguage) -> None:
    """Whatever a page refuses is said in German and English, by the field it is about, and not "something"."""
    place = place_of(message)
    if place in WIRING or place == "exchange":
        return
    assert TEXTS[language].has(f"wrong.{place}"), message


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_for_programmers_reaches_a_page(code: Code, language: StaffLanguage) -> None:
    """Of an error whose message fits nothing the code is explained, or it is said that something did not fit."""
    for error in (Misuse("zzz: for programmers", code=code), Unavailable("zzz: for programmers", code=code)):
        problem = told(error, TEXTS[language], language, {})
        assert "programmers" not in problem.sentence
        assert problem.sentence


@pytest.mark.parametrize(
    ("error", "sentence", "code", "status"),
    [
        (Malformed("client: a name may hold letters only"), "Diese Eingabe passt nicht.", "malformed", 422),
        (Misuse("exchange: x", code=Code.GRANT_UNKNOWN), "Diesen Vorgang gibt es hier nicht", "grant_unknown", 422),
        (Misuse("ref: blocked", code=Code.PROHIBITED), "Über diese Person darf nichts", "prohibited", 422),
        (Misuse("ref: is no client of your team"), "Wählen Sie den Eintrag", "", 422),
        (Malformed("file number: has 1 to 200 characters"), "Tragen Sie ein Aktenzeichen", "malformed", 422),
        (Malformed("ref, case_ref: name it"), "Wählen Sie den Eintrag", "malformed", 422),
        (Malformed("course.state: is no code\ncourse.end: is blank"), "Kursstand: Diese Eingabe", "malformed", 422),
        (Unavailable("node: is not ready"), "Das ist gerade nicht erreichbar", "unavailable", 503),
        (Misuse("no place"), "Etwas an der Eingabe", "", 422),
        (NotAuthentic("grant: x", code=Code.CONSENT_WITHDRAWN), "Die Person hat ihre", "consent_withdrawn", 422),
    ],
)
def test_the_closest_sentence_is_said(error: HandschlagError, sentence: str, code: str, status: int) -> None:
    """The field with its code, else the field, else the code, else the field of the law that was typed."""
    problem = told(error, TEXTS["de"], "de", {FieldName("course.state"): "Kursstand"})
    assert (problem.sentence[: len(sentence)], problem.code, problem.status) == (sentence, code, status)
