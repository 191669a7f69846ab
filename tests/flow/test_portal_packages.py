"""Packages on the caseworker's pages: one tile, one list to send, one checklist of what became of each."""

from pathlib import Path

import httpx
import pytest

from adapters.node.access import Role
from adapters.node.packaging import Packaging
from schemas.ids import AgencyId, Purpose
from tests.support.moving_town import HELP, OFFICE, agreed, moving, released
from tests.support.portal_visit import NAMES, House, Seated
from tests.support.small_town import PERSON, REQUESTER, Town, question
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

PART = f"Z07@1,{HELP}"


async def at_the_case(town: Town, staff: str = "staff-1") -> tuple[Seated, httpx.Response]:
    """Sit an adviser of the Jobcenter down before the client's open case."""
    node = town.world.nodes[REQUESTER]
    await node.colleagues.seen(staff, NAMES[staff], Role.ADVISER)
    adviser = Seated(House(town.world.clock, node), Role.ADVISER, staff)
    said = {"family_name": PERSON.family_name, "given_names": PERSON.given_names}
    return adviser, await adviser.send("/case", **said, birth_date=PERSON.birth_date or "")


@virtual
async def test_a_change_of_benefit_law_is_two_clicks(tmp_path: Path) -> None:
    """The tile, and "send": the checklist says what waits, later what came, and leads to the answer."""
    town = await moving(tmp_path)
    await agreed(town, HELP)
    adviser, page = await at_the_case(town)
    assert ">Wechsel ins SGB II</h3>" in page.text
    assert "1 von 2 Anfragen können jetzt gestellt werden." in page.text
    page = await adviser.send("/case/package", occasion="into_sgb2")
    assert f'value="{PART}" checked' in page.text
    assert f'value="Z07@1,{OFFICE}"' not in page.text
    assert "Noch nicht möglich" in page.text
    page = await adviser.send("/case/package/send", occasion="into_sgb2", part=[PART])
    assert (page.status_code, page.url.path.startswith("/packages/")) == (200, True)
    assert "0 von 1 erledigt" in page.text
    assert "wartet" in page.text

    await released(town, HELP)
    page = await adviser.open(page.url.path)
    assert "1 von 1 erledigt" in page.text
    assert "eingegangen" in page.text
    answer = await adviser.open("/requests/" + page.text.partition('href="/requests/')[2][:32])
    assert "31.01.2027" in answer.text
    listed = await adviser.open("/requests")
    assert (">Wechsel ins SGB II</h3>" in listed.text, page.url.path in listed.text) == (True, True)
    await adviser.send("/language", language="en")
    assert "1 of 1 settled" in (await adviser.open(page.url.path)).text
    await town.close()


@virtual
async def test_what_is_refused_and_what_was_never_asked_say_why(tmp_path: Path) -> None:
    """Each line that brings nothing has its sentence in the colleague's language."""
    town = await moving(tmp_path)
    consent = await agreed(town, HELP)
    adviser, _ = await at_the_case(town)
    await town.collector.withdraw(consent)  # the Jobcenter has not heard of it yet
    page = await adviser.send("/case/package/send", occasion="into_sgb2", part=[PART])
    assert "Die Person hat ihre Einwilligung widerrufen." in page.text
    assert "abgelehnt" in page.text
    assert "1 von 1 erledigt" in page.text
    nowhere = question(consent)._replace(purpose=Purpose("Z07@1"), holder=AgencyId("nobody"), staff="staff-1")
    page = await adviser.open(f"/packages/{await Packaging(town.requester).start([nowhere])}")
    assert "nicht gestellt" in page.text
    assert "gehört dem Verbund nicht an" in page.text
    assert 'href="/requests/' not in page.text
    await town.close()


@virtual
async def test_only_what_the_case_offers_is_asked(tmp_path: Path) -> None:
    """Nothing ticked, a part that is not ready or of no tile, an occasion there is not: nothing is asked or kept."""
    town = await moving(tmp_path)
    await agreed(town, HELP)
    adviser, _ = await at_the_case(town)
    wrong: tuple[tuple[str, list[str]], ...] = (
        ("into_sgb2", []),
        ("into_sgb2", [PART, f"Z07@1,{OFFICE}"]),
        ("into_sgb2", ["Z16@1,sprachschule"]),
        ("into_sgb2", [PART, PART]),
        ("relocation", [PART]),
        ("", [PART]),
    )
    for occasion, parts in wrong:
        page = await adviser.send("/case/package/send", occasion=occasion, part=parts)
        assert page.status_code == 422, (occasion, parts)
    assert await town.requester.results("staff-1") == []
    assert await Packaging(town.requester).started("staff-1") == []
    await town.close()


@virtual
async def test_a_package_is_read_by_who_asked_and_their_stand_in(tmp_path: Path) -> None:
    """A colleague sees another's package as little as none, and reads it while standing in."""
    town = await moving(tmp_path)
    await agreed(town, HELP)
    adviser, _ = await at_the_case(town)
    page = await adviser.send("/case/package/send", occasion="into_sgb2", part=[PART])
    other, _ = await at_the_case(town, "staff-2")
    refused = await other.open(page.url.path)
    assert (refused.status_code, "Pakete" in (await other.open("/requests")).text) == (422, False)
    assert refused.text == (await other.open(f"/packages/{'0' * 32}")).text.replace("0" * 32, "")
    await adviser.send("/stand-ins", deputy="staff-2", days="7")
    assert (await other.open(page.url.path)).status_code == 200
    assert page.url.path in (await other.open("/requests")).text
    await town.close()


@virtual
async def test_without_an_open_case_there_is_no_package(tmp_path: Path) -> None:
    """Who has no case open is led to the search."""
    town = await moving(tmp_path)
    adviser = Seated(House(town.world.clock, town.world.nodes[REQUESTER]), Role.ADVISER)
    for path in ("/case/package", "/case/package/send"):
        page = await adviser.send(path, occasion="into_sgb2", part=[PART])
        assert page.url.path == "/clients"
    await town.close()
