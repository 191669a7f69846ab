"""Notices to hand out: who got data on a statute sees whom to tell, by when, and notes that it is done."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.store.rows import AskedState
from schemas.calendar import DAY_MS, berlin_day, month_after
from schemas.ids import Norm
from schemas.registry import Inform
from tests.flow.test_statute_handles import question, started
from tests.support.node_http import Front
from tests.support.portal_visit import NAMES, House, Seated
from tests.support.small_town import PERSON, REQUESTER, Town
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


async def seat(town: Town, staff: str) -> Seated:
    """Sit an adviser of the Jobcenter down who has logged in before."""
    node = town.world.nodes[REQUESTER]
    await node.colleagues.seen(staff, NAMES[staff], Role.ADVISER)
    return Seated(House(town.world.clock, node), Role.ADVISER, staff)


@virtual
async def test_a_notice_waits_until_it_is_handed_out(tmp_path: Path) -> None:
    """It is due a month after the answer; noted once with day, language and pseudonym, it waits no longer."""
    town = await started(tmp_path)
    asked = await town.requester.ask(question()._replace(case_ref="JC-117"))
    assert asked.state is AskedState.ANSWERED
    front, today = Front(town, REQUESTER), berlin_day(town.world.clock.now_ms())
    (line,) = (await front.call(Role.ADVISER, "GET", "/v1/notices")).json()
    assert (line["exchange"], line["case_ref"], line["handed"]) == (asked.exchange, "JC-117", None)
    assert (line["got"], line["due"]) == (today.isoformat(), month_after(today).isoformat())
    way, good = f"/v1/requests/{asked.exchange}/notice", {"on": today.isoformat(), "language": "ar"}
    for wrong in (
        {**good, "on": (today + timedelta(days=1)).isoformat()},
        {**good, "on": (today - timedelta(days=1)).isoformat()},
        {**good, "on": "yesterday"},
        {**good, "language": "0"},
        {**good, "staff": "somebody"},
    ):
        assert (await front.call(Role.ADVISER, "POST", way, wrong)).status_code == 422, wrong
    assert len((await front.call(Role.ADVISER, "GET", "/v1/notices")).json()) == 1
    noted = await front.call(Role.ADVISER, "POST", way, good)
    pseudonym = await town.world.nodes[REQUESTER].colleagues.staff.pseudonym("staff-7")
    assert noted.json()["handed"] == {**good, "staff": pseudonym}
    again = await front.call(Role.ADVISER, "POST", way, {**good, "language": "tr"})
    assert (again.status_code, again.json()["code"]) == (422, "id_in_use")
    assert (await front.call(Role.ADVISER, "GET", "/v1/notices")).json() == []
    assert (await front.call(Role.ADVISER, "GET", "/v1/notices?show=handed")).json() == [noted.json()]
    assert not any(word in noted.text for word in ("staff-7", PERSON.family_name))
    await town.close()


@virtual
async def test_there_is_nothing_to_tell_without_data(tmp_path: Path) -> None:
    """A request that waits or brought nothing, and one under a consent, leave no notice to hand out."""
    town = await started(tmp_path)
    town.source.rows.clear()
    waiting = await town.requester.ask(question())
    assert waiting.state is AskedState.GRANTED
    front, today = Front(town, REQUESTER), berlin_day(town.world.clock.now_ms())
    assert (await front.call(Role.ADVISER, "GET", "/v1/notices")).json() == []
    way = f"/v1/requests/{waiting.exchange}/notice"
    said = {"on": today.isoformat(), "language": "de"}
    assert (await front.call(Role.ADVISER, "POST", way, said)).status_code == 422
    await town.close()


@virtual
async def test_who_has_a_receipt_needs_no_notice(tmp_path: Path) -> None:
    """A request under a consent is on no list, and nothing can be noted for it."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    front, today = Front(town, REQUESTER), berlin_day(town.world.clock.now_ms())
    assert (await front.call(Role.ADVISER, "GET", "/v1/notices")).json() == []
    said = {"on": today.isoformat(), "language": "de"}
    answer = await front.call(Role.ADVISER, "POST", f"/v1/requests/{asked.exchange}/notice", said)
    assert (answer.status_code, answer.json()["code"]) == (422, "basis_mismatch")
    await town.close()


