"""The pages of a client's own request: chosen, read, recorded, its receipt taken; then it is answered once."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.store.rows import AskedState
from adapters.web.client_words import shipped_words
from schemas import statements as st
from tests.support.portal_visit import Seated
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER, Town
from tests.support.virtual_time import virtual

from .test_given_bases import asked_under
from .test_portal_consents import hash_on, opened
from .test_portal_work import seated

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

NORM = "IntV § 7(2)"
CHOSEN = {"way": f"Z13@1,{REQUESTER},{HOLDER}", "days": "30", "language": "ar"}


async def visited(folder: Path) -> tuple[Town, Seated]:
    """Open the client's case at counselling, in a town where the Jobcenter may ask for the proof."""
    town = await Town.start(folder)
    await town.world.approve(REQUESTER, "Z13@1")
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    await opened(adviser)
    return town, adviser


@virtual
async def test_a_client_reads_what_they_ask_for_and_it_is_handed_over_once(tmp_path: Path) -> None:
    """Text in both languages, norm, receipt with both codes; the list names it, and the agency asks under it once."""
    town, adviser = await visited(tmp_path)
    page = await adviser.send("/consents/request", **CHOSEN)
    assert (page.status_code, page.url.path) == (200, "/consents/request")
    assert ('lang="ar" dir="rtl"' in page.text, 'lang="de" dir="ltr"' in page.text) == (True, True)
    assert f"<option>{NORM}</option>" in page.text
    page = await adviser.send("/consents/request/record", text=hash_on(page), norm=NORM)
    assert (page.status_code, page.url.path) == (200, "/consents/receipt")
    (held,) = await town.world.nodes[COLLECTOR].store.bases.consents()
    assert isinstance(held.statement, st.BasisGiven)
    assert (held.statement.kind, held.statement.norm, held.statement.uses) == ("client_request", NORM, 1)
    for shown in (held.view_code, held.withdraw_code, shipped_words()["ar"].words.card.keep):
        assert shown is not None
        assert shown in page.text
    assert (await adviser.open("/consents/receipt.pdf")).content[:5] == b"%PDF-"
    listed = (await adviser.open("/consents")).text
    assert f"Jobcenter ({REQUESTER})</td>" in listed
    assert ("Anfrage der Person)" in listed, f'value="{held.id}"' in listed) == (True, True)
    assert (await adviser.open("/consents/request")).url.path == "/consents"
    assert await asked_under(town, held.id) is AskedState.ANSWERED
    assert await asked_under(town, held.id) is AskedState.REFUSED
    await town.close()


@virtual
async def test_a_request_is_ended_like_a_consent(tmp_path: Path) -> None:
    """One click in the list, and nothing is handed over under it any more."""
    town, adviser = await visited(tmp_path)
    page = await adviser.send("/consents/request", **CHOSEN)
    await adviser.send("/consents/request/record", text=hash_on(page), norm=NORM)
    (held,) = await town.world.nodes[COLLECTOR].store.bases.consents()
    assert (await adviser.send("/consents/end", consent=held.id)).status_code == 200
    assert await asked_under(town, held.id) is AskedState.REFUSED
    await town.close()


@virtual
async def test_only_what_is_offered_is_recorded(tmp_path: Path) -> None:
    """Another purpose, time, language, norm or text than was offered records nothing; without a case there is none."""
    town = await Town.start(tmp_path)
    adviser, size = seated(town.world, COLLECTOR, Role.ADVISER), town.world.store.size
    assert (await adviser.send("/consents/request", **CHOSEN)).status_code == 422
    assert (await adviser.send("/consents/request/record", norm=NORM)).url.path == "/consents"
    await opened(adviser)
    for wrong in ({"way": f"Z16@1,{REQUESTER},{HOLDER}"}, {"way": ""}, {"days": "3"}, {"language": "xx"}):
        assert (await adviser.send("/consents/request", **{**CHOSEN, **wrong})).status_code == 422
    page = await adviser.send("/consents/request", **CHOSEN)
    for said in ({"text": "0" * 64, "norm": NORM}, {"text": hash_on(page), "norm": "SGB X § 67"}):
        assert (await adviser.send("/consents/request/record", **said)).status_code == 422
    assert (town.world.store.size, await town.world.nodes[COLLECTOR].store.bases.consents()) == (size, [])
    await town.close()
