"""Papers for clients: read back as text, looked at as pictures by hand, and proven as any receipt."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from pypdf import PdfReader

from adapters.node.access import Role
from adapters.node.papers.making import Making
from adapters.node.papers.pdf import render
from adapters.node.papers.receipt import grouped, notice, receipt
from adapters.node.settings import PapersSettings
from adapters.web.client_words import shipped_words
from adapters.web.pages import day
from consent_ledger.core.pins_file import write_pins
from schemas.calendar import berlin_day
from schemas.client_texts import LANGUAGES
from schemas.errors import Code, Misuse
from tests.flow.test_statute_handles import NORM, question, started
from tests.support.auditor import run
from tests.support.node_http import Front
from tests.support.node_world import PINS
from tests.support.small_town import COLLECTOR, PERSON, REQUESTER, Town, taken
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

OFFICE: Final = PapersSettings(
    responsible="Jobcenter Musterstadt, Musterweg 1, 00000 Musterstadt",
    officer="datenschutz@jobcenter.example",
    client_pages="https://broker.example",
)


def text(pdf: bytes) -> str:
    """Give what a reader of the PDF can copy out of it."""
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@virtual
async def test_a_receipt_is_in_two_languages_and_proves_itself(tmp_path: Path) -> None:
    """Codes, parties and dates stand on it in Arabic and German, no name does; `ledger prove` takes the PDF alone."""
    town = await Town.start(tmp_path)
    front = Front(town, COLLECTOR)
    front.desk.office = OFFICE
    name = await town.consent()
    answer = await front.call(Role.ADVISER, "GET", f"/v1/consents/{name}/receipt.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    kept = await town.world.nodes[COLLECTOR].store.bases.consent(name)
    assert kept is not None
    assert kept.view_code is not None
    assert kept.withdraw_code is not None
    said = text(answer.content)
    for wanted in (grouped(kept.view_code), grouped(kept.withdraw_code)):
        assert said.count(wanted) == 2
    assert day(berlin_day(kept.statement.expires - 1).isoformat()) in said
    assert "möchte Daten über Sie bekommen" in said
    assert "am Bildschirm" in said
    assert "https://broker.example/c" in said
    assert kept.view_code not in said
    assert not any(name in said for name in (PERSON.family_name, PERSON.given_names, str(PERSON.birth_date)))
    (tmp_path / "receipt.pdf").write_bytes(answer.content)
    (tmp_path / "federation.toml").write_text(write_pins(PINS, ()), "utf-8")
    (tmp_path / "opened").write_bytes(town.world.leaves()[0])
    terms = ("--pins", tmp_path / "federation.toml", "--opened", tmp_path / "opened")
    proved = run("prove", tmp_path / "receipt.pdf", *terms)
    assert (proved.exit_code, "consent.given" in proved.output) == (0, True), proved.output
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    assert run("prove", tmp_path / "broken.pdf", *terms).exit_code == 3
    assert run("prove", tmp_path / "missing.pdf", *terms).exit_code != 0
    await town.close()


@virtual
async def test_only_the_collector_makes_a_receipt(tmp_path: Path) -> None:
    """The recipient holds the consent and not its codes; nobody else is let in at all."""
    town = await Town.start(tmp_path)
    name = await town.consent()
    answer = await Front(town, REQUESTER).call(Role.ADVISER, "GET", f"/v1/consents/{name}/receipt.pdf")
    assert answer.status_code == 404
    await town.close()


@virtual
async def test_a_request_on_a_statute_makes_a_notice(tmp_path: Path) -> None:
    """The notice names norm, agencies, rights and the agency's officer; its code is the one the log has the hash of."""
    town = await started(tmp_path)
    asked = await town.requester.ask(question())
    front = Front(town, REQUESTER)
    front.desk.office = OFFICE
    answer = await front.call(Role.ADVISER, "GET", f"/v1/requests/{asked.exchange}/notice.pdf?language=uk")
    assert answer.status_code == 200, answer.text
    said = text(answer.content)
    code = await town.world.nodes[REQUESTER].store.notices.code(asked.exchange)
    for wanted in (NORM, OFFICE.officer, "Art. 15 bis 18", grouped(code), "Інформація про ваші дані"):
        assert wanted in said
    assert PERSON.family_name not in said
    other = await front.call(Role.ADVISER, "GET", f"/v1/requests/{asked.exchange}/notice.pdf?language=0")
    assert other.status_code == 422
    await town.close()


