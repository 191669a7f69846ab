"""What data protection officers demand beside a yes: conditions, a human in each single case, § 79 SGB X."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.api_views import purposes
from adapters.node.approvals import RENEWED_MS, Wish
from adapters.node.store.rows import AskedState
from schemas.calendar import DAY_MS
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, CodeName, FieldName, Purpose
from schemas.statements import SINGLE_CASE
from tests.support.node_http import Front
from tests.support.node_world import World
from tests.support.portal_visit import House, Seated
from tests.support.small_town import HOLDER, REQUESTER, Town, question
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

DECLARED = CodeName("reason_not_from_client")
YEAR_MS = 365 * DAY_MS
STATE = FieldName("course_participation.state")
ENDED = FieldName("course_participation.ended_on")


def wish(world: World, *conditions: CodeName, automatic: bool = False, days_more: int = 0) -> Wish:
    """Give what an officer approves for advisers, for a year."""
    until = world.clock.now_ms() + YEAR_MS + days_more * 86_400_000
    return Wish(CodeName("adviser"), Purpose("Z16@1"), until, automatic=automatic, conditions=conditions)


@pytest.mark.parametrize("officer", [HOLDER, REQUESTER])
@virtual
async def test_either_officer_may_demand_a_human_in_each_case(tmp_path: Path, officer: str) -> None:
    """What the machine answered before waits for a human's release, whoever of the two officers demands it."""
    town = await Town.start(tmp_path)
    assert (await town.agreed()).state is AskedState.ANSWERED
    await town.world.nodes[officer].approvals.approve(wish(town.world, SINGLE_CASE))
    asked = await town.agreed()
    assert asked.state is AskedState.GRANTED
    (waiting,) = await town.holder.releases.waiting("staff-4")
    assert waiting.request.why == "officer_demands_human"
    await town.close()


@virtual
async def test_an_approval_on_a_condition(tmp_path: Path) -> None:
    """Without the declaration the broker refuses and says so; with it the record comes; pages are told of it."""
    town = await Town.start(tmp_path)
    node = town.world.nodes[REQUESTER]
    await node.approvals.approve(wish(town.world, DECLARED))
    (line,) = (
        one
        for one in purposes(node.federation.view, AgencyId(REQUESTER), town.world.clock.now_ms())
        if one.purpose == "Z16@1"
    )
    assert line.conditions == [DECLARED]
    consent = await town.consent()
    refused = await town.ask(consent)
    assert (refused.state, refused.reason) == (AskedState.REFUSED, Code.APPROVAL_CONDITION.value)
    asked = await town.requester.ask(question(consent)._replace(declared=(DECLARED,)))
    assert asked.state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_what_no_officer_can_approve(tmp_path: Path) -> None:
    """Unknown conditions, more than a year, and machine answers outside § 35 SGB I bodies change nothing."""
    town = await Town.start(tmp_path)
    approvals = town.world.nodes[HOLDER].approvals
    for wrong, code in (
        (wish(town.world, CodeName("good_weather")), Code.CONDITION_UNKNOWN),
        (wish(town.world, automatic=True), Code.NOT_ENTITLED),
        (wish(town.world, days_more=2), Code.APPROVAL_TOO_LONG),
    ):
        with pytest.raises(Misuse) as caught:
            await approvals.approve(wrong)
        assert caught.value.code is code
    assert approvals.own() == {}
    await town.close()


