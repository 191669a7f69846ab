"""A broker's life in one process: how it begins an empty log, what it serves while witnesses are asked, how it ends."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from broker.bundles import Bundles, bundle_path
from broker.log_files import LogFiles
from broker.pages import WITNESS_LATE_MS, View
from broker.settings import HttpSettings
from consent_ledger.core.pins_file import parse_pins
from consent_ledger.core.policy import parse_policy
from consent_ledger.witness import parse_addition
from schemas import canonical
from schemas import messages as ms
from schemas.commitment import sha256
from schemas.errors import LedgerInconsistent, Misuse, Unavailable
from schemas.ids import AgencyId
from schemas.note import cosign
from schemas.topics import ask, served
from tests.support import keys, small_law
from tests.support.broker_place import LIMIT_S, Counters, Place
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG, PINS, ManualClock, account, changed, signer
from tests.support.small_law import LAW

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

CHAIN = ms.pack(ms.AskChain(canonical.encode_model(ms.ChainQuery(after=0))))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place without a log."""
    return Place(tmp_path)


async def test_an_empty_log_begins_with_the_genesis_notes(place: Place) -> None:
    """They are logged once, in order; a broker that starts again on them logs nothing more."""
    for _ in range(2):
        async with place.running() as broker:
            assert (broker.serves, broker.sequences) == (True, True)
            assert broker.sequencer.state.registry == LAW.hash
        assert (broker.serves, broker.sequences) == (False, False)
    assert place.kinds() == ["shard.opened", "registry.set"]


async def test_a_beginning_that_was_cut_off_is_continued(place: Place) -> None:
    """A crash between the notes leaves the first; the next start adds the second."""
    both, place.genesis = place.genesis, place.genesis[:1]
    async with place.running():
        pass
    place.genesis = both
    async with place.running():
        pass
    assert place.kinds() == ["shard.opened", "registry.set"]


async def test_a_note_that_does_not_fit_ends_the_start(place: Place) -> None:
    """A genesis the rules refuse is named with its number, and the broker does not serve."""
    place.bundles.ready.clear()
    with pytest.raises(Misuse, match=r"genesis, note 2: not taken \(malformed\): registry"):
        await place.broker().run(place.until_stopped(), place.ready.set)
    assert not place.ready.is_set()


async def test_only_reading_is_served_while_witnesses_are_asked(place: Place) -> None:
    """Nodes need the chain to start and to answer as witnesses; nothing is logged before they have."""
    async with place.running():
        pass
    policy = parse_policy(f"witness one {signer('kurse', 'witness').key.vkey}\nquorum one\n")
    broker = place.broker(policy)
    broker.witnessing.retry_s = 0.0
    place.ready.clear()
    task = asyncio.create_task(broker.run(place.until_stopped(), place.ready.set))
    page = await _answered(place, "chain", CHAIN)
    assert len(ms.unpack(page, ms.Receipts).receipts) == 4
    with pytest.raises(Unavailable, match="nobody serves it"):
        await place.steering.call(ask("record"), b"", timeout_s=LIMIT_S)
    assert not broker.serves
    node = place.net.agency(AgencyId("kurse"), account("kurse"))

    async def witness(_topic: str, _body: bytes) -> bytes:
        return ms.pack(ms.Cosigned(b"", b""))

    await node.serve(served("witness"), witness)
    await asyncio.wait_for(place.ready.wait(), LIMIT_S)
    ms.unpack(await place.steering.call(ask("record"), b"", timeout_s=LIMIT_S), ms.Failed)
    place.stop.set()
    await task


