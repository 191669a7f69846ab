"""The store under a process that is killed: what was locked is there, and the rest is a tail (matrix, promise 9)."""

import signal
import subprocess
import sys
from pathlib import Path

from consent_ledger.core import merkle
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint, unverified_checkpoint
from consent_ledger.store import ShardStore
from tests.support.keys import LOG, log_signer

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.store import ShardStore
from tests.support.keys import LOG, log_signer

store = ShardStore(Path(sys.argv[1]), LOG)
while True:
    first = store.size
    appended = store.append([b"entry %d" % index for index in range(first, first + 20)], [None] * 20)
    note = sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), log_signer())
    store.swap_lock(store.last_checkpoint(), note)
    print(appended.size, flush=True)
"""


def _write_until_killed(folder: Path, batches: int) -> int:
    """Let a process log batches, kill it in the middle of its work, and give the size it last told of."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(batches)]
        writer.send_signal(signal.SIGKILL)
        return max([*told, *map(int, writer.stdout.read().split())])


def test_a_killed_writer_loses_nothing_it_told_of(tmp_path: Path) -> None:
    """After each kill the store opens, holds at least what was told, all of it unchanged, and logging goes on."""
    for batches in (1, 7, 30):
        told = _write_until_killed(tmp_path, batches)
        with ShardStore(tmp_path, LOG) as store:
            assert store.opened.lock is not None
            locked = unverified_checkpoint(store.opened.lock)
            assert locked.size >= told
            assert len(store.opened.tail) in (0, 20)
            entries = [leaf for _, leaf in store.entries(0, store.size)]
            assert entries == [b"entry %d" % index for index in range(store.size)]
            assert merkle.root_of(map(merkle.leaf_hash, entries[: locked.size])) == locked.root
            if store.opened.tail:
                _lock_tail(store)


def _lock_tail(store: ShardStore) -> None:
    """Take up what was committed and never answered, as the sequencer does at its start."""
    note = sign_checkpoint(Checkpoint(LOG, store.size, store.root(store.size)), log_signer())
    store.swap_lock(store.opened.lock, note)
