"""The main job end to end in one process: consent at counselling, request by the Jobcenter, record from a provider."""

from pathlib import Path

import pytest

from adapters.node.store.rows import AskedState
from tests.support.small_town import FIELDS, Town


@pytest.mark.slow
async def test_main_job(tmp_path: Path) -> None:
    """The record arrives with the granted fields only, the ledger replays, and each step stands in it once."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    asked = await town.ask(consent)
    assert asked.state is AskedState.ANSWERED, (asked, town.world.codes)
    assert asked.record is not None
    assert {one.field for one in asked.record.fields} == set(FIELDS)
    assert town.source.read == [frozenset(FIELDS)]
    again = await town.ask(consent)
    assert again.state is AskedState.ANSWERED, (again, town.world.codes)
    await town.collector.withdraw(consent)
    refused = await town.ask(consent)
    assert (refused.state, refused.reason) == (AskedState.REFUSED, "consent_withdrawn")
    await town.close()
    assert town.world.kinds().count("exchange.disclosed") == 2