@virtual
async def test_who_gave_consent_gets_no_notice(tmp_path: Path) -> None:
    """A request under a consent has no notice: its client has the receipt."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    answer = await Front(town, REQUESTER).call(Role.ADVISER, "GET", f"/v1/requests/{asked.exchange}/notice.pdf")
    assert (answer.status_code, answer.json()["code"]) == (422, "basis_mismatch")
    await town.close()


@virtual
async def test_every_language_has_its_receipt(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each comes with the German one, the same bytes every time, and no letter is missing from its font."""
    town = await Town.start(tmp_path)
    consent = await town.collector.collect(taken(town.world))
    making = Making(town.collector.identity.agency, town.world.nodes[COLLECTOR].federation.view, OFFICE, drafts=True)
    for language in LANGUAGES:
        statement = consent.statement.model_copy(update={"language": language})
        papers, files = receipt(consent._replace(statement=statement), making)
        assert [paper.language for paper in papers] == list(dict.fromkeys((language, "de")))
        pdf = render(papers, files, 0)
        assert pdf == render(papers, files, 0)
        assert len(PdfReader(BytesIO(pdf)).pages) == len(papers)  # a language to a sheet
    assert [record.getMessage() for record in caplog.records if "font" in record.getMessage()] == []
    await town.close()


@virtual
async def test_only_approved_texts_are_printed_in_production(tmp_path: Path) -> None:
    """Without `drafts` no paper is made of a draft; what two roles approved is printed without the draft's mark."""
    town = await started(tmp_path)
    asked = await town.requester.ask(question())
    node = town.world.nodes[REQUESTER]
    code, state, words = await node.store.notices.code(asked.exchange), node.federation.view.state, shipped_words()
    drafts = Making(node.identity.agency, node.federation.view, OFFICE, drafts=True)
    production = replace(drafts, drafts=False)
    marks = [words[language].words.card.draft for language in ("uk", "de")]
    said = text(render(*notice(asked, code, "uk", drafts), 0))
    assert all(mark in said for mark in marks)
    for approved in ((), ("uk",)):  # the German text stands beside each other one, and counts
        state.texts |= {(one, words[one].hash) for one in approved}
        with pytest.raises(Misuse) as refused:
            notice(asked, code, "uk", production)
        assert refused.value.code is Code.TEXT_NOT_APPROVED
        assert production.languages == {}
    state.texts.add(("de", words["de"].hash))
    assert list(production.languages) == ["de", "uk"]
    said = text(render(*notice(asked, code, "uk", production), 0))
    assert not any(mark in said for mark in marks)
    with pytest.raises(Misuse):
        notice(asked, code, "tr", production)
    await town.close()


@virtual
async def test_a_receipt_falls_back_to_german_where_the_language_is_approved_no_more(tmp_path: Path) -> None:
    """Who lost the paper gets it again, though the text of their language is a draft by now: in German alone."""
    town = await Town.start(tmp_path)
    consent = await town.collector.collect(taken(town.world))
    view = town.world.nodes[COLLECTOR].federation.view
    production = Making(town.collector.identity.agency, view, OFFICE)
    with pytest.raises(Misuse):
        receipt(consent, production)
    view.state.texts.add(("de", shipped_words()["de"].hash))
    papers, _ = receipt(consent, production)
    assert [paper.language for paper in papers] == ["de"]
    await town.close()


@virtual
async def test_the_text_is_of_the_law_that_still_knows_the_fields(tmp_path: Path) -> None:
    """A receipt is made again though the law in force has narrowed the purpose since."""
    town = await Town.start(tmp_path)
    consent = await town.collector.collect(taken(town.world))
    view = town.world.nodes[COLLECTOR].federation.view
    making = Making(town.collector.identity.agency, view, OFFICE, drafts=True)
    before = receipt(consent, making)
    law = town.world.raw_registry.decode()
    narrowed = law.replace('"course_participation.ended_on","course_participation.started_on",', "", 1)
    assert narrowed != law
    await town.world.enact(narrowed.encode())
    await town.world.nodes[COLLECTOR].federation.catch_up()
    assert receipt(consent, making) == before
    await town.close()
