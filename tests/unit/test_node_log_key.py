"""A node and a shard whose key was lost or stolen: it follows log.key, and believes nothing more of the old key's."""

from dataclasses import dataclass, field

import pytest

from adapters.node.core.view import View
from consent_ledger.core.checkpoint import Checkpoint
from schemas import statements as st
from schemas.entries import Recorded, encode_entry
from schemas.errors import Code, LedgerInconsistent, NotAuthentic
from schemas.ids import LogId
from schemas.note import Signer, sign_note
from tests.support import keys
from tests.support.ledger_world import Ledger, founded, receipt_of
from tests.support.pens import LOG, PINS, STEERING, changed

NEXT = LogId("musterstadt.example/log/2026-12")


def receipt(ledger: Ledger, index: int) -> tuple[bytes, bytes]:
    """Give an entry of a shard with its proof."""
    return receipt_of(ledger.log, ledger.leaves, index)


@dataclass
class Rekeyed:
    """A shard, a view that has learned all of it, and the next one before its log.key."""

    old: Ledger = field(default_factory=founded)
    view: View = field(default_factory=lambda: View(PINS))

    def __post_init__(self) -> None:
        """End the shard after a consent."""
        self.consent = self.old.consented()
        for index in range(len(self.old.leaves)):
            self.view.learn(*receipt(self.old, index))
        self.new = self.old.ended()

    def said(self, **changes: object) -> st.LogKey:
        """Give the log.key that ends the old shard, or one that says something else."""
        return changed(self.new.log_key(LOG, len(self.old.leaves), self.old.root()), **changes)

    def opened(self, statement: st.Statement, pens: tuple[Signer, ...] = STEERING) -> tuple[bytes, bytes]:
        """Have the new shard begin with a statement, whatever it says; give its receipt."""
        note = sign_note(st.statement_text(statement).encode(), pens).decode()
        kind = "log.key" if isinstance(statement, st.LogKey) else "shard.opened"
        self.new.leaves = [encode_entry(kind, Recorded(time=self.new.clock.ms, statement=note))]
        return receipt(self.new, 0)


def test_a_view_goes_on_behind_log_key() -> None:
    """What is in force stays so, indexes go on, both keys are known, and what comes twice changes nothing."""
    found = Rekeyed()
    entry = found.opened(found.said())
    last = found.view.ends_with(entry[0])
    assert last == Checkpoint(LOG, len(found.old.leaves), found.old.root())
    assert found.view.log == LOG
    opened = found.view.learn(*entry)
    assert (opened.index, found.view.log, found.view.logs) == (len(found.old.leaves), NEXT, (NEXT, LOG))
    assert (found.view.first(NEXT), found.view.log_key(NEXT)) == (opened.index, keys.signer(NEXT).key)
    assert found.view.evidence(st.Basis(kind="consent", consent=found.consent.consent)) is not None
    assert found.view.ends_with(entry[0]) is None
    assert found.view.learn(*entry).index == opened.index
    assert found.view.prove(*receipt(found.old, 3)).index == 3
    assert found.view.state.shards[LOG].closed is not None
    found.new = found.old.rekeyed()
    found.new.write(found.new.withdrawal("beratung", found.consent))
    assert found.view.learn(*receipt(found.new, 1)).index == opened.index + 1
    assert found.view.has_ended(found.consent.consent)


def test_nothing_else_is_a_log_key() -> None:
    """Other entries end nothing; to who knows nothing yet no shard can be ended."""
    found = Rekeyed()
    assert found.view.ends_with(found.old.leaves[-1]) is None
    entry = found.opened(found.said())
    assert View(PINS).ends_with(entry[0]) is None
    with pytest.raises(NotAuthentic, match="its first entry must open"):
        View(PINS).learn(*entry)


@pytest.mark.parametrize(
    "changes",
    [{"ended": "musterstadt.example/log/2026-10"}, {"seq": 99}, {"prev": "0" * 64}],
)
def test_a_log_key_that_does_not_follow_is_refused(changes: dict[str, object]) -> None:
    """It must end the shard that is open here, and continue the chain."""
    found = Rekeyed()
    entry = found.opened(found.said(**changes))
    for step in (lambda: found.view.ends_with(entry[0]), lambda: found.view.learn(*entry)):
        with pytest.raises(NotAuthentic, match="that does not follow on") as caught:
            step()
        assert caught.value.code is Code.WRONG_LOG
    assert found.view.log == LOG


