"""Requests on a statute: the first one names the person, sealed; later ones carry a random pair handle and no name."""

from pathlib import Path

import pytest

from adapters.node.core.compose import Question
from adapters.node.store.rows import AskedState
from schemas import canonical
from schemas import registry as law
from schemas.commitment import sha256
from schemas.ids import AgencyId, CodeName, Hash, Norm, Purpose
from schemas.record import PersonBlock
from tests.support.node_world import registry_bundle
from tests.support.small_town import HOLDER, PERSON, REQUESTER, VALUES, Town
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

NORM = Norm("SGB X § 69(1)")


def statutory(**more: object) -> bytes:
    """Give a registry in which the course's state may be asked for on a statute; `more` of its row is as given."""
    bundle = law.Bundle.model_validate_json(registry_bundle(answer_within_s=3600, later_after_ms=5000))
    rows = tuple(
        row.model_copy(update={"basis": ("statute",), "norm": (NORM,), "neutral_collector": (), **more})
        if row.purpose == "Z16@1"
        else row
        for row in bundle.purposes.purpose
    )
    return canonical.encode_model(
        bundle.model_copy(update={"purposes": bundle.purposes.model_copy(update={"purpose": rows})})
    )


def question(person: PersonBlock = PERSON) -> Question:
    """Ask on the statute."""
    return Question(Purpose("Z16@1"), AgencyId(HOLDER), CodeName("adviser"), "staff-7", norm=NORM, person=person)


async def started(folder: Path, **more: object) -> Town:
    """Start the town under that law."""
    town = await Town.start(folder)
    await town.world.enact(statutory(**more))
    for node in town.world.nodes.values():
        await node.federation.catch_up()
    await town.world.approve(REQUESTER, "Z16@1")
    return town


async def paired(town: Town, person: PersonBlock = PERSON) -> Hash | None:
    """Give the handle the Jobcenter holds for a person at the provider."""
    bases = town.world.nodes[REQUESTER].store.bases
    return await bases.paired(AgencyId(HOLDER), sha256(canonical.encode_model(person)))


@virtual
async def test_after_the_first_answer_no_name_travels(tmp_path: Path) -> None:
    """The second request opens the very row by its handle, even when the row's names are others by then."""
    town = await started(tmp_path)
    first = await town.requester.ask(question())
    assert first.state is AskedState.ANSWERED
    handle = await paired(town)
    assert handle is not None
    town.source.rows.clear()
    town.source.add("T-1", PersonBlock(family_name="Neu", given_names="Name", birth_date="1955-05-05"), VALUES)
    assert (await town.requester.ask(question())).state is AskedState.ANSWERED
    assert await paired(town) == handle
    await town.close()


@virtual
async def test_a_handle_is_of_one_person_and_holder(tmp_path: Path) -> None:
    """Another person has no handle before an answer; nobody's request makes one without a disclosure."""
    town = await started(tmp_path)
    await town.requester.ask(question())
    stranger = PersonBlock(family_name="Nimmermehr", given_names="Alba", birth_date="1980-01-02")
    assert (await town.requester.ask(question(stranger))).state is AskedState.GRANTED
    assert await paired(town, stranger) is None
    await town.close()


@virtual
async def test_a_restart_forgets_no_handle(tmp_path: Path) -> None:
    """Both sides hold the pair durably."""
    town = await started(tmp_path)
    await town.requester.ask(question())
    handle = await paired(town)
    for agency in (REQUESTER, HOLDER):
        await town.world.nodes[agency].close()
        town.source.closed = False
        await town.world.start_node(agency)
    town.source.rows.clear()
    town.source.add("T-1", PersonBlock(family_name="Neu", given_names="Name", birth_date="1955-05-05"), VALUES)
    assert (await town.requester.ask(question())).state is AskedState.ANSWERED
    assert await paired(town) == handle
    await town.close()
