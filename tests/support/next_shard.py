"""The log of a `World` goes on in the next shard under another broker: closed in order, or ended by a log.key."""

from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.state import LedgerState
from consent_ledger.core.succession import end, hand_over
from consent_ledger.earlier import Kept
from schemas import messages as ms
from schemas import statements as st
from schemas.ids import Hash, LogId
from tests.support import keys
from tests.support.memory_store import MemoryStore
from tests.support.node_world import FEDERATION, LOG, World


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


async def rekey(world: World, size: int | None = None, following: str = "2026-12") -> ms.Logged:
    """End the first shard where it stands, or at an earlier size, as if its key were lost; open the next one."""
    return await world.steer(await end_shard(world, size, following))


async def end_shard(world: World, size: int | None = None, following: str = "2026-12") -> st.LogKey:
    """Put a broker on the next shard in place of one whose key is lost; give the log.key that is to open it."""
    origin, old = LogId(f"{FEDERATION}/log/{following}"), world.store
    size = old.size if size is None else size
    vkey, root, state = keys.signer(origin).key.vkey, old.root(size), LedgerState(LOG)
    for _, raw in old.entries(0, size):
        leaf = read_leaf(raw)
        state.apply(raw, leaf.entry, leaf.statement)
    world.desk.seq, world.desk.prev = state.chain, state.chain_prev
    end(state, root, origin, vkey)
    world.earlier.append(Kept(state.shards[LOG], old))
    world.store = MemoryStore(origin)
    world.break_off()
    await world.start_broker(state)
    world.desk.log = origin
    return st.LogKey(
        **world.desk.next(),
        log_vkey=vkey,
        state=state.begun_with or st.NO_PREVIOUS,
        ended=LOG,
        size=size,
        root=Hash(root.hex()),
    )
