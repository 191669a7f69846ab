"""The text a consent is bound to: made again from the terms, and refused where it is another or a draft."""

from functools import cache

import pytest

from adapters.node.core.consent_text import (
    By,
    Terms,
    check_text,
    is_draft,
    languages,
    releases_secrecy,
    shown,
    side,
    terms_of,
    told,
)
from adapters.node.core.taking import Taken
from adapters.web.client_words import shipped_words
from consent_ledger.core.state import LedgerState, Member
from schemas import registry as law
from schemas.commitment import sha256
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, CodeName, FieldName, LogId, NatsAccount, Purpose
from schemas.record import PersonBlock
from schemas.registry import Registry
from tests.support.node_world import registry_bundle

MIDNIGHT = 1_796_857_200_000  # 2026-12-10, 00:00 in Berlin
MEMBERS = {"jobcenter": "jobcenter", "kurse": "course_provider", "beratung": "mbe", "jugend": "jmd"}
FORM = b"a form of our own, printed"


@cache
def _law() -> Registry:
    return law.load(registry_bundle(answer_within_s=3600, later_after_ms=5000))


def by() -> By:
    """Give the law and a federation of three, without any approved text."""
    state = LedgerState(LogId("musterstadt.example/log/1"))
    for index, (agency, kind) in enumerate(MEMBERS.items()):
        state.hold_member(Member(AgencyId(agency), CodeName(kind), NatsAccount("A" + "B" * 54 + str(index)), index))
    return By(_law(), state)


TERMS = Terms(
    purpose=Purpose("Z16@1"),
    recipient=AgencyId("jobcenter"),
    holders=(AgencyId("kurse"),),
    fields=(FieldName("course_participation.state"), FieldName("course_participation.started_on")),
    expires=MIDNIGHT,
    uses=3,
)


def taken() -> Taken:
    """Give a consent to the text of these terms in Arabic."""
    return Taken(
        **TERMS._asdict(),
        person=PersonBlock(family_name="Beispiel", given_names="Bente"),
        text_sha256=told(TERMS, "ar", shipped_words(), by()).hash,
        language="ar",
        medium="screen",
        capacity="own",
        secrecy_release=False,
        interpreter="none",
        understood="first",
        staff="staff-1",
        role=CodeName("adviser"),
    )


def refused(one: Taken, held: By, *, drafts: bool = False) -> Code:
    """Give the code with which a consent is refused for its text."""
    with pytest.raises(Misuse) as error:
        check_text(one, shipped_words(), held, drafts=drafts)
    return error.value.code


def test_a_text_stands_with_its_words() -> None:
    """Whatever shows it knows what language it is for a browser, and that it is a draft until it is approved."""
    plain, held = side(TERMS, "de-leicht", shipped_words(), by()), by()
    assert (plain.told, plain.words) == (
        told(TERMS, "de-leicht", shipped_words(), by()),
        shipped_words()["de-leicht"].words,
    )
    held.state.texts.add(("ar", shipped_words()["ar"].hash))
    arabic = side(TERMS, "ar", shipped_words(), held)
    assert [(one.lang, one.draft) for one in (plain, arabic)] == [("de", True), ("ar", False)]


def test_the_last_day_stands_in_the_text() -> None:
    """A consent that ends at midnight is valid until the day before; the order of fields and holders is the law's."""
    text = told(TERMS, "de", shipped_words(), by())
    assert "09.12.2026" in text.raw.decode()
    turned = TERMS._replace(fields=TERMS.fields[::-1])
    assert told(turned, "de", shipped_words(), by()).hash == text.hash


def test_a_consent_is_bound_to_the_text_of_its_own_terms() -> None:
    """Other uses, fields, days, agencies or another language are another text, also where drafts are let through."""
    held = by()
    assert check_text(taken(), shipped_words(), held, drafts=True) == shipped_words()["ar"].hash
    one = taken()
    for other in (
        one._replace(uses=4),
        one._replace(fields=TERMS.fields[:1]),
        one._replace(expires=MIDNIGHT + 86_400_000),
        one._replace(language="de"),
        one._replace(text_sha256=sha256(b"some text")),
    ):
        assert refused(other, held, drafts=True) is Code.TEXT_NOT_APPROVED, other