@virtual
async def test_a_renewal_is_the_same_for_twelve_months_more(tmp_path: Path) -> None:
    """Role, fields, ceiling and conditions stay, the old approval gives way; requests go on under the new one."""
    town = await Town.start(tmp_path)
    node = town.world.nodes[REQUESTER]
    short = wish(town.world, DECLARED)._replace(
        valid_until=town.world.clock.now_ms() + 10 * DAY_MS, fields=(STATE,), ceiling=3
    )
    old = await node.approvals.approve(short)
    before = node.approvals.own()[old]
    new = await node.approvals.renew(old)
    ((name, after),) = node.approvals.own().items()
    assert (name, old == new) == (new, False)
    assert after.valid_until == town.world.clock.now_ms() + RENEWED_MS
    kept = ("role", "purpose", "fields", "ceiling", "automatic", "conditions")
    assert [getattr(after, key) for key in kept] == [getattr(before, key) for key in kept]
    town.world.clock.ms += 30 * DAY_MS
    asked = await town.requester.ask(question(await town.consent())._replace(declared=(DECLARED,)))
    assert (asked.state, len(asked.record.fields if asked.record else ())) == (AskedState.ANSWERED, 1)
    await town.close()


@virtual
async def test_what_has_run_out_or_is_anothers_is_not_renewed(tmp_path: Path) -> None:
    """A yes that ended is given anew by somebody who looks at it; and nothing is renewed whose fields the law took."""
    town = await Town.start(tmp_path)
    node, other = town.world.nodes[REQUESTER], town.world.nodes[HOLDER]
    (mine,) = node.approvals.own()
    with pytest.raises(Misuse) as caught:
        await other.approvals.renew(mine)
    assert caught.value.code is Code.NO_APPROVAL
    ended = await node.approvals.approve(wish(town.world)._replace(fields=(ENDED,)))
    narrowed = town.world.raw_registry.decode().replace(f'"fields":["{ENDED}",', '"fields":[')
    await town.world.enact(narrowed.encode())
    await node.federation.catch_up()
    with pytest.raises(Misuse) as caught:
        await node.approvals.renew(ended)
    assert caught.value.code is Code.FIELD_UNKNOWN
    town.world.clock.ms += 400 * DAY_MS
    with pytest.raises(Misuse) as caught:
        await node.approvals.renew(ended)
    assert caught.value.code is Code.NO_APPROVAL
    await town.close()


@virtual
async def test_the_officers_page_shows_conditions_and_renews(tmp_path: Path) -> None:
    """What is demanded and what runs out soon stand there in both languages; one click renews, nonsense does not."""
    town = await Town.start(tmp_path)
    node = town.world.nodes[REQUESTER]
    officer = Seated(House(town.world.clock, node), Role.DPO)
    said = {"purpose": "Z16@1", "role": "adviser", "days": "365"}
    page = await officer.send("/officer/approve", **said, fields=[STATE], conditions=[DECLARED, SINGLE_CASE])
    for word in (
        "Zu erklären: warum nicht zuerst",
        "Jeden einzelnen Fall gibt ein Mensch frei",
        "Um 12 Monate erneuern",
    ):
        assert word in page.text
    assert "läuft bald ab" not in page.text
    town.world.clock.ms += 330 * DAY_MS
    officer = Seated(House(town.world.clock, node), Role.DPO)
    assert "läuft bald ab" in (await officer.open("/officer")).text
    (old,) = node.approvals.own()
    page = await officer.send("/officer/renew", approval=old)
    assert (page.status_code, "läuft bald ab" in page.text) == (200, False)
    ((new, approval),) = node.approvals.own().items()
    assert new != old
    assert approval.conditions == {DECLARED, SINGLE_CASE}
    assert (await officer.send("/officer/renew", approval=old)).status_code == 422
    assert (await officer.send("/officer/approve", **said, conditions=["rain"])).status_code == 422
    front = Front(town, REQUESTER)
    renewed = await front.call(Role.DPO, "POST", f"/v1/approvals/{new}/renew")
    assert (renewed.status_code, list(node.approvals.own())) == (201, [renewed.json()["approval"]])
    assert (await front.call(Role.DPO, "POST", f"/v1/approvals/{new}/renew")).status_code == 404
    await officer.send("/language", language="en")
    page = await officer.open("/officer")
    assert ("Renew for 12 months" in page.text, "To declare: why the person" in page.text) == (True, True)
    await town.close()
