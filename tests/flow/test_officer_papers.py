"""Files from the pages and the API: exports of an answer, and the papers for data protection."""

import base64
import csv
import json
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from adapters.node.access import Role
from adapters.node.papers import exports
from adapters.node.papers.exports import COLUMNS
from adapters.node.papers.officer import PAPERS
from tests.flow.test_papers import OFFICE, text
from tests.flow.test_statute_handles import question as on_statute
from tests.flow.test_statute_handles import started
from tests.support.node_http import Front
from tests.support.portal_visit import House, Seated
from tests.support.small_town import HOLDER, REQUESTER, VALUES, Town, question
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


@virtual
async def test_an_answer_is_exported_with_where_each_value_is_from(tmp_path: Path) -> None:
    """JSON, CSV and PDF hold every value and its origin; another colleague gets none of it."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    node = town.world.nodes[REQUESTER]
    adviser = Seated(House(town.world.clock, node), Role.ADVISER, "staff-7")
    way = f"/requests/{asked.exchange}"
    page = (await adviser.open(way)).text
    assert (f"{way}/export/csv" in page, "/notice/" in page) == (True, False)
    made = json.loads((await adviser.open(f"{way}/export/json")).content)
    values = {one["field"]: [value["value"] for value in one["values"]] for one in made["fields"]}
    assert {name: [value] for name, value in VALUES.items()}.items() <= values.items()
    assert (made["holder"], made["exchange"]) == (HOLDER, asked.exchange)
    answer = await adviser.open(f"{way}/export/csv")
    lines = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert tuple(lines[0]) == COLUMNS
    assert {(line["field"], line["value"]) for line in lines} >= set(VALUES.items())
    assert {line["holder"] for line in lines} == {HOLDER}
    said = text((await adviser.open(f"{way}/export/pdf")).content)
    assert asked.exchange in said
    assert "02.02.2026" in said
    assert (await adviser.open(f"{way}/export/exe")).status_code == 422
    other = Seated(House(town.world.clock, node), Role.ADVISER, "staff-2")
    assert (await other.open(f"{way}/export/json")).status_code == 422
    await town.close()


@virtual
async def test_papers_for_data_protection_follow_the_approvals(tmp_path: Path) -> None:
    """They name purpose, norm, fields and others; the officer alone gets them, as PDF and as text."""
    town = await Town.start(tmp_path)
    front = Front(town, REQUESTER)
    front.desk.office = OFFICE
    officer = Seated(House(town.world.clock, town.world.nodes[REQUESTER]), Role.DPO)
    assert "/officer/papers/processing/pdf" in (await officer.open("/officer")).text
    for name in PAPERS:
        plain = await front.call(Role.DPO, "GET", f"/v1/papers/{name}?form=md")
        assert OFFICE.responsible in plain.text
        assert plain.text.startswith("# ")
        printed = await front.call(Role.DPO, "GET", f"/v1/papers/{name}")
        assert plain.text.splitlines()[0][2:].split(" (")[0] in text(printed.content)
        for form in ("md", "pdf"):
            assert (await officer.open(f"/officer/papers/{name}/{form}")).status_code == 200
    record = (await front.call(Role.DPO, "GET", "/v1/papers/processing?form=md")).text
    for wanted in ("Z16@1", HOLDER, "Rolle adviser", "Art. 32"):
        assert wanted in record
    assert (await front.call(Role.DPO, "GET", "/v1/papers/nothing")).status_code == 422
    assert (await officer.open("/officer/papers/processing/exe")).status_code == 422
    assert (await front.call(Role.ADVISER, "GET", "/v1/papers/processing")).status_code == 403
    await town.close()


def test_no_value_is_a_formula_to_a_spreadsheet() -> None:
    """What begins like a formula is written as text, and a number stays one."""
    assert exports.cell("=1+1") == "'=1+1"
    assert exports.cell("B1") == "B1"
    assert exports.cell(-4) == -4


@virtual
async def test_a_persons_report_is_drawn_up_for_a_reason_alone(tmp_path: Path) -> None:
    """It holds what was given, with proofs and without values; the officer's reason is kept before it is shown."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    node = town.world.nodes[HOLDER]
    officer = Seated(House(town.world.clock, node), Role.DPO)
    assert (await officer.open("/officer/person")).status_code == 200
    reason = "Request of 3 March"
    for said in (
        {"ref": "T-1", "reason": "short", "form": "pdf"},
        {"ref": "", "reason": reason, "form": "pdf"},
        {"ref": "T-1", "reason": reason, "form": "exe"},
    ):
        assert (await officer.send("/officer/person", **said)).status_code == 422
    assert await node.store.reports.all() == []
    made = json.loads((await officer.send("/officer/person", ref="T-1", reason=reason, form="json")).content)
    assert [one["exchange"] for one in made["given"]] == [asked.exchange]
    assert base64.b64decode(made["given"][0]["receipts"][1]["proof_base64"]).startswith(b"c2sp.org/tlog-proof@v1")
    assert made["asked"] == []
    printed = (await officer.send("/officer/person", ref="T-1", case_ref="X", reason=reason, form="pdf")).content
    assert "Jobcenter" in text(printed)
    assert VALUES["course_participation.started_on"] not in text(printed)
    assert f"{asked.exchange}-answer.tlog-proof" in PdfReader(BytesIO(printed)).attachments
    assert reason in (await officer.open("/officer/person")).text
    assert {one.officer for one in await node.store.reports.all()} == {"staff-1"}
    await town.close()


@virtual
async def test_a_report_holds_what_was_asked_under_a_file(tmp_path: Path) -> None:
    """The asking agency finds its own requests by its file reference, with what came of them."""
    town = await Town.start(tmp_path)
    asked = await town.requester.ask(question(await town.consent())._replace(case_ref="JC-1"))
    officer = Seated(House(town.world.clock, town.world.nodes[REQUESTER]), Role.DPO)
    said = {"case_ref": "JC-1", "reason": "Request of 3 March"}
    answer = await officer.send("/officer/person", **said, form="json")
    assert answer.status_code == 200, answer.text
    made = json.loads(answer.content)
    assert [(one["exchange"], one["state"]) for one in made["asked"]] == [(asked.exchange, "answered")]
    assert made["asked"][0]["received_fields"]
    printed = await officer.send("/officer/person", **said, form="pdf")
    assert "beantwortet" in text(printed.content)
    await town.close()


@virtual
async def test_a_caseworker_prints_the_notice_beside_the_answer(tmp_path: Path) -> None:
    """On a statute the answer links the notice in every language; under a consent there is none."""
    town = await started(tmp_path)
    asked = await town.requester.ask(on_statute())
    adviser = Seated(House(town.world.clock, town.world.nodes[REQUESTER]), Role.ADVISER, "staff-7")
    way = f"/requests/{asked.exchange}"
    assert f"{way}/notice/ti" in (await adviser.open(way)).text
    said = text((await adviser.open(f"{way}/notice/fr")).content)
    assert "Information sur vos données" in said
    assert "Information über Ihre Daten" in said
    await town.close()
