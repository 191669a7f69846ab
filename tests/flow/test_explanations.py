"""What a requester is told of its own request: which rule allowed, cut or stopped what, and nothing of the holder."""

from pathlib import Path

import pytest

from adapters.node.api_views import request_detail
from adapters.node.explaining import explanation
from adapters.node.store.rows import NO_RECEIPT, Asked, AskedState
from schemas.errors import Code
from schemas.explain import Said
from schemas.ids import CodeName
from tests.support.node_world import World
from tests.support.small_town import FIELDS, HOLDER, PERSON, REQUESTER, STRANGER, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


def told(world: World, asked: Asked) -> list[Said]:
    """Explain a request as the requester's node does."""
    node = world.nodes[REQUESTER]
    return request_detail(asked, node.identity.agency, node.federation.view).explanation


def stopping(said: list[Said]) -> list[CodeName]:
    """Give the rules that stopped it."""
    return [one.rule for one in said if one.does == "stopped"]


@virtual
async def test_a_grant_says_what_allowed_and_what_cut_it(tmp_path: Path) -> None:
    """Every rule of the grant's entry is said in both languages with its norm; cut fields stand under their rule."""
    town = await Town.start(tmp_path)
    asked = await town.agreed(PERSON, FIELDS[0], "course_results.exam_kind")
    said = told(town.world, asked)
    assert [(one.does, one.rule) for one in said] == [
        *(("allowed", rule) for rule in ("purpose", "pair", "approval", "consent", "minimised")),
        ("cut", "cut_basis"),
    ]
    assert (said[-2].fields, said[-1].fields) == ((FIELDS[0],), ("course_results.exam_kind",))
    assert all(one.de and one.en and one.norms for one in said)
    assert all(name in said[1].de for name in (f"Jobcenter ({REQUESTER})", f" ({HOLDER})"))
    await town.close()


@virtual
async def test_a_no_of_the_law_is_explained(tmp_path: Path) -> None:
    """After a withdrawal the refusal says so, by the law that its entry names."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    await town.collector.withdraw(consent, "withdrawn")
    said = told(town.world, await town.ask(consent))
    assert [(one.rule, one.en) for one in said] == [("consent_withdrawn", "The person has withdrawn the consent.")]
    await town.close()


@virtual
async def test_a_holders_no_is_explained_by_nothing(tmp_path: Path) -> None:
    """Of an unknown person and of a withdrawal after the grant the requester is told the very same sentences."""
    explanations = []
    for withdrawn in (False, True):
        folder = tmp_path / str(withdrawn)
        folder.mkdir()
        town = await Town.start(folder)
        consent = await town.consent(STRANGER)
        asked = await town.ask(consent)
        if withdrawn:
            await town.collector.withdraw(consent, "withdrawn")
        await pass_time(3600)
        explanations.append(told(town.world, await town.requester.result(asked.exchange)))
        await town.close()
    assert explanations[0] == explanations[1]
    assert stopping(explanations[0]) == ["not_available"]


@virtual
async def test_what_never_reached_the_log_is_explained_too(tmp_path: Path) -> None:
    """A request the broker never took has no receipt; its code has a sentence all the same."""
    town = await Town.start(tmp_path)
    asked = (await town.agreed())._replace(
        state=AskedState.REJECTED, reason=Code.TOO_LARGE.value, grant=NO_RECEIPT, answer=NO_RECEIPT
    )
    node = town.world.nodes[REQUESTER]
    assert stopping(explanation(asked, node.identity.agency, node.federation.view)) == ["too_large"]
    await town.close()
