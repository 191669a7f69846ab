"""What data protection officers demand beside a yes: conditions, a human in each single case, § 79 SGB X."""

from pathlib import Path

import pytest

from adapters.node.api_views import purposes
from adapters.node.approvals import Wish
from adapters.node.store.rows import AskedState
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, CodeName, Purpose
from schemas.statements import SINGLE_CASE
from tests.support.node_world import World
from tests.support.small_town import HOLDER, REQUESTER, Town, question
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

DECLARED = CodeName("reason_not_from_client")
YEAR_MS = 365 * 86_400_000


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
