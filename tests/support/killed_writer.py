"""A process that owns a log on real SQLite files until SIGKILL ends it: at a step of its store, or from outside.

It is a fork of the test's process, so that two hundred of them start in seconds. What it is about to say it writes down
first, as a node does, and says it again after the next start.
"""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from broker.core.decide import decider
from broker.core.replay import replay_leaf
from consent_ledger.core.decision import OpenedBody, Submission
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.signed import verify_statement
from consent_ledger.ports import Appended
from consent_ledger.recovery import recover
from consent_ledger.sequencer import Receipt, Sequencer
from consent_ledger.store import ShardStore
from schemas import canonical
from schemas import statements as st
from schemas.canonical import Json
from schemas.ids import Hash
from tests.support import keys
from tests.support.ledger_world import founded
from tests.support.pens import PINS
from tests.support.withdrawal_crowd import Crowd

OUTBOX: Final = "said.json"
EVENTS: Final = 12


class Death(NamedTuple):
    """When a writer dies: at the so many-th step of its store, or, for 0, once it has told of so many entries."""

    step: int
    lines: int


class DoomedStore(ShardStore):
    """The real store, whose process ends just before or just after one of its writes: in so many steps, 0 is never."""

    doomed_in: int = 0

    def append(self, leaves: Sequence[bytes], ids: Sequence[bytes | None]) -> Appended:
        """Append, or die before or after it."""
        self._step()
        appended = super().append(leaves, ids)
        self._step()
        return appended

    def swap_lock(self, old_note: bytes | None, new_note: bytes) -> None:
        """Swap the lock, or die before or after it."""
        self._step()
        super().swap_lock(old_note, new_note)
        self._step()

    def _step(self) -> None:
        self.doomed_in -= 1
        if self.doomed_in == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def write_until_killed(folder: Path, seed: int, death: Death) -> dict[int, str]:
    """Let a process write to the shard in a folder until it is killed; give the leaf hashes it told of, by index."""
    reading, writing = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(reading)
        _be_the_writer(folder, seed, death, writing)
    os.close(writing)
    told = {}
    with os.fdopen(reading, encoding="ascii") as lines:
        for number, line in enumerate(lines, start=1):
            index, _, leaf = line.strip().partition(" ")
            if leaf:
                told[int(index)] = leaf
            if not death.step and number == death.lines:
                os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    assert os.WTERMSIG(status) == signal.SIGKILL
    return told


def _be_the_writer(folder: Path, seed: int, death: Death, writing: int) -> NoReturn:
    try:
        asyncio.run(_write(folder, seed, death, writing))
    except BaseException:  # noqa: BLE001  a fork must never go on as the test
        traceback.print_exc(file=sys.__stderr__)
    os._exit(1)


async def _write(folder: Path, seed: int, death: Death, writing: int) -> None:
    """Recover, say again what may not have been answered, and go on for ever."""
    pens = founded()
    store = DoomedStore(folder, pens.log)
    decide, signer = decider(pens.registries), keys.signer(pens.log)
    state = recover(store, lambda folded, raw: replay_leaf(folded, raw, decide, PINS), signer)
    log = Sequencer(store, state, decide, signer, pens.clock)
    crowd, outbox = Crowd(pens, seed), folder / OUTBOX
    crowd.take_up([raw for _, raw in store.entries(0, store.size)])
    said = _read(outbox)
    pens.clock.ms, pens.drawn = max(pens.clock.ms, state.time), (seed + 1) * 1_000_000
    for key, counter in state.counters.items():
        pens.numbers[key] = max(pens.numbers[key], counter.highest)
    for note, _ in said:
        statement = verify_statement(note, state.keys, PINS).statement
        if isinstance(statement, st.Numbered):
            pens.numbers[statement.key] = max(pens.numbers[statement.key], statement.n)
    store.doomed_in = death.step
    running = asyncio.get_running_loop().create_task(log.run())
    while not running.done():
        said = said or [(pens.sign(statement), opened) for statement, opened in crowd.moment(EVENTS)]
        _keep(outbox, said)
        signed = [verify_statement(note, log.state.keys, PINS) for note, _ in said]
        answers = await asyncio.gather(
            *(log.submit(Submission(one, opened)) for one, (_, opened) in zip(signed, said, strict=True))
        )
        receipts = [one for one in answers if isinstance(one, Receipt)]
        os.write(writing, "".join(f"{one.index} {leaf_hash(one.leaf.raw).hex()}\n" for one in receipts).encode())
        crowd.told([(one.statement, None) for one in signed], answers)
        said = []


def _keep(outbox: Path, said: list[tuple[bytes, OpenedBody | None]]) -> None:
    """Write down what is about to be said; a kill leaves what is in the page cache."""
    lines: list[Json] = []
    for note, opened in said:
        k, body = ("", b"") if opened is None else (opened.k, canonical.encode_model(opened.body))
        lines += [note.hex(), k, body.hex()]
    fresh = outbox.with_suffix(".new")
    fresh.write_bytes(canonical.encode(lines))
    fresh.replace(outbox)


def _read(outbox: Path) -> list[tuple[bytes, OpenedBody | None]]:
    lines = canonical.decode(outbox.read_bytes()) if outbox.exists() else []
    assert isinstance(lines, list)
    texts = [str(line) for line in lines]
    return [
        (bytes.fromhex(note), _opened(k, bytes.fromhex(body)))
        for note, k, body in zip(texts[::3], texts[1::3], texts[2::3], strict=True)
    ]


def _opened(k: str, body: bytes) -> OpenedBody | None:
    return OpenedBody(Hash(k), canonical.decode_model(st.OutcomeBody, body)) if k else None
