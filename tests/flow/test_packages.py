"""Packages: several requests with one occasion, one checklist, and nothing outside that ties them together."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.packaging import Packaging
from schemas.errors import Code, Misuse
from schemas.ids import Purpose
from tests.support.moving_town import HELP, OFFICE, PLAN, agreed, another, moving, released
from tests.support.node_http import Front
from tests.support.portal_visit import House, Seated
from tests.support.small_town import COLLECTOR, PERSON, REQUESTER, question
from tests.support.virtual_time import virtual

WHO = {
    "family_name": PERSON.family_name,
    "given_names": PERSON.given_names,
    "birth_date": PERSON.birth_date,
}

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


@virtual
async def test_a_change_of_benefit_law_in_one_package(tmp_path: Path) -> None:
    """One waits and then comes, one is refused with its sentence, one was never signed; a restart changes nothing."""
    town = await moving(tmp_path)
    jobcenter = Front(town, REQUESTER)
    good, withdrawn = await agreed(town, HELP), await agreed(town, OFFICE)
    await town.collector.withdraw(withdrawn)
    wishes = [
        {"purpose": "Z07@1", "holder": HELP, "consent": good},
        {"purpose": "Z07@1", "holder": OFFICE, "consent": withdrawn},
        {"purpose": "Z10@1", "holder": "nobody", "norm": "SGB X § 69(1) Nr. 1"},
    ]
    started = await jobcenter.call(Role.ADVISER, "POST", "/v1/packages", {"requests": wishes})
    assert started.status_code == 201, started.text
    parts = started.json()["parts"]
    assert [(one["stands"], one["problem"]) for one in parts] == [
        ("waits", None),
        ("refused", None),
        ("not_asked", "not_a_member"),
    ]
    assert parts[1]["request"]["explanation"][-1]["en"] == "The person has withdrawn the consent."

    await released(town, HELP)
    await town.world.nodes[REQUESTER].close()
    await town.world.start_node(REQUESTER)
    jobcenter = Front(town, REQUESTER)
    later = await jobcenter.call(Role.ADVISER, "GET", started.headers["Location"])
    assert [one["stands"] for one in later.json()["parts"]] == ["came", "refused", "not_asked"]
    assert later.json()["parts"][0]["request"]["record"][0]["field"] == PLAN
    await town.close()


@virtual
async def test_a_checklist_is_its_own_staffs(tmp_path: Path) -> None:
    """Another's package is as unknown as none."""
    town = await moving(tmp_path)
    packaging = Packaging(town.requester)
    wish = question(await agreed(town, HELP))._replace(purpose=Purpose("Z07@1"), holder=HELP)
    occasion = await packaging.start([wish])
    assert [one.stands for one in (await packaging.checklist(occasion, "staff-7")).items] == ["waits"]
    for name, staff in ((occasion, "staff-1"), ("0" * 32, "staff-7")):
        with pytest.raises(Misuse, match="no package"):
            await packaging.checklist(name, staff)
    await town.close()


@virtual
async def test_what_is_no_package(tmp_path: Path) -> None:
    """Single purposes, and a purpose asked twice of one holder, start nothing."""
    town = await moving(tmp_path)
    packaging, consent = Packaging(town.requester), await town.consent()
    twice = question(consent)._replace(purpose=Purpose("Z07@1"), holder=HELP)
    for wrong, code in (([question(consent)], Code.MODE_NOT_AVAILABLE), ([twice, twice], Code.MALFORMED)):
        with pytest.raises(Misuse) as caught:
            await packaging.start(wrong)
        assert caught.value.code is code
    assert await town.requester.results("staff-7") == []
    await town.close()


@virtual
async def test_the_way_back_out_of_the_jobcenter(tmp_path: Path) -> None:
    """Z08: the office for asylum seekers asks a Jobcenter on the statute; a human there releases, and it came."""
    town = await moving(tmp_path)
    holder = await another(town, "arbeitshilfe", "jobcenter", "benefits.until")
    await town.world.approve(OFFICE, "Z08@1")
    office = Front(town, OFFICE)
    wish = {"purpose": "Z08@1", "holder": holder, "norm": "SGB X § 71(2a)", "person": WHO}
    started = await office.call(Role.ADVISER, "POST", "/v1/packages", {"requests": [wish]})
    assert [one["stands"] for one in started.json()["parts"]] == ["waits"], started.text
    await released(town, holder)
    later = await office.call(Role.ADVISER, "GET", started.headers["Location"])
    assert [one["stands"] for one in later.json()["parts"]] == ["came"]
    assert (await office.call(Role.ADVISER, "GET", "/v1/packages")).json()[0]["settled"] == 1
    await town.close()


@virtual
async def test_a_warm_hand_over_between_counsellors(tmp_path: Path) -> None:
    """Z20: counselling asks case management under the client's consent, which releases from secrecy; without it, no."""
    town = await moving(tmp_path)
    await town.world.approve(COLLECTOR, "Z20@1")
    consent = await agreed(town, HELP, "Z20@1", COLLECTOR)
    counselling = Front(town, COLLECTOR)
    wishes = [
        {"purpose": "Z20@1", "holder": HELP, "consent": consent},
        {"purpose": "Z20@1", "holder": OFFICE, "consent": consent},
    ]
    started = await counselling.call(Role.ADVISER, "POST", "/v1/packages", {"requests": wishes})
    parts = started.json()["parts"]
    assert [one["stands"] for one in parts] == ["waits", "refused"], started.text
    assert parts[1]["request"]["reason"] == "pair_not_allowed"
    await released(town, HELP)
    later = await counselling.call(Role.ADVISER, "GET", started.headers["Location"])
    assert [one["stands"] for one in later.json()["parts"]] == ["came", "refused"]
    await town.close()


@virtual
async def test_a_purpose_that_is_off_is_refused_within_a_package_and_offered_on_no_page(tmp_path: Path) -> None:
    """Z06 waits for a check of the Land's law: its part says so, the others go on, and no tile names it."""
    town = await moving(tmp_path)
    jobcenter = Front(town, REQUESTER)
    wishes = [
        {"purpose": "Z07@1", "holder": HELP, "consent": await agreed(town, HELP)},
        {"purpose": "Z06@1", "holder": OFFICE, "norm": "SGB X § 67a(2)", "person": WHO},
    ]
    started = await jobcenter.call(Role.ADVISER, "POST", "/v1/packages", {"requests": wishes})
    parts = started.json()["parts"]
    assert [one["stands"] for one in parts] == ["waits", "refused"], started.text
    assert parts[1]["request"]["reason"] == "purpose_not_in_force"
    adviser = Seated(House(town.world.clock, town.world.nodes[REQUESTER]), Role.ADVISER)
    page = await adviser.send("/case", **{name: str(value) for name, value in WHO.items()})
    assert ("Z07@1" in page.text, "Z06@1" in page.text) == (True, False)
    await town.close()
