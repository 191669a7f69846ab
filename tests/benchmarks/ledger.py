"""The ledger: how fast it takes entries, proves them, is checked and made again, and starts with a million of them.

Appends, proofs and structure are measured with entries of random bytes, without decisions; replay with a real log, with
signatures and decisions. Beside each figure stands what the same machine gives for the bare thing in the same run.
"""

import asyncio
import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from broker.core.decide import decider
from broker.core.replay import decide_again
from broker.settings import LedgerSettings
from broker.snapshots import SnapshotFile, program
from consent_ledger.core import merkle
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint
from consent_ledger.core.decision import Submission
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.proof import format_proof, verify_proof
from consent_ledger.core.signed import verify_statement
from consent_ledger.core.snapshot import Folded, seal_snapshot
from consent_ledger.core.state import LedgerState
from consent_ledger.core.structure import TreeCheck, hash_entries
from consent_ledger.core.tiles import TILE_WIDTH, TileTree
from consent_ledger.core.verify import Terms, verify
from consent_ledger.reading_pool import ReadingPool
from consent_ledger.recovery import recover, start_from
from consent_ledger.sequencer import Sequencer
from consent_ledger.store import ShardReader, ShardStore
from schemas import statements as st
from schemas.ids import ConsentId
from schemas.note import VerifierKey, split_note, verify_split
from tests.benchmarks.results import Figure, percentile
from tests.support import keys
from tests.support.ledger_world import Ledger, copied, founded, stored
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG, PINS

PAYLOAD: Final = 900
"""Bytes of an entry; those of a real exchange are between 700 and 2,000."""
SMALL_PAYLOAD: Final = 100
BATCH: Final = 256
MILLION: Final = 1_000_000
REPLAYED: Final = 60_000
"""So many that the start of a second process weighs as little as it does on a log worth a second process."""
IN_FLIGHT: Final = 64
SIGNER: Final = keys.signer(LOG)


class Filler:
    """A store that is filled with entries of random bytes, each batch signed and locked as the sequencer does it."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty shard."""
        self.store = ShardStore(folder, LOG)
        self._note: bytes | None = None

    def add(self, count: int, payload: int) -> None:
        """Append a batch, sign its checkpoint, swap the lock, and make each entry's proof."""
        leaves = [secrets.token_bytes(payload) for _ in range(count)]
        appended = self.store.append(leaves, [secrets.token_bytes(32) for _ in leaves])
        note = sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), SIGNER)
        self.store.swap_lock(self._note, note)
        self._note = note
        for index in range(appended.size - count, appended.size):
            format_proof(index, self.store.inclusion_proof(index, appended.size), note)


def measure(folder: Path) -> list[Figure]:
    """Measure all of it; some minutes, most of them for filling a log with a million entries."""
    sync_s = _sync_s(folder)
    figures = [
        Figure("ledger.fdatasync_ms", round(sync_s * 1000, 3), "ms"),
        Figure("ledger.payload_bytes", PAYLOAD, "bytes"),
        *_appends(folder / "appends", sync_s),
    ]
    receipts, million = folder / "receipts", folder / "million"
    for place in (receipts, million):
        place.mkdir()
    figures.append(asyncio.run(_receipts(receipts, sync_s)))
    ledger = exchanged(REPLAYED)
    return [*figures, *_million(million), *_replay(ledger), *_restart(ledger, million)]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fill(filler: Filler, times: int, count: int) -> None:
    for _ in range(times):
        filler.add(count, PAYLOAD)


