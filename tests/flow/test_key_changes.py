"""A node takes up its next key without losing what is under way, and what the old key left open is settled."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.node.store.rows import AskedState
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code
from schemas.ids import AgencyId, KeyName
from tests.support import keys
from tests.support.node_world import FEDERATION, World
from tests.support.small_town import REQUESTER, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

NEXT = keys.signer(f"{FEDERATION}/{REQUESTER}/statement-2")
OLD = KeyName(f"{FEDERATION}/{REQUESTER}/statement-1")


async def add_next(world: World) -> None:
    """Put the Jobcenter's next key into force."""
    added = st.KeyAdded(
        **world.desk.next(),
        agency=AgencyId(REQUESTER),
        role="statement",
        name=KeyName(NEXT.key.name),
        suite="ed25519",
        public=NEXT.key.vkey,
    )
    await world.steer(added)


@virtual
async def test_the_next_key_signs_and_the_old_one_settles_what_it_left_open(tmp_path: Path) -> None:
    """A request signed by the old key and cut off by a crash is answered after the change, a gap of it is voided."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    bus = town.world.buses[REQUESTER]
    bus.before = len(bus.calls) + 1
    asking = town.world.nodes[REQUESTER].background.spawn
    asking("ask", _ask(town, consent))
    await pass_time(1)
    await add_next(town.world)
    identity = town.world.identities[REQUESTER]
    town.world.identities[REQUESTER] = replace(identity, statement=NEXT, former=(identity.statement,))
    node = await town.world.restart(REQUESTER)
    await pass_time(30)
    (open_one,) = await town.requester.results("staff-7")
    assert open_one.state is AskedState.ANSWERED
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    counters = town.world.sequencer.state.counters
    assert counters[KeyName(NEXT.key.name)].highest == 2
    await town.world.steer(st.KeyRevoked(**town.world.desk.next(), name=OLD))
    await node.federation.catch_up()
    await town.world.restart(REQUESTER)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await pass_time(13 * 3600)
    assert ("agency_head", Code.KEY_NOT_IN_FORCE) not in town.world.codes
    await town.close()


async def _ask(town: Town, consent: object) -> None:
    await town.ask(consent)  # type: ignore[arg-type]  # an id as the town gives it


@virtual
async def test_a_node_waits_until_its_next_key_is_in_force(tmp_path: Path) -> None:
    """Started too early it is told that the key is none of its own, and can be started again later."""
    town = await Town.start(tmp_path)
    identity = town.world.identities[REQUESTER]
    town.world.identities[REQUESTER] = replace(identity, statement=NEXT, former=(identity.statement,))
    town.world.crash(REQUESTER)
    node = town.world.make_node(REQUESTER)
    with pytest.raises(Exception, match="none of the caller's") as refused:
        await node.start()
    assert getattr(refused.value, "code", None) is Code.NOT_AUTHENTIC
    await node.close()
    await add_next(town.world)
    await town.world.start_node(REQUESTER)
    assert (await town.agreed()).state is AskedState.ANSWERED
    assert isinstance(await town.world.tell(REQUESTER, "witness", ms.Witness(b"")), ms.Failed)
    await town.close()
