"""`handschlag explain`: the page of examples, questions that are out of form, and entries of a log."""

import json
from pathlib import Path

import pytest

from adapters.node.explaining import sentences
from handschlag.registry_folder import shipped_bundle
from schemas.registry import load
from tests.support import explained
from tests.support.audited_log import index_of, sound
from tests.support.auditor import write, write_shard
from tests.support.tampering import LEAVES

pytestmark = pytest.mark.slow  # the whole shipped registry, or whole logs

ASK = "handschlag explain question --on 2026-12-01 --holder course_provider"


def test_the_page_says_what_the_command_says() -> None:
    """docs/explained.md is a transcript: five permitted exchanges, ten refused ones, each for a reason of its own."""
    page = explained.PAGE.read_text(encoding="utf-8")
    again, results = explained.run(page)
    assert again == page
    assert [result.exit_code for result in results] == [0] * 5 + [1] * 10
    stopped = [line.split()[1] for result in results for line in result.output.splitlines() if line.startswith("x ")]
    assert len(set(stopped)) == 12  # nothing_left and the prohibition name a second rule


def test_every_condition_of_the_shipped_law_has_words() -> None:
    """What a caseworker must declare is said in words, and no words are left over."""
    rules = load(shipped_bundle()).purposes.values()
    assert {code for rule in rules for code in rule.row.conditions} == sentences().condition.keys()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("--basis consent --basis-state unknown", "consent_unknown"),
        ("--basis consent --basis-state foreign", "consent_foreign"),
        ("--basis consent --basis-state renewed", "consent_renewed"),
        ("--basis consent --basis-state not_yet", "consent_not_yet"),
        ("--basis consent --basis-state used_up", "consent_exhausted"),
        ("--basis consent --approval over", "no_approval"),
        ("--basis consent --condition azr_insufficient", "approval_condition"),
        ("--basis consent --approved benefits.state", "cut_approval"),
        ("--basis consent --held benefits.state", "cut_catalogue"),
        ("--basis consent --ceiling 0 --field course_results.exam_result", "cut_ceiling"),
        ("--basis cooperation_duty", "basis_mismatch"),
        ("--basis statute", "basis_mismatch"),
    ],
)
def test_what_stops_a_question(more: str, reason: str) -> None:
    """Each thing that can be supposed otherwise changes the answer."""
    result = explained.typed(f"{ASK} --requester mbe --purpose Z16@1 {more} --format json")
    assert result.exit_code == 1, result.output
    assert reason in [one["rule"] for one in json.loads(result.output)]


def test_a_purpose_there_is_not() -> None:
    """An unknown purpose is a no like any other, and is called by its id."""
    result = explained.typed(f"{ASK} --requester mbe --purpose Z77@1 --basis consent")
    assert result.exit_code == 1
    assert result.output.startswith("refused: Z77@1\nx purpose_unknown")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("--requester nobody --purpose Z16@1", "kind: nobody is not in the registry"),
        ("--requester mbe --purpose Z16@1 --collector nobody", "kind: nobody is not in the registry"),
        ("--requester mbe --purpose Z16@1 --field no.field", "field: no.field is not in the registry"),
        ("--requester mbe --purpose 16", "question: purpose: "),
    ],
)
def test_a_question_out_of_form(more: str, sentence: str) -> None:
    """What the registry does not know, or is misspelt, is an error that names it."""
    result = explained.typed(f"{ASK} --basis consent {more}")
    assert sentence in str(result.exception)


def test_a_law_of_ones_own() -> None:
    """Another folder of registry files is decided on, here the shipped one by its path."""
    folder = Path("schemas/registry").resolve()
    result = explained.typed(f"{ASK} --requester mbe --purpose Z16@1 --basis consent --registry {folder}")
    assert result.exit_code == 0


def test_entries_of_a_log_are_explained(tmp_path: Path) -> None:
    """A grant, a refusal and an answer are said by the law of their time, from an export and from a broker's files."""
    log = write(tmp_path / "export", sound())
    granted = explained.typed(f"handschlag explain entry {log} --index {index_of(LEAVES, 'exchange.granted')}")
    assert (granted.exit_code, "+ minimised" in granted.output, " (jobcenter)”" in granted.output) == (0, True, True)
    refused = explained.typed(f"handschlag explain entry {log} --index {index_of(LEAVES, 'exchange.refused')}")
    assert (refused.exit_code, "\nx " in refused.output) == (1, True)
    shard = write_shard(tmp_path)
    withheld = explained.typed(f"handschlag explain entry {shard} --index {index_of(LEAVES, 'exchange.withheld')}")
    assert (withheld.exit_code, "x consent_withdrawn" in withheld.output) == (1, True)


def test_an_exchange_is_explained_from_first_to_last(tmp_path: Path) -> None:
    """By its id all that was decided about an exchange is said; the last decision is the exit code."""
    log = write(tmp_path, sound())
    shown = explained.typed(f"handschlag ledger show {log} --outcome disclosed --format json")
    exchange = json.loads(shown.output)[0]["id"]
    result = explained.typed(f"handschlag explain entry {log} --exchange {exchange}")
    assert result.exit_code == 0
    heads = [line.split()[1] for line in result.output.splitlines() if line[0].isdigit()]
    assert heads == ["exchange.granted", "exchange.disclosed"]


def test_what_is_no_decision_about_an_exchange(tmp_path: Path) -> None:
    """An entry of another kind is not explained, and one entry or one exchange must be named."""
    log = write(tmp_path, sound())
    assert "no decision about an exchange" in str(
        explained.typed(f"handschlag explain entry {log} --index 0").exception
    )
    assert explained.typed(f"handschlag explain entry {log}").exit_code == 2
