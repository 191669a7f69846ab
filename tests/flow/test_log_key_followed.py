"""Agencies follow a log whose key was lost or stolen into its next shard, and believe nothing more of the old key."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.node.node import Node
from adapters.node.store.rows import AskedState, ConsentState
from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from consent_ledger.core.merkle import HASH_BYTES, Edge, leaf_hash
from consent_ledger.earlier import Earlier
from consent_ledger.witness import format_addition
from schemas import messages as ms
from schemas.errors import LedgerInconsistent, NotAuthentic
from schemas.ids import LogId
from schemas.note import verify_cosignature
from tests.support import keys
from tests.support.ledger_world import receipt_of
from tests.support.memory_store import MemoryStore
from tests.support.next_shard import end_shard, go_on, rekey
from tests.support.node_world import FEDERATION, LOG, TYPES, World
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

End = Callable[[World], Awaitable[object]]
NEXT = LogId(f"{FEDERATION}/log/2026-12")


@virtual
async def test_a_consent_of_the_ended_shard_is_asked_under_in_the_next(tmp_path: Path) -> None:
    """Nodes learn of the next shard by themselves, a record travels as before, and the whole log replays."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await rekey(town.world)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    assert {node.federation.view.log for node in town.world.nodes.values()} >= {NEXT}
    assert town.world.kinds()[0] == "log.key"
    for agency in (REQUESTER, HOLDER):
        await town.world.restart(agency)
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    assert town.world.replay() == []
    await town.close()


@virtual
async def test_what_the_shard_was_ended_without_is_signed_anew(tmp_path: Path) -> None:
    """A consent that was on its way when the broker ended comes into the next shard, under its own id."""
    town = await Town.start(tmp_path)
    town.world.break_off()
    consent = await town.consent()
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.SENT
    size = town.world.store.size
    await rekey(town.world)
    await pass_time(120)
    held = await town.world.nodes[COLLECTOR].consents.get(consent)
    assert (held.state, NEXT.encode() in held.receipt.proof) == (ConsentState.GIVEN, True)
    assert town.world.kinds() == ["log.key", "consent.given"]
    assert town.world.earlier[0].size == size
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_what_was_durable_and_never_signed_does_not_count(tmp_path: Path) -> None:
    """Entries in the old file beyond its last checkpoint are neither served nor found; what they say is said anew."""
    town = await Town.start(tmp_path)
    size = town.world.store.size
    town.world.store.disk.fail_once("swap_lock", written=False)
    consent = await town.consent()
    await pass_time(30)
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.SENT
    assert town.world.store.size == size + 1
    await rekey(town.world, size)
    await pass_time(120)
    assert (await town.world.nodes[COLLECTOR].consents.get(consent)).state is ConsentState.GIVEN
    assert town.world.kinds() == ["log.key", "consent.given"]
    assert (town.world.sequencer.first, town.world.earlier[0].size) == (size, size)
    earlier = Earlier(town.world.earlier)
    assert [index for index, _ in earlier.entries(0, 10**6)] == list(range(size))
    assert len(earlier.hashes(LOG, 0, 10**6)) == HASH_BYTES * size
    await town.close()


@virtual
async def test_a_node_with_a_receipt_beyond_the_end_stops(tmp_path: Path) -> None:
    """An end before what was proven here would drop it silently: nothing is handed out before humans have looked."""
    town = await Town.start(tmp_path)
    await town.consent()
    size = town.world.store.size
    await rekey(town.world, size - 1)
    node = town.world.nodes[COLLECTOR]
    with pytest.raises(LedgerInconsistent, match=f"entry {size - 1} is proven here"):
        await node.federation.catch_up()
    assert node.federation.view.log == LOG
    await town.world.nodes[HOLDER].federation.catch_up()
    await pass_time(400)
    assert node.background.stopped
    assert not town.world.nodes[HOLDER].background.stopped
    await town.close()


@virtual
async def test_a_node_that_cosigned_beyond_the_end_stops(tmp_path: Path) -> None:
    """Also after a restart, when receipts are no longer at hand: what it cosigned is."""
    town = await Town.start(tmp_path)
    size = town.world.store.size
    await town.consent()
    assert isinstance(await _asked(town.world, HOLDER, LOG, list(town.world.leaves())), ms.Cosigned)
    await rekey(town.world, size)
    node = await _restarted(town.world, HOLDER)
    with pytest.raises(LedgerInconsistent, match=f"{size + 1} entries of {LOG} were cosigned here"):
        await node.federation.catch_up()
    await town.close()


