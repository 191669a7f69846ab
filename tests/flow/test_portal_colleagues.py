"""Pages about colleagues: teams, stand-ins, arranged lists, what the officer watches, and pseudonyms resolved."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.sources.port import LocalRef
from tests.support.node_world import World
from tests.support.portal_visit import NAMES, House, Seated
from tests.support.small_town import HOLDER, PERSON, REQUESTER, Town
from tests.support.virtual_time import virtual

ASKER = "staff-7"
"""Who asks in the small town."""

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


async def seat(world: World, agency: str, role: Role, staff: str = "staff-1", team: str | None = None) -> Seated:
    """Sit somebody down who has logged in before."""
    await world.nodes[agency].colleagues.seen(staff, NAMES[staff], role)
    return Seated(House(world.clock, world.nodes[agency]), role, staff, team)


@virtual
async def test_a_team_finds_its_own_clients_alone(tmp_path: Path) -> None:
    """The holder's adviser of another team finds nobody, and cannot open the row by its key either."""
    town = await Town.start(tmp_path)
    (row,) = await town.source.candidates(PERSON)
    town.source.put(replace(row, team="Nord"), {})
    for team, finds in (("Nord", True), ("Süd", False), (None, True)):
        adviser = await seat(town.world, HOLDER, Role.ADVISER, team=team)
        page = await adviser.send("/clients", family_name=PERSON.family_name)
        assert (f'value="{row.ref}"' in page.text) is finds
        page = await adviser.send("/case", ref=row.ref)
        assert (page.status_code == 200) is finds
    assert (await town.source.lookup(LocalRef(row.ref))).team == "Nord"
    await town.close()


@virtual
async def test_a_stand_in_reads_the_answers_of_an_absent_colleague(tmp_path: Path) -> None:
    """Before it is settled the request is unknown to others; then it is theirs to read, until it ends."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    absent = await seat(town.world, REQUESTER, Role.ADVISER, ASKER)
    deputy = await seat(town.world, REQUESTER, Role.ADVISER, "staff-2")
    way = f"/requests/{asked.exchange}"
    assert (await deputy.open(way)).status_code == 422
    for said in (
        {"deputy": "staff-2", "days": "1000"},
        {"deputy": ASKER, "days": "7"},
        {"deputy": "x", "days": "7"},
    ):
        assert (await absent.send("/stand-ins", **said)).status_code == 422
    page = await absent.send("/stand-ins", deputy="staff-2", days="7")
    assert (page.status_code, NAMES["staff-2"] in page.text) == (200, True)
    assert (await deputy.open(way)).status_code == 200
    assert asked.exchange in (await deputy.open("/requests?column=staff")).text
    steward = await seat(town.world, REQUESTER, Role.ACCESS_STEWARD, "staff-3")
    assert (await steward.send("/stand-ins/end", absent=ASKER, deputy="staff-2")).status_code == 200
    assert (await deputy.open(way)).status_code == 422
    await town.close()


@virtual
async def test_a_list_is_shown_as_each_colleague_likes_it(tmp_path: Path) -> None:
    """Filters and columns stand in the address, kept under a name; what is none of ours is left aside."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    adviser = await seat(town.world, REQUESTER, Role.ADVISER, ASKER)
    assert asked.exchange in (await adviser.open(f"/requests?holder={HOLDER}&state=answered")).text
    assert asked.exchange not in (await adviser.open("/requests?state=refused")).text
    page = await adviser.open("/requests?column=purpose&column=nonsense&holder=")
    assert (page.status_code, page.text.count('scope="col"')) == (200, 2)
    assert (await adviser.send("/arrangements", name="")).status_code == 422
    page = await adviser.send("/arrangements", name="Mine", state="answered", column=["at", "answer_by"])
    assert page.url.query == b"state=answered&column=at&column=answer_by"
    assert page.text.count("/requests?state=answered") == 1
    assert "Mine" not in (await (await seat(town.world, REQUESTER, Role.ADVISER, "staff-2")).open("/requests")).text
    assert "Mine" not in (await adviser.send("/arrangements/forget", name="Mine")).text
    await town.close()


@virtual
async def test_an_officer_sees_use_by_pseudonym_and_a_name_for_a_reason_alone(tmp_path: Path) -> None:
    """Who looks for their own name shows up without a name; the name is shown once the reason is kept."""
    town = await Town.start(tmp_path)
    adviser = await seat(town.world, HOLDER, Role.ADVISER, "staff-2")
    await adviser.send("/clients", family_name="Beispiel", given_names="Bente")
    officer = await seat(town.world, HOLDER, Role.DPO)
    pseudonym = await town.world.nodes[HOLDER].colleagues.staff.pseudonym("staff-2")
    page = await officer.open("/watch")
    assert pseudonym in page.text
    assert (NAMES["staff-2"] in page.text, "staff-2" in page.text) == (False, False)
    for said in (
        {"pseudonym": pseudonym, "reason": "why not"},
        {"pseudonym": "0" * 64, "reason": "A complaint of 3 March"},
        {"pseudonym": "staff-2", "reason": "A complaint of 3 March"},
    ):
        assert (await officer.send("/watch/resolve", **said)).status_code == 422
    page = await officer.send("/watch/resolve", pseudonym=pseudonym, reason="A complaint of 3 March")
    assert (NAMES["staff-2"] in page.text, "A complaint of 3 March" in page.text) == (True, True)
    await town.close()