def test_a_draft_is_refused_until_it_is_approved_and_again_after() -> None:
    """Neither shown nor signed for; the approval of another language or of older words helps nothing."""
    held, words = by(), shipped_words()
    held.state.texts.update({("de", words["de"].hash), ("ar", sha256(b"older words"))})
    assert is_draft("ar", words, held.state)
    assert refused(taken(), held) is Code.TEXT_NOT_APPROVED
    with pytest.raises(Misuse, match="draft"):
        shown(TERMS, "ar", words, held, drafts=False)
    held.state.texts.add(("ar", words["ar"].hash))
    assert check_text(taken(), words, held, drafts=False) == words["ar"].hash
    assert shown(TERMS, "ar", words, held, drafts=False).hash == taken().text_sha256
    held.state.texts.discard(("ar", words["ar"].hash))
    assert refused(taken(), held) is Code.TEXT_NOT_APPROVED


def test_an_agencys_own_form_is_approved_for_one_purpose_and_signed_on_paper() -> None:
    """Its hash in the log, for this language and purpose, is enough; on a screen it is no text of ours."""
    held, form = by(), sha256(FORM)
    own = taken()._replace(text_sha256=form, medium="paper", language="am")
    assert refused(own, held, drafts=True) is Code.TEXT_NOT_APPROVED
    held.state.hold_text("am", form, Purpose("Z17@1"))
    held.state.hold_text("am", form, None)
    assert refused(own, held, drafts=True) is Code.TEXT_NOT_APPROVED
    held.state.hold_text("am", form, Purpose("Z16@1"))
    assert check_text(own, shipped_words(), held, drafts=False) is None
    assert refused(own._replace(medium="screen"), held, drafts=True) is Code.TEXT_NOT_APPROVED


def test_the_release_from_secrecy_is_what_the_law_asks_for() -> None:
    """A yes that releases where nobody needs it, or does not where somebody does, is not what the text said."""
    held = by()
    assert refused(taken()._replace(secrecy_release=True), held, drafts=True) is Code.SECRECY_RELEASE_MISSING
    fields = tuple(sorted(_law().purposes[Purpose("Z20@1")].fields))
    secret = Terms(Purpose("Z20@1"), AgencyId("jugend"), (AgencyId("beratung"),), fields, MIDNIGHT, 1)
    assert releases_secrecy(secret, held)
    assert not releases_secrecy(terms_of(taken()), held)
    keys = {section.key for section in told(secret, "de", shipped_words(), held).sections}
    assert "secrecy" in keys


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (TERMS._replace(purpose=Purpose("Z99@1")), Code.PURPOSE_UNKNOWN),
        (TERMS._replace(recipient=AgencyId("nobody")), Code.NOT_A_MEMBER),
        (TERMS._replace(holders=(AgencyId("nobody"),)), Code.NOT_A_MEMBER),
        (TERMS._replace(fields=(FieldName("no.field"),)), Code.FIELD_UNKNOWN),
    ],
)
def test_terms_that_are_not_have_no_text(terms: Terms, code: Code) -> None:
    """What the law or the federation does not know cannot be told."""
    with pytest.raises(Misuse) as error:
        told(terms, "de", shipped_words(), by())
    assert error.value.code is code


def test_a_language_without_words_has_no_text() -> None:
    """A language nobody wrote words in is refused by its name."""
    with pytest.raises(Misuse, match="language"):
        told(TERMS, "am", shipped_words(), by())
    assert refused(taken()._replace(language="am"), by(), drafts=True) is Code.TEXT_NOT_APPROVED


def test_languages_are_offered_once_they_and_the_german_text_are_approved() -> None:
    """Drafts are among them only where they may be, each marked as such."""
    words, law_and_state = shipped_words(), by()
    state = law_and_state.state
    assert languages(words, state, drafts=False) == []
    assert {(one.language, one.draft) for one in languages(words, state, drafts=True)} == {(one, True) for one in words}
    state.texts.add(("ar", words["ar"].hash))
    assert languages(words, state, drafts=False) == []
    state.texts.add(("de", words["de"].hash))
    assert [one.language for one in languages(words, state, drafts=False)] == ["de", "ar"]


def test_what_a_law_allows_is_told_without_a_question() -> None:
    """On a statute the text says that nobody had to agree, and neither limits nor an end of it."""
    text = told(TERMS, "de", shipped_words(), by(), "statute")
    assert [section.key for section in text.sections] == ["ask", "power", "what", "law", "rights"]
    assert "Das Gesetz erlaubt das auch ohne Ihr Ja." in text.sections[0].lines[0]