@virtual
async def test_a_node_cosigns_the_old_shard_before_it_is_ended(tmp_path: Path) -> None:
    """The next broker has the last entries cosigned, while nodes know of no other shard yet."""
    town = await Town.start(tmp_path)
    await town.consent()
    log_key = await end_shard(town.world)
    kept = town.world.earlier[0]
    leaves = [raw for _, raw in kept.reader.entries(0, kept.size)]
    assert town.world.nodes[HOLDER].federation.view.log == LOG
    answer = await _asked(town.world, HOLDER, LOG, leaves)
    assert isinstance(answer, ms.Cosigned)
    assert answer.line
    await town.world.steer(log_key)
    await town.world.nodes[HOLDER].federation.catch_up()
    assert town.world.nodes[HOLDER].federation.view.log == NEXT
    await town.close()


@virtual
async def test_a_node_follows_the_shard_to_its_end_before_it_goes_on(tmp_path: Path) -> None:
    """A tree in which its receipt stands no more is another history, whoever signed for it."""
    town = await Town.start(tmp_path)
    await town.consent()
    leaves = list(town.world.leaves())
    forged = [*leaves[:-1], leaves[-2], leaves[-2]]
    town.world.store = MemoryStore(LOG)
    root = town.world.store.append(forged, [None] * len(forged)).root
    town.world.store.swap_lock(None, sign_checkpoint(Checkpoint(LOG, len(forged), root), keys.log_signer()))
    await rekey(town.world)
    for federation in (node.federation for node in (town.world.nodes[COLLECTOR], town.world.nodes[REQUESTER])):
        with pytest.raises(LedgerInconsistent, match=f"another entry stands at index {len(leaves) - 1}"):
            await federation.catch_up()
        assert federation.view.log == LOG
    await town.world.close()


async def _restarted(world: World, agency: str) -> Node:
    world.crash(agency)
    node = world.make_node(agency)
    await node.federation.load()
    return node


async def _asked(world: World, agency: str, log: LogId, leaves: list[bytes], old: int = 0) -> ms.Message:
    """Have a node asked to cosign a log of these entries, signed by its key."""
    tree = Edge()
    tree.extend(map(leaf_hash, leaves))
    checkpoint = Checkpoint(log, len(leaves), tree.root())
    return await world.tell(
        agency, "witness", ms.Witness(format_addition(old, (), sign_checkpoint(checkpoint, keys.signer(log))))
    )


@virtual
@pytest.mark.parametrize("end", [rekey, go_on], ids=["ended", "closed"])
async def test_nobody_cosigns_what_a_thief_signs_beyond_the_end(tmp_path: Path, end: End) -> None:
    """With the old key the shard can be extended for ever: nodes refuse, and still cosign it as far as it went."""
    town = await Town.start(tmp_path)
    await end(town.world)
    await town.world.nodes[HOLDER].federation.catch_up()
    kept = town.world.earlier[0]
    leaves = [raw for _, raw in kept.reader.entries(0, kept.size)]
    refused = await _asked(town.world, HOLDER, LOG, [*leaves, leaves[-1]])
    assert isinstance(refused, ms.Failed)
    with pytest.raises(NotAuthentic, match="ended with"):
        await town.holder.outcomes.covering.follow(Checkpoint(LOG, kept.size + 1, bytes(32)))
    answer = await _asked(town.world, HOLDER, LOG, leaves)
    assert isinstance(answer, ms.Cosigned)
    pen = keys.signer(f"{FEDERATION}/{HOLDER}/witness-1", TYPES["witness"])
    verify_cosignature(format_checkpoint(Checkpoint(LOG, kept.size, kept.reader.root(kept.size))), answer.line, pen.key)
    await town.close()


@virtual
@pytest.mark.parametrize("end", [rekey, go_on], ids=["ended", "closed"])
async def test_the_broker_takes_no_proof_from_beyond_the_end(tmp_path: Path, end: End) -> None:
    """What is delivered must stand in the log: a proof by a stolen key of an ended shard shows nothing."""
    town = await Town.start(tmp_path)
    await town.consent()
    await end(town.world)
    kept = town.world.earlier[0]
    leaves = [raw for _, raw in kept.reader.entries(0, kept.size)]
    for size in range(kept.size - 2, kept.size + 1):
        town.world.sequencer.prove(*receipt_of(LOG, leaves[:size], 3))
    with pytest.raises(NotAuthentic, match="ended with"):
        town.world.sequencer.prove(*receipt_of(LOG, [*leaves, leaves[-1]], 3))
    await town.close()
