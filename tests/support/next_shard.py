"""The log of a `World` goes on in the next shard: closed by the steering group, and opened under another broker."""

from consent_ledger.core.succession import hand_over
from consent_ledger.earlier import Kept
from schemas import messages as ms
from schemas import statements as st
from schemas.ids import LogId
from tests.support import keys
from tests.support.memory_store import MemoryStore
from tests.support.node_world import FEDERATION, World


async def close_shard(world: World, following: str = "2026-12") -> ms.Logged:
    """Close the open shard; its broker goes on serving what is in it."""
    origin = LogId(f"{FEDERATION}/log/{following}")
    vkey = keys.signer(origin).key.vkey
    return await world.steer(st.ShardClosed(**world.desk.next(), next=origin, next_vkey=vkey))


async def begin_shard(world: World) -> None:
    """Put a broker on the next shard in place of the one whose shard was closed; nothing is logged in it yet."""
    state = world.sequencer.state
    world.earlier.append(Kept(state.shards[state.log], world.store))
    hand_over(state)
    world.store = MemoryStore(state.log)
    world.break_off()
    await world.start_broker(state)
    world.desk.log = state.log


async def open_shard(world: World) -> ms.Logged:
    """Open the shard that was begun."""
    state = world.sequencer.state
    vkey = keys.signer(state.log).key.vkey
    return await world.steer(st.ShardOpened(**world.desk.next(), log_vkey=vkey, state=state.begun_with))


async def go_on(world: World, following: str = "2026-12") -> None:
    """Close the shard, and open the next one."""
    await close_shard(world, following)
    await begin_shard(world)
    await open_shard(world)
