"""The consent pages of a running node: read, answer one question, say yes or no, take the receipt, end it again."""

from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pypdf import PdfReader

from adapters.node.access import Role
from adapters.node.core.consent_text import languages
from adapters.node.store.rows import ConsentState
from adapters.web.client_words import shipped_words
from schemas import statements as st
from tests.support.portal_visit import Seated
from tests.support.small_town import COLLECTOR, HOLDER, PERSON, REQUESTER, Town
from tests.support.virtual_time import virtual

from .test_portal_work import seated

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

WAY = f"Z16@1,{REQUESTER},{HOLDER}"
CHOSEN = {"way": WAY, "days": "30", "uses": "3", "medium": "screen", "interpreter": "none", "who": "own"}


async def opened(adviser: Seated) -> None:
    """Open the client's case."""
    said = {"family_name": PERSON.family_name, "given_names": PERSON.given_names}
    await adviser.send("/case", **said, birth_date=PERSON.birth_date or "")


async def shown(adviser: Seated, language: str = "ar", **more: str) -> httpx.Response:
    """Open the case and have a text shown."""
    await opened(adviser)
    return await adviser.send("/consents/offer", language=language, **{**CHOSEN, **more})


def hash_on(page: httpx.Response) -> str:
    """Give the hash of the text the yes is for."""
    return page.text.partition('name="text" value="')[2].partition('"')[0]


@virtual
async def test_a_client_reads_answers_says_yes_and_may_be_asked_about(tmp_path: Path) -> None:
    """Text, question, yes, receipt: the ledger has the language and the hash of the very text; the codes open it."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    page = await shown(adviser)
    assert (page.status_code, page.url.path) == (200, "/consents/card")
    assert 'lang="ar" dir="rtl"' in page.text
    assert shipped_words()["ar"].words.card.draft in page.text
    assert "/consents/yes" not in page.text
    page = await adviser.send("/consents/answer", answer=REQUESTER)
    assert shipped_words()["ar"].words.card.right in page.text
    text = hash_on(page)
    page = await adviser.send("/consents/yes", text=text)
    assert page.url.path == "/consents/receipt"
    (consent,) = await town.world.nodes[COLLECTOR].store.bases.consents()
    assert isinstance(consent.statement, st.ConsentGiven)
    assert (consent.statement.text_sha256, consent.statement.language, consent.statement.uses) == (text, "ar", 3)
    assert consent.view_code is not None
    assert consent.view_code in page.text
    assert PERSON.family_name not in str(page.url)
    assert 'href="/consents/receipt.pdf"' in page.text
    paper = await adviser.open("/consents/receipt.pdf")
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    assert "receipt.tlog-proof" in PdfReader(BytesIO(paper.content)).attachments
    said = consent.statement
    assert (said.words, said.role, said.interpreter, said.understood) == (
        shipped_words()["ar"].hash,
        "adviser",
        "none",
        "first",
    )
    node = town.world.nodes[COLLECTOR]
    assert said.staff is not None
    assert await node.store.colleagues.staff_of(said.staff) == "staff-1"
    assert (consent.guardian, consent.draft) == (None, True)
    asked = await town.ask(consent.statement.consent)
    assert asked.exchange
    assert (await adviser.send("/consents/end", consent=consent.id)).status_code == 200
    (consent,) = await town.world.nodes[COLLECTOR].store.bases.consents()
    assert consent.state is ConsentState.WITHDRAWN
    await town.close()


@virtual
async def test_what_is_no_consent_cannot_be_ended(tmp_path: Path) -> None:
    """A form without an id, or with one of another form, is told so; nothing is signed for it."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    size = len(town.world.kinds())
    for name in ("", "x", "A" * 32):
        assert (await adviser.send("/consents/end", consent=name)).status_code == 422
    assert len(town.world.kinds()) == size
    await town.close()