async def test_a_broker_ends_with_its_shard_when_the_quorum_has_cosigned_it(place: Place) -> None:
    """A closed shard takes nothing more, and is left only when its end is cosigned; the same after a restart."""
    async with place.running():
        await _recorded(place, place.pens.sign(place.pens.admission("kurse")))
        await _recorded(place, place.pens.sign(place.pens.key("kurse", "witness")))
    policy = parse_policy(f"witness one {signer('kurse', 'witness').key.vkey}\nquorum one\n")
    willing = asyncio.Event()
    node = place.net.agency(AgencyId("kurse"), account("kurse"))

    async def witness(_topic: str, unverified: bytes) -> bytes:
        """Cosign, once it is willing to."""
        note = parse_addition(ms.unpack(unverified, ms.Witness).request).note
        text = note.partition(b"\n\n")[0] + b"\n"
        lines = cosign(text, signer("kurse", "witness"), 1_795_168_900) if willing.is_set() else b""
        return ms.pack(ms.Cosigned(lines, b""))

    await node.serve(served("witness"), witness)
    broker = place.broker(policy)
    broker.witnessing.every_s = 0.0
    place.ready.clear()
    task = asyncio.create_task(broker.run(place.until_stopped(), place.ready.set))
    await asyncio.wait_for(place.ready.wait(), LIMIT_S)
    await _recorded(place, place.pens.sign(place.pens.closing()))
    refused = place.pens.branch().sign(place.pens.leaving("kurse"))
    reply = await place.steering.call(ask("record"), ms.pack(ms.AskRecord(refused)), timeout_s=LIMIT_S)
    assert b"it goes on as" in ms.unpack(reply, ms.Failed).fault
    done, _ = await asyncio.wait({task}, timeout=0)
    assert not done
    willing.set()
    await asyncio.wait_for(task, LIMIT_S)
    assert place.disk.checkpoints[len(place.disk.entries)].count(b"witness-1") == 1
    place.ready.clear()
    await asyncio.wait_for(place.broker(policy).run(place.until_stopped(), place.ready.set), LIMIT_S)


async def _recorded(place: Place, note: bytes) -> None:
    reply = await place.steering.call(ask("record"), ms.pack(ms.AskRecord(note)), timeout_s=LIMIT_S)
    ms.unpack(reply, ms.Logged)


async def _answered(place: Place, verb: str, body: bytes) -> bytes:
    """Ask until the verb is served."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await place.steering.call(ask(verb), body, timeout_s=LIMIT_S)
            except Unavailable:
                await asyncio.sleep(0)


async def test_a_broken_ledger_ends_the_broker(place: Place) -> None:
    """What stops the sequencer stops the process with the same error, after the waiting were told."""
    broker = place.broker()
    running = asyncio.create_task(broker.run(place.until_stopped(), place.ready.set))
    await asyncio.wait_for(place.ready.wait(), LIMIT_S)
    place.disk.lock = None
    note = place.pens.sign(place.pens.admission("kurse"))
    reply = await place.steering.call(ask("record"), ms.pack(ms.AskRecord(note)), timeout_s=LIMIT_S)
    ms.unpack(reply, ms.Failed)
    with pytest.raises(LedgerInconsistent):
        await asyncio.wait_for(running, LIMIT_S)


async def test_what_ends_the_wait_ends_the_broker(place: Place) -> None:
    """When what is waited for fails, such as the connection for good, the broker ends with that error."""

    async def lost() -> None:
        await place.ready.wait()
        message = "NATS: gone"
        raise Unavailable(message)

    with pytest.raises(Unavailable, match="NATS: gone"):
        await place.broker().run(lost(), place.ready.set)


async def test_a_new_registry_is_read_when_it_is_named(place: Place, tmp_path: Path) -> None:
    """A bundle laid beside the log after the start is found by its hash; one that does not lie there is refused."""
    raw = small_law.bundle(purposes=small_law.PURPOSES.replace("answer_within_s = 3600", "answer_within_s = 7200"))
    name = sha256(raw)
    async with place.running() as broker:
        note = place.pens.sign(changed(place.pens.registry(), registry=name))
        before = await place.steering.call(ask("record"), ms.pack(ms.AskRecord(note)), timeout_s=LIMIT_S)
        assert b"does not lie beside the log" in ms.unpack(before, ms.Failed).fault
        assert broker.service.failed == {"malformed": 1}
        bundle_path(tmp_path, name).write_bytes(raw)
        after = await place.steering.call(ask("record"), ms.pack(ms.AskRecord(note)), timeout_s=LIMIT_S)
        ms.unpack(after, ms.Logged)
        assert broker.sequencer.state.registry == name


@pytest.mark.parametrize("gone", ["nats_connected", "disk_writable"])
async def test_no_green_without_bus_or_disk(place: Place, gone: str) -> None:
    """What the broker stands on is asked anew each time: gone, health is red and names it; back, it is green."""
    world = {"nats_connected": True, "disk_writable": True}
    async with place.running() as broker:
        files = LogFiles(MemoryStore(LOG, place.disk), lambda: broker.sequencer.size)
        bus, disk = (lambda: world["nats_connected"]), (lambda: world["disk_writable"])
        view = View(broker, files, place.pens.clock, bus, Counters(), disk)
        for there in (True, False, True):
            world[gone] = there
            health = await view.health()
            assert (health.healthy, getattr(health, gone)) == (there, there)
        files.close()


async def test_no_green_without_its_keys(place: Place) -> None:
    """A signer that is not the log's, or a law in force that is not at hand: red."""
    async with place.running() as broker:
        files = LogFiles(MemoryStore(LOG, place.disk), lambda: broker.sequencer.size)
        for setup in (
            replace(broker.setup, signer=keys.signer(f"{LOG}-other")),
            replace(broker.setup, bundles=Bundles(place.bundles.folder)),
        ):
            own, broker.setup = broker.setup, setup
            health = await View(broker, files, place.pens.clock, lambda: True, Counters(), lambda: True).health()
            broker.setup = own
            assert (health.healthy, health.keys_loaded) == (False, False)
        files.close()


