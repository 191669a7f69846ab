"""Explanations: every rule a decision can name has a sentence, and a decision is said rule by rule."""

import string
from typing import Final, get_args

import pytest

from adapters.node.explaining import sentences
from broker.core.standing import ALLOWING
from schemas import statements as st
from schemas.entries import AnyEntry, Cut, Disclosed, Granted, Recorded, Refused, Rejected, Unavailable, Withheld
from schemas.errors import Code, Malformed, Misuse
from schemas.explain import DISCLOSED, MINIMISED, PROHIBITION, Judged, Matter, explain, judged, parse_sentences, refused
from schemas.ids import CodeName, FieldName, Hash, Purpose
from schemas.minimise import CUTTING
from schemas.registry import CONDITIONS, BasisKind, Labels
from tests.support import small_law

ZERO: Final = Hash("0" * 64)
RULES: Final = {
    *ALLOWING,
    *get_args(BasisKind),
    MINIMISED,
    DISCLOSED,
    PROHIBITION,
    *CUTTING,
    *(code.value for code in Code),
}
"""Every rule id and every code that a decision can name, as the code has them."""
STATE, RESULT = FieldName("course.state"), FieldName("course.result")
MATTER: Final = Matter(
    requester=Labels(de="Amt", en="office"),
    holder=Labels(de="Kurs", en="course"),
    purpose=Purpose("Z16@1"),
    asked=(RESULT, STATE),
    law=small_law.LAW,
)


def test_every_rule_has_a_sentence_and_no_sentence_is_left_over() -> None:
    """A new code or rule without its words fails here, and so do words for a rule that is gone."""
    assert sentences().rule.keys() == RULES


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_sentence_is_whole(rule: CodeName) -> None:
    """Both languages are there, end as sentences do, and have the same gaps, none of which stays open."""
    sentence = sentences().rule[rule]
    gaps = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (sentence.de, sentence.en)]
    assert gaps[0] == gaps[1] <= {"purpose", "requester", "holder", "conditions", "prohibition"}
    (said,) = explain(Judged(allowed=(rule,)), MATTER, sentences())
    assert said.de.endswith(".")
    assert said.en.endswith(".")
    assert said.norms


def _entries() -> list[tuple[AnyEntry, Judged]]:
    body = st.OutcomeBody(kind="disclosed", fields=(STATE,), ct=ZERO, commitment=ZERO)
    cut = (Cut(field=RESULT, rule=CUTTING[1]),)
    rules = (CodeName("purpose"),)
    none = st.OutcomeBody(kind="unavailable")
    return [
        (
            Granted(time=1, statement="x", registry=ZERO, fields=(STATE,), cut=cut, rules=rules, approval=0, chain=1),
            Judged(allowed=rules, cut=cut, fields=(STATE,)),
        ),
        (
            Refused(time=1, statement="x", registry=ZERO, reason=Code.PROHIBITED, rules=(CodeName("v01"),)),
            Judged(stopped=(CodeName("prohibited"), CodeName("v01"))),
        ),
        (
            Refused(time=1, statement="x", registry=ZERO, reason=Code.STALE, rules=(CodeName("stale"),)),
            Judged(stopped=(CodeName("stale"),)),
        ),
        (
            Disclosed(time=1, statement="x", k=ZERO, body=body, grant=0, chain=1),
            Judged(allowed=(DISCLOSED,), fields=(STATE,)),
        ),
        (Unavailable(time=1, statement="x", k=ZERO, body=none, grant=0, chain=1), refused(Code.NOT_AVAILABLE)),
        (Withheld(time=1, statement="x", grant=0, reason=Code.CONSENT_WITHDRAWN), refused(Code.CONSENT_WITHDRAWN)),
        (Rejected(time=1, statement="x", reason=Code.ID_IN_USE), refused(Code.ID_IN_USE)),
        (Recorded(time=1, statement="x"), Judged()),
    ]


def test_what_an_entry_names() -> None:
    """Each kind of entry gives the rules it names; a reason that is its own rule is said once."""
    for entry, told in _entries():
        assert judged(entry) == told


def test_a_grant_is_said_rule_by_rule() -> None:
    """What allowed it comes first; cut fields stand together under the rule that cut them; only flowing fields flow."""
    cut = tuple(Cut(field=FieldName(f"course.{name}"), rule=CUTTING[3]) for name in ("advice", "result"))
    told = Judged(allowed=(CodeName("pair"), MINIMISED), cut=cut, fields=(STATE,))
    said = explain(told, MATTER, sentences())
    assert [(one.rule, one.does, one.fields) for one in said] == [
        ("pair", "allowed", ()),
        ("minimised", "allowed", (STATE,)),
        ("cut_catalogue", "cut", ("course.advice", "course.result")),
    ]
    assert said[0].norms == ("SGB X § 67",)
    assert said[0].de == "„Amt“ darf für diesen Zweck bei „Kurs“ anfragen."
    assert said[0].en == "“office” may ask “course” for this purpose."


def test_nothing_left_names_the_field_the_rule_cut() -> None:
    """The rule of a refusal that left nothing is the one that cut the first field."""
    said = explain(refused(Code.NOTHING_LEFT, [CUTTING[0]]), MATTER, sentences())
    assert [(one.rule, one.fields) for one in said] == [("nothing_left", ()), ("cut_purpose", (RESULT,))]


def test_a_prohibition_is_said_in_the_words_of_the_law() -> None:
    """The registry of its time says what is prohibited; a rule that nobody knows is an error of ours."""
    said = explain(refused(Code.PROHIBITED, [CodeName("v01")]), MATTER, sentences())
    assert (said[1].de, said[1].en) == ("Wort.", "word.")
    with pytest.raises(Misuse, match="no sentence for v99"):
        explain(refused(Code.PROHIBITED, [CodeName("v99")]), MATTER, sentences())


def test_without_the_law_of_its_time() -> None:
    """Where the registry is not held, the purpose is called by its id, and no norm is made up."""
    (said,) = explain(refused(Code.PAIR_NOT_ALLOWED), MATTER._replace(law=None), sentences())
    assert (said.en, said.norms) == ("“office” may not ask “course” for the purpose “Z16@1”.", ())


def test_each_condition_has_its_words() -> None:
    """What a purpose may ask to have declared is a closed list; a refusal for lack of one says it in both languages."""
    assert sentences().condition.keys() == CONDITIONS
    told = refused(Code.CONDITION_MISSING)
    (said,) = explain(told, MATTER._replace(purpose=Purpose("Z03@1")), sentences())
    words = sentences().condition[CodeName("reason_not_from_client")]
    assert (words.de in said.de, words.en in said.en) == (True, True)


def test_sentences_out_of_form() -> None:
    """A file of sentences with a language missing names its line."""
    with pytest.raises(Malformed, match=r"explain.toml:1: rule\.stale\.en"):
        parse_sentences('[rule.stale]\nde = "x"\n[condition]\n')