@virtual
@pytest.mark.parametrize("inform", ["now", "exempt"])
async def test_the_law_of_the_exchange_counts(tmp_path: Path, inform: Inform) -> None:
    """What must be told at once is due that day; what a norm exempts is on no list and cannot be noted."""
    norm = Norm("DSGVO Art. 14(5)(c)") if inform == "exempt" else None
    town = await started(tmp_path, inform=inform, exempt_norm=norm)
    asked = await town.requester.ask(question())
    front, today = Front(town, REQUESTER), berlin_day(town.world.clock.now_ms())
    lines = (await front.call(Role.ADVISER, "GET", "/v1/notices")).json()
    assert [line["due"] for line in lines] == ([today.isoformat()] if inform == "now" else [])
    said = {"on": today.isoformat(), "language": "de"}
    answer = await front.call(Role.ADVISER, "POST", f"/v1/requests/{asked.exchange}/notice", said)
    assert (answer.status_code == 200) is (inform == "now")
    await town.close()


@virtual
async def test_a_caseworker_sees_their_own_and_whom_they_stand_in_for(tmp_path: Path) -> None:
    """Page and list hold one's own requests alone, in both languages; a stand-in hands out for the absent."""
    town = await started(tmp_path)
    asked = await town.requester.ask(question()._replace(staff="staff-1", case_ref="JC-117"))
    own, other = await seat(town, "staff-1"), await seat(town, "staff-2")
    way, today = f"/notices/{asked.exchange}", berlin_day(town.world.clock.now_ms())
    assert "JC-117" in (await own.open("/notices")).text
    assert way in (await own.open(f"/requests/{asked.exchange}")).text
    assert "Es ist kein Hinweis auszuhändigen." in (await other.open("/notices")).text
    said = {"on": today.isoformat(), "language": "uk"}
    assert (await other.open(way)).status_code == 422
    assert (await other.send(way, **said)).status_code == 422
    await own.send("/stand-ins", deputy="staff-2", days="7")
    for wrong in ({**said, "language": "xx"}, {**said, "on": ""}, {"language": "uk"}):
        assert (await other.send(way, **wrong)).status_code == 422
    page = await other.open(way)
    assert f'href="/requests/{asked.exchange}/notice/ar"' in page.text
    assert PERSON.family_name not in page.text
    page = await other.send(way, **said)
    assert (page.url.path, "Es ist kein Hinweis auszuhändigen." in page.text) == ("/notices", True)
    pseudonym = await town.world.nodes[REQUESTER].colleagues.staff.pseudonym("staff-2")
    assert pseudonym[:12] in page.text
    assert "Українська" in page.text
    await own.send("/language", language="en")
    assert "There is no notice to hand out." in (await own.open("/notices")).text
    assert "Handed out on" in (await own.open(way)).text
    await town.close()


@virtual
async def test_what_is_late_says_so(tmp_path: Path) -> None:
    """The day after the last day a notice is marked as overdue."""
    town = await started(tmp_path)
    await town.requester.ask(question()._replace(staff="staff-1"))
    assert "überfällig" not in (await (await seat(town, "staff-1")).open("/notices")).text
    town.world.clock.ms += 32 * DAY_MS
    assert "überfällig" in (await (await seat(town, "staff-1")).open("/notices")).text
    await town.close()


@virtual
async def test_where_no_text_is_approved_people_are_told_by_word_of_mouth(tmp_path: Path) -> None:
    """In production nothing is printed without an approved text; the page says so, and the note is made without it."""
    town = await started(tmp_path)
    await town.world.nodes[REQUESTER].close()
    town.world.identities[REQUESTER] = replace(town.world.identities[REQUESTER], drafts=False)
    await town.world.start_node(REQUESTER)
    asked = await town.requester.ask(question()._replace(staff="staff-1"))
    own, today = await seat(town, "staff-1"), berlin_day(town.world.clock.now_ms())
    page = await own.open(f"/notices/{asked.exchange}")
    assert ("mündlich" in page.text, "/notice/ar" in page.text) == (True, False)
    assert (await own.open(f"/requests/{asked.exchange}/notice/ar")).status_code == 422
    page = await own.send(f"/notices/{asked.exchange}", on=today.isoformat(), language="so")
    assert (page.url.path, "Soomaali" in page.text) == ("/notices", True)
    await town.close()
