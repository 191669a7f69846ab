"""A small town in which a client of the Jobcenter has just changed benefit law, with two more agencies to ask."""

from pathlib import Path
from typing import Final

from schemas.ids import AgencyId, ConsentId, FieldName, Purpose
from tests.support.small_town import PERSON, REQUESTER, Town, taken
from tests.support.troubled_source import TroubledSource

PLAN: Final = FieldName("plan.valid_until")
HELP: Final = AgencyId("fallhilfe")
OFFICE: Final = AgencyId("sozialamt")


async def moving(folder: Path) -> Town:
    """Give a town whose Jobcenter may ask case management and the office for asylum seekers what it needs (Z07)."""
    town = await Town.start(folder)
    for agency, kind in ((HELP, "case_management"), (OFFICE, "asylblg_office")):
        source = TroubledSource(frozenset({PLAN}))
        source.add("F-1", PERSON, {"plan.valid_until": "2027-01-31"})
        await town.world.admit(agency, kind, source)
        await town.world.publish_catalogue(agency)
    for node in town.world.nodes.values():
        await node.federation.catch_up()
    await town.world.approve(REQUESTER, "Z07@1")
    return town


async def agreed(town: Town, holder: AgencyId) -> ConsentId:
    """Have counselling take the client's consent for one holder, with the release from secrecy."""
    consent = taken(town.world, purpose=Purpose("Z07@1"), holders=(holder,), fields=(PLAN,))
    return ConsentId((await town.collector.collect(consent)).id)