def test_a_log_key_needs_two_steering_keys() -> None:
    """One key, whoever holds it, ends no shard; nor does a log of another federation follow."""
    found = Rekeyed()
    entry = found.opened(found.said(), STEERING[:1])
    for step in (lambda: found.view.ends_with(entry[0]), lambda: found.view.learn(*entry)):
        with pytest.raises(NotAuthentic, match="different steering keys"):
            step()
    found.new.log = LogId("kleinstadt.example/log/2026-12")
    with pytest.raises(NotAuthentic, match="is no log of"):
        found.view.learn(*found.opened(found.said(log=found.new.log)))


def test_a_log_key_that_leaves_out_what_was_proven_is_an_alarm() -> None:
    """A node that holds a receipt beyond the end goes on with nobody before humans have looked."""
    found = Rekeyed()
    size = len(found.old.leaves)
    entry = found.opened(found.said(size=size - 1))
    for step in (lambda: found.view.ends_with(entry[0]), lambda: found.view.learn(*entry)):
        with pytest.raises(LedgerInconsistent, match=f"entry {size - 1} is proven here"):
            step()
    assert found.view.log == LOG


def test_a_log_key_that_names_another_tree_is_an_alarm() -> None:
    """For a size of which this node knows the root there is no other."""
    found = Rekeyed()
    entry = found.opened(found.said(root="0" * 64))
    for step in (lambda: found.view.ends_with(entry[0]), lambda: found.view.learn(*entry)):
        with pytest.raises(LedgerInconsistent, match="another root"):
            step()
    assert found.view.log == LOG


def test_a_shard_that_was_closed_is_not_ended() -> None:
    """Behind a closing entry the shard follows that it names, opened in order."""
    found = Rekeyed()
    found.old.write(found.old.closing())
    found.view.learn(*receipt(found.old, len(found.old.leaves) - 1))
    entry = found.opened(found.said(seq=found.old.seq + 1, prev=found.old.prev))
    assert found.view.ends_with(entry[0]) is None
    with pytest.raises(NotAuthentic, match="than the one before it named"):
        found.view.learn(*entry)


def test_an_open_shard_is_followed_by_no_opening() -> None:
    """Two steering keys may open what they like: without an end of the shard before it does not follow."""
    found = Rekeyed()
    with pytest.raises(NotAuthentic, match="that does not follow on"):
        found.view.learn(*found.opened(found.new.opening()))


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "ended"])
def test_a_thief_extends_the_old_shard_for_nobody(*, closed: bool) -> None:
    """With the old key anybody can sign on; what lies beyond the end, or is another tree of that size, is refused."""
    found = Rekeyed()
    if closed:
        found.old.write(found.old.closing())
        found.view.learn(*receipt(found.old, len(found.old.leaves) - 1))
    else:
        found.view.learn(*found.opened(found.said()))
    thief, size = found.old.branch(), len(found.old.leaves)
    old = thief.leaves[-1]
    thief.leaves.append(old)
    for index in (3, size):
        with pytest.raises(NotAuthentic, match=f"of {size + 1} entries, and {LOG} ended with {size}"):
            found.view.prove(*receipt(thief, index))
    assert found.view.prove(*receipt(found.old, 3)).index == 3


def test_another_tree_of_the_size_of_the_end_is_refused() -> None:
    """A node that was never told a root of that size knows it from log.key."""
    found = Rekeyed()
    fresh = View(PINS)
    for index in range(len(found.old.leaves) - 1):
        fresh.learn(*_under(found.old, index, len(found.old.leaves) - 1))
    fresh.learn(*found.opened(found.said()))
    thief = found.old.branch()
    thief.leaves[-1] = thief.leaves[0]
    with pytest.raises(NotAuthentic, match="of another tree"):
        fresh.prove(*receipt(thief, 3))
    assert fresh.prove(*receipt(found.old, 3)).index == 3


def _under(ledger: Ledger, index: int, size: int) -> tuple[bytes, bytes]:
    twin = ledger.branch()
    twin.leaves = twin.leaves[:size]
    return receipt(twin, index)
