"""A log of two shards: the story of `audited_log.told` in the first, and what was still open goes on in the second."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from consent_ledger.core.succession import hand_over
from consent_ledger.shards import bundle_name
from consent_ledger.store import ShardStore
from schemas import statements as st
from schemas.commitment import sha256
from schemas.ids import Hash, LogId
from tests.support.audited_log import MINUTE, Files, files_of, note_of, told
from tests.support.auditor import log, write, write_federation
from tests.support.ledger_world import Ledger, Logged
from tests.support.pens import KINDS
from tests.support.small_law import BUNDLE, LAW


@dataclass(frozen=True)
class Shards:
    """Two shards as ledgers, the first one closed, and the bundle the second began with."""

    first: Ledger
    second: Ledger
    bundle: bytes

    def files(self, bundle: bytes | None = None) -> Files:
        """Give the files of an export of both."""
        return together(self.first, self.second, self.bundle if bundle is None else bundle)


def unclosed() -> tuple[Ledger, Logged]:
    """Give the first shard with a grant that is open."""
    first = told()
    return first, first.asked()


def closed() -> tuple[Ledger, Logged]:
    """Give the first shard with a grant that is open when it is closed."""
    first, granted = unclosed()
    first.write(first.closing())
    return first, granted


def opened(first: Ledger, opening: Callable[[st.ShardOpened], st.ShardOpened] = lambda one: one) -> Ledger:
    """Give the shard that follows a closed one, opened as it should be, or otherwise."""
    second = first.branch()
    second.bundle = hand_over(second.state)
    second.log, second.handed_over, second.leaves = second.state.log, second.state.begun_with, []
    second.numbers.clear()
    statement = opening(second.opening())
    second.state.begun_with = statement.state
    second.write(statement)
    return second


@cache
def _told() -> Shards:
    first, granted = closed()
    second = opened(first)
    second.answer(granted)
    second.answer(second.asked())
    second.clock.ms += MINUTE
    for agency in KINDS:
        second.write(second.agency_head(agency))
    return Shards(first, second, second.bundle)


def told_on() -> Shards:
    """Give both shards, which a test may continue."""
    found = _told()
    return Shards(found.first.branch(), found.second.branch(), found.bundle)


def together(first: Ledger, second: Ledger, bundle: bytes) -> Files:
    """Give the files of an export of two shards."""
    files = {f"shards/{_name(first.log)}/{path}": content for path, content in _files(first).items()}
    files |= _files(second)
    named = second.handed_over
    assert named is not None
    return files | {bundle_name(named): bundle, "shards.txt": f"{_name(first.log)}\n".encode()}


def write_shards(root: Path) -> Path:
    """Write a broker's SQLite files of both shards into a federation's folder, and give theirs."""
    write_federation(root)
    shards = told_on()
    write(root / "broker", {f"registry/{LAW.hash}.json": BUNDLE})
    folder = write(root / "broker" / "ledger", {bundle_name(Hash(sha256(shards.bundle))): shards.bundle})
    for ledger in (shards.first, shards.second):
        with ShardStore(folder, ledger.log) as store:
            log(store, tuple(ledger.leaves))
            store.put_checkpoint(note_of(ledger.leaves, origin=ledger.log, at_ms=ledger.clock.ms))
    return folder


def _files(ledger: Ledger) -> Files:
    note = note_of(ledger.leaves, origin=ledger.log, at_ms=ledger.clock.ms)
    return files_of(ledger.leaves, note, ledger.log)


def _name(origin: LogId) -> str:
    return origin.rpartition("/")[2]
