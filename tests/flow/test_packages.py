"""Packages: several requests with one occasion, one checklist, and nothing outside that ties them together."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.packaging import Packaging
from adapters.node.releases import Chosen
from adapters.sources.port import LocalRef
from schemas.errors import Code, Misuse
from schemas.ids import Purpose
from tests.support.moving_town import HELP, OFFICE, PLAN, agreed, moving
from tests.support.node_http import Front
from tests.support.small_town import REQUESTER, question
from tests.support.virtual_time import pass_time, virtual

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

    releases = town.world.nodes[HELP].holder
    assert releases is not None
    (waiting,) = await releases.releases.waiting("staff-4")
    await releases.releases.release(waiting.request.exchange, Chosen(LocalRef("F-1"), "staff-4"))
    await pass_time(2)
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