async def test_no_green_without_a_witness(place: Place) -> None:
    """Entries that nobody has cosigned for too long make it red; once they are cosigned it is green again."""
    assert isinstance(place.pens.clock, ManualClock)
    async with place.running() as broker:
        files = LogFiles(MemoryStore(LOG, place.disk), lambda: broker.sequencer.size)
        view = View(broker, files, place.pens.clock, lambda: True, Counters(), lambda: True)
        place.pens.clock.ms += WITNESS_LATE_MS
        assert (await view.health()).healthy
        place.pens.clock.ms += 1
        health = await view.health()
        assert (health.healthy, health.witnessed) == (False, False)
        assert "handschlag_broker_witness_wait_seconds 300\n" in view.metrics()
        broker.witnessing.waiting_since_ms = None
        assert (await view.health()).healthy
        files.close()


async def test_the_pages_look_at_the_running_broker(place: Place) -> None:
    """Health and numbers follow what the broker does; the checkpoint shown is the log's."""
    async with place.running() as broker:
        files = LogFiles(MemoryStore(LOG, place.disk), lambda: broker.sequencer.size)
        view = View(broker, files, place.pens.clock, lambda: True, Counters(), lambda: True)
        health = await view.health()
        assert health.healthy
        assert (health.uncosigned, health.cosigned_age_s) == (2, None)
        await place.steering.call(ask("chain"), CHAIN, timeout_s=LIMIT_S)
        numbers = view.metrics()
        assert 'handschlag_broker_answers_total{type="receipts"} 1\n' in numbers
        assert "handschlag_broker_batch_entries_count 2\n" in numbers
        assert "handschlag_broker_log_entries 2\n" in numbers
        broker.witnessing.cosigned_at_ms = place.pens.clock.ms - 1500
        assert (await view.health()).cosigned_age_s == 1.5
        files.close()
        assert view.pages(HttpSettings()).checkpoint() == broker.witnessing.published
        assert read_bytes(view, "log.vkey") == f"{keys.log_signer().key.vkey}\n".encode()
        assert parse_pins(read_bytes(view, "pins.toml").decode(), "pins.toml").pins == PINS
        place.bundles.raw[LAW.hash] = b"the law"
        assert read_bytes(view, f"registry/{LAW.hash}.json") == b"the law"
        assert view.beside("keys/log.key") is None
    assert not (await view.health()).healthy


def read_bytes(view: View, path: str) -> bytes:
    """Give what lies beside the log under a name."""
    content = view.beside(path)
    assert content is not None
    return content
