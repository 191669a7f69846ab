"""A withdrawal cuts off on real SQLite files, too, when the process that writes them is killed again and again.

Each interleaving is a log of its own: agencies and clients ask, answer, renew and withdraw at once, and the writer is
ended by SIGKILL three times, at a step of its store or in the middle of whatever it does. What it said is said again.
"""

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.leaf import read_leaf, statement_id
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.store import ShardStore
from tests.support import keys
from tests.support.killed_writer import Death, write_until_killed
from tests.support.ledger_world import Ledger, founded
from tests.support.withdrawal_crowd import wrongs

KILLS: Final = 3
QUICK: Final = 20
ALL: Final = 200


def _founded_on_disk(ledger: Ledger, folder: Path) -> Path:
    """Write the founding entries to the files of a shard."""
    with ShardStore(folder, ledger.log) as store:
        ids = [statement_id(read_leaf(raw).statement) for raw in ledger.leaves]
        appended = store.append(ledger.leaves, ids)
        store.swap_lock(None, sign_checkpoint(Checkpoint(ledger.log, appended.size, appended.root), keys.log_signer()))
    return folder


def _interleave(ledger: Ledger, folder: Path, seed: int) -> tuple[list[bytes], dict[int, str]]:
    """Let one log be written and its writer be killed; give its entries, and what was answered, by index."""
    chance = random.Random(seed)  # noqa: S311  repeatable draws of a test, no secret
    answered: dict[int, str] = {}
    for kill in range(KILLS):
        at_a_step = chance.random() < 1 / 2
        death = Death(chance.randint(1, 24), 0) if at_a_step else Death(0, chance.randint(1, 60))
        answered |= write_until_killed(folder, seed * KILLS + kill, death)
    with ShardStore(folder, ledger.log) as store:
        return [raw for _, raw in store.entries(0, store.size)], answered


def _hold(folder: Path, seeds: range) -> None:
    """Check all interleavings of some seeds: no wrong disclosure, every entry replays, nothing answered is lost."""
    ledger, kinds, folders = founded(), Counter[str](), folder / "logs"
    template = _founded_on_disk(ledger, folder / "founded")
    for seed in seeds:
        shutil.copytree(template, folders / str(seed))
        leaves, answered = _interleave(ledger, folders / str(seed), seed)
        assert wrongs(leaves) == [], seed
        assert ledger.replay(leaves) == [], seed
        assert {index: leaf_hash(leaves[index]).hex() for index in answered} == answered, seed
        kinds.update(read_leaf(raw).kind for raw in leaves[len(ledger.leaves) :])
    wanted = ("exchange.disclosed", "exchange.withheld", "exchange.refused", "consent.withdrawn", "client.withdrawn")
    assert all(kinds[kind] >= len(seeds) / 10 for kind in wanted), kinds


@pytest.mark.slow
def test_no_disclosure_after_a_withdrawal_through_kills(tmp_path: Path) -> None:
    """The first of them, in every run of the tests."""
    _hold(tmp_path, range(QUICK))


@pytest.mark.long
def test_no_disclosure_after_a_withdrawal_through_all_kills(tmp_path: Path) -> None:
    """All of them."""
    _hold(tmp_path, range(QUICK, ALL))