def _sync_s(folder: Path, tries: int = 50) -> float:
    """Give the median time of writing a page and flushing it."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(tries):
            file.write(bytes(4096))
            file.flush()
            taken.append(_timed(lambda: os.fdatasync(file.fileno())))
    return percentile(sorted(taken), 50)


def _appends(folder: Path, sync_s: float) -> Iterator[Figure]:
    """Append with a checkpoint per commit; the floor is the two flushes a commit cannot do without."""
    folder.mkdir()
    filler = Filler(folder)
    for _ in range(40):
        filler.add(BATCH, PAYLOAD)
    batches, singles = 60, 1000
    took_s = _timed(lambda: _fill(filler, batches, BATCH))
    yield Figure.beside("ledger.append_rate.256", batches * BATCH / took_s, "entries/s", BATCH / (2 * sync_s))
    took_s = _timed(lambda: _fill(filler, singles, 1))
    yield Figure.beside("ledger.append_rate.1", singles / took_s, "entries/s", 1 / (2 * sync_s))
    filler.store.close()


async def _receipts(folder: Path, sync_s: float) -> Figure:
    """From a statement whose signature is checked to its receipt, 64 at a time, through sequencer and store."""
    ledger = founded()
    submissions = [_head(ledger) for _ in range(3000)]
    store = ShardStore(folder, LOG)
    appended = store.append(ledger.leaves, [None] * len(ledger.leaves))
    store.swap_lock(None, sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), SIGNER))
    sequencer = Sequencer(store, ledger.state, ledger.decide, SIGNER, ledger.clock)
    owner = asyncio.create_task(sequencer.run())
    waiting, taken = iter(submissions), list[float]()

    async def caller() -> None:
        """Hand one in after the other."""
        for submission in waiting:
            began = time.perf_counter()
            await sequencer.submit(submission)
            taken.append(time.perf_counter() - began)

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    owner.cancel()
    await asyncio.gather(owner, return_exceptions=True)
    await sequencer.close()
    p50_ms = percentile(sorted(taken), 50) * 1000
    return Figure.beside(f"ledger.receipt_p50_ms.{IN_FLIGHT}", p50_ms, "ms", 2 * sync_s * 1000)


def _head(ledger: Ledger) -> Submission:
    head: st.Statement = ledger.agency_head("jobcenter")
    return Submission(verify_statement(ledger.sign(head), ledger.state.keys, PINS))


def _million(folder: Path) -> Iterator[Figure]:
    """Fill a log with a million entries: proofs, structure, size, and how soon it is open again."""
    filler = Filler(folder)
    for _ in range(MILLION // BATCH):
        filler.add(BATCH, SMALL_PAYLOAD)
    size = filler.store.size
    filler.store.close()
    stored_bytes = sum(file.stat().st_size for file in folder.iterdir())
    yield Figure("ledger.overhead_bytes", round(stored_bytes / size - SMALL_PAYLOAD, 1), "bytes/entry")
    with ShardReader(folder, LOG) as reader:
        yield _proofs(reader, size)
        yield _structure(reader, size)


def _proofs(reader: ShardReader, size: int) -> Figure:
    """Inclusion proofs of entries anywhere; the floor is to verify one."""
    note, chance = reader.last_checkpoint() or b"", secrets.SystemRandom()
    taken, checked = list[float](), list[float]()
    verifier = CheckpointVerifier(SIGNER.key)
    for _ in range(2000):
        index = chance.randrange(size)
        began = time.perf_counter()
        proof = format_proof(index, reader.inclusion_proof(index, size), note)
        taken.append(time.perf_counter() - began)
        entry = reader.entry(index)
        began = time.perf_counter()
        verify_proof(entry, proof, verifier)
        checked.append(time.perf_counter() - began)
    p99_ms, floor_ms = (percentile(sorted(times), 99) * 1000 for times in (taken, checked))
    return Figure.beside("ledger.proof_p99_ms", p99_ms, "ms", floor_ms)


def _structure(reader: ShardReader, size: int) -> Figure:
    """Entries, tiles and root against each other; the floor is to read and hash the same entries."""
    checkpoint = Checkpoint(LOG, size, reader.root(size))
    tree = TreeCheck(size, print)

    def structure() -> None:
        """Take the log tile by tile."""
        for n in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
            first = n * TILE_WIDTH
            entries = [raw for _, raw in reader.entries(first, min(first + TILE_WIDTH, size))]
            tree.take(n, hash_entries(entries), reader.tile(0, n))
        tree.finish(checkpoint, reader.tile)

    def floor() -> None:
        """Read and hash."""
        for _, raw in reader.entries(0, size):
            hashlib.sha256(raw).digest()

    return Figure.beside("ledger.verify_rate", size / _timed(structure), "entries/s", size / _timed(floor))


def _replay(ledger: Ledger) -> Iterator[Figure]:
    """Signatures, counters and decisions of a real log again; the floor is to check the signatures alone."""
    store, size = MemoryStore(ledger.log, stored(ledger)), len(ledger.leaves)
    terms = Terms(PINS, judge=decide_again(decider(ledger.registries)), registries=ledger.registries)

    def one() -> None:
        """Replay in this process alone."""
        assert verify(store, terms).proven == size

    def two() -> None:
        """Replay with form and signatures checked in a second process, its start included."""
        with ReadingPool(1) as pool:
            assert verify(store, Terms(PINS, judge=terms.judge, registries=terms.registries, ahead=pool)).proven == size

    signed = [read_leaf(raw) for raw in ledger.leaves[-2000:]]
    notes = [(split_note(leaf.entry.statement.encode()), _key(ledger, leaf.statement)) for leaf in signed]
    floor = len(notes) / _timed(lambda: [verify_split(note, (key,)) for note, key in notes])
    rate = size / _timed(one)
    yield Figure.beside("ledger.replay_rate.1", rate, "entries/s", floor)
    yield Figure.beside("ledger.replay_rate.2", size / _timed(two), "entries/s", rate)


def _restart(ledger: Ledger, folder: Path) -> Iterator[Figure]:
    """From a shard of a million entries that is closed to a state that decides, with a snapshot and without.

    The snapshot is of a state as large as a million entries of a real log leave it, and as old as it may become. What
    it takes to fold entries is measured on the real log and scaled.
    """
    store = MemoryStore(ledger.log, stored(ledger))
    fold_s = _timed(lambda: recover(store, lambda _state, _raw: None, SIGNER)) / store.size
    yield Figure("ledger.open_s", round(_timed(lambda: ShardStore(folder, LOG).close()), 3), "s")
    file = SnapshotFile(folder, LOG)
    with ShardReader(folder, LOG) as reader:
        tree = merkle.edge(reader.size, TileTree(reader.tile).node)
        state = _enlarged(ledger.state, reader.size)
        began = time.perf_counter()
        file.write(seal_snapshot(Folded(state, tree), program(), SIGNER))
        yield Figure("ledger.snapshot_write_s", round(time.perf_counter() - began, 3), "s")
    del state
    yield Figure("ledger.snapshot_mb", round(file.path.stat().st_size / 1e6, 1), "MB")

    def start() -> None:
        """Open the shard and take the snapshot for its state."""
        shard = ShardStore(folder, LOG)
        start_from(file.read() or b"", shard, SIGNER.key, program())
        shard.close()

    every = LedgerSettings().snapshot_every
    yield Figure("ledger.restart_s", round(_timed(start) + fold_s * every, 3), "s")
    yield Figure("ledger.restart_cold_s", round(fold_s * MILLION, 1), "s")


def _enlarged(state: LedgerState, size: int) -> LedgerState:
    """Give a state with as many consents, exchanges and views as that many entries would have left."""
    times = size // state.size
    large = copied(state)
    for name, one in state.evidence.items():
        for _ in range(times - 1):
            again = replace(one, view=secrets.token_bytes(32), withdraw=secrets.token_bytes(32))
            large.evidence[ConsentId(secrets.token_hex(len(name) // 2))] = again
            large.views[again.view] = one.index
    large.exchanges |= {secrets.token_bytes(16) for _ in range(len(state.exchanges) * (times - 1))}
    large.size = size
    return large


def _key(ledger: Ledger, statement: st.Statement) -> VerifierKey:
    assert isinstance(statement, st.Numbered)
    found = ledger.state.keys[statement.key].verifier
    assert found is not None
    return found


def exchanged(size: int) -> Ledger:
    """Give a log of at least so many entries: consents, ten requests under each, answers, acknowledgements."""
    ledger, done = founded(), list[st.Request]()
    while len(ledger.leaves) < size:
        consent = ledger.consented(uses=10)
        for _ in range(10):
            granted = ledger.asked(consent)
            ledger.answer(granted)
            assert isinstance(granted.leaf.statement, st.Request)
            done.append(granted.leaf.statement)
            ledger.clock.ms += 5
        if len(done) >= 100:
            ledger.write(ledger.acknowledgement("jobcenter", "kurse", sorted(one.exchange for one in done)))
            done.clear()
    return ledger