@virtual
async def test_a_no_is_one_click_and_recorded(tmp_path: Path) -> None:
    """The ledger holds the refusal, no consent is kept, and the page says that nothing is passed on."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    await shown(adviser, "uk")
    await adviser.send("/consents/answer", answer=REQUESTER)
    page = await adviser.send("/consents/no")
    assert shipped_words()["uk"].words.card.refused in page.text
    assert await town.world.nodes[COLLECTOR].store.bases.consents() == []
    assert (await adviser.open("/consents/card")).url.path == "/consents"
    await town.close()


@virtual
async def test_who_did_not_understand_is_told_again_and_may_still_decide(tmp_path: Path) -> None:
    """After a wrong answer the text comes again; after the second both decide in talking, nobody is turned away."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    await shown(adviser, "ti", medium="oral")
    page = await adviser.send("/consents/answer", answer=HOLDER)
    assert shipped_words()["ti"].words.card.wrong in page.text
    assert "/consents/yes" not in page.text
    page = await adviser.send("/consents/answer", answer=HOLDER)
    assert "/consents/yes" in page.text
    assert "/consents/no" in page.text
    await adviser.send("/consents/answer", answer=REQUESTER)  # the third answer changes nothing any more
    await adviser.send("/consents/yes", text=hash_on(page))
    (consent,) = await town.world.nodes[COLLECTOR].store.bases.consents()
    assert isinstance(consent.statement, st.ConsentGiven)
    assert (consent.statement.understood, consent.statement.medium) == ("talked_over", "oral")
    await town.close()


@virtual
async def test_somebody_else_consents_and_somebody_interprets(tmp_path: Path) -> None:
    """The ledger has the capacity and the kind of interpreter; who consented for the client stays at the collector."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    await shown(adviser, who="carer", interpreter="sworn")
    await adviser.send("/consents/answer", answer=HOLDER)
    page = await adviser.send("/consents/answer", answer=REQUESTER)
    await adviser.send("/consents/yes", text=hash_on(page))
    (consent,) = await town.world.nodes[COLLECTOR].store.bases.consents()
    said = consent.statement
    assert isinstance(said, st.ConsentGiven)
    assert (said.capacity, said.interpreter, said.understood, consent.guardian) == (
        "guardian",
        "sworn",
        "second",
        "carer",
    )
    assert not any(b"carer" in raw for raw in town.world.leaves())
    (held,) = await town.world.nodes[REQUESTER].store.bases.consents()
    assert held.guardian is None
    await town.close()


@virtual
async def test_only_what_is_offered_is_taken(tmp_path: Path) -> None:
    """Another purpose, language, time or text than the page offered changes nothing; without a case there is none."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    for path in ("/consents/card", "/consents/receipt", "/consents/receipt.pdf"):
        assert (await adviser.open(path)).url.path == "/consents"
    for path in ("/consents/answer", "/consents/yes", "/consents/no"):
        assert (await adviser.send(path)).url.path == "/consents"
    for wrong in (
        {"way": "Z16@1,a,b"},
        {"days": "31"},
        {"days": "3"},
        {"medium": "pigeon"},
        {"interpreter": "parrot"},
        {"who": "neighbour"},
        {"who": ""},
    ):
        assert (await shown(adviser, **wrong)).status_code == 422
    assert (await shown(adviser, "xx")).status_code == 422
    page = await shown(adviser)
    assert page.status_code == 200
    unasked = await adviser.send("/consents/yes", text=hash_on(await shown(adviser)))
    assert unasked.url.path == "/consents/card"
    await adviser.send("/consents/answer", answer=REQUESTER)
    assert (await adviser.send("/consents/yes", text="0" * 64)).status_code == 422
    assert await town.world.nodes[COLLECTOR].store.bases.consents() == []
    await town.close()


@virtual
async def test_who_can_sanction_collects_no_consent_for_itself(tmp_path: Path) -> None:
    """At the Jobcenter the pages offer no consent whose recipient it is."""
    town = await Town.start(tmp_path)
    clerk = seated(town.world, REQUESTER, Role.ADVISER)
    assert (await shown(clerk)).status_code == 422
    assert WAY not in (await clerk.open("/consents")).text
    await town.close()


@virtual
async def test_a_text_is_offered_as_a_draft_only_where_the_settings_allow(tmp_path: Path) -> None:
    """In production only what two roles approved can be chosen, and then it is no draft."""
    town = await Town.start(tmp_path)
    words, state = shipped_words(), town.world.nodes[COLLECTOR].federation.view.state
    assert languages(words, state, drafts=False) == []
    assert all(one.draft for one in languages(words, state, drafts=True))
    state.texts.add(("ar", words["ar"].hash))
    assert languages(words, state, drafts=False) == []  # the German text stands beside it, and counts
    state.texts.add(("de", words["de"].hash))
    assert [(one.language, one.draft) for one in languages(words, state, drafts=False)] == [
        ("de", False),
        ("ar", False),
    ]
    await town.close()
