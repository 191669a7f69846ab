"""A small town in which a client of the Jobcenter has just changed benefit law, with two more agencies to ask."""

from pathlib import Path
from typing import Final

from adapters.node.releases import Chosen
from adapters.sources.port import LocalRef
from schemas.ids import AgencyId, ConsentId, FieldName, Purpose
from tests.support.small_town import PERSON, REQUESTER, Town, taken
from tests.support.troubled_source import TroubledSource
from tests.support.virtual_time import pass_time

PLAN: Final = FieldName("plan.valid_until")
HELP: Final = AgencyId("fallhilfe")
OFFICE: Final = AgencyId("sozialamt")


async def moving(folder: Path) -> Town:
    """Give a town whose Jobcenter may ask case management and the office for asylum seekers what it needs (Z07)."""
    town = await Town.start(folder)
    for agency, kind in ((HELP, "case_management"), (OFFICE, "asylblg_office")):
        await another(town, agency, kind, PLAN)
    await town.world.approve(REQUESTER, "Z07@1")
    return town


async def agreed(town: Town, holder: AgencyId, purpose: str = "Z07@1", recipient: str = REQUESTER) -> ConsentId:
    """Have counselling take the client's consent for one holder, with the release from secrecy."""
    consent = taken(
        town.world, purpose=Purpose(purpose), recipient=AgencyId(recipient), holders=(holder,), fields=(PLAN,)
    )
    return ConsentId((await town.collector.collect(consent)).id)


async def another(town: Town, agency: str, kind: str, *fields: str) -> AgencyId:
    """Admit one more agency, which knows the client and says 2027-01-31 of each field."""
    source = TroubledSource(frozenset(map(FieldName, fields)))
    source.add("F-1", PERSON, dict.fromkeys(fields, "2027-01-31"))
    await town.world.admit(agency, kind, source)
    await town.world.publish_catalogue(agency)
    for node in town.world.nodes.values():
        await node.federation.catch_up()
    return AgencyId(agency)


async def released(town: Town, holder: str) -> None:
    """Have somebody at a holder release the one request that waits there."""
    found = town.world.nodes[holder].holder
    assert found is not None
    (waiting,) = await found.releases.waiting("staff-4")
    await found.releases.release(waiting.request.exchange, Chosen(LocalRef("F-1"), "staff-4"))
    await pass_time(2)
