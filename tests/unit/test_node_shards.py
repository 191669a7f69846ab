"""A view over several shards: it opens the next one only as it was announced, and proves what stands in either."""

from dataclasses import dataclass, field

import pytest

from adapters.node.core.opening import open_under
from adapters.node.core.view import View
from consent_ledger.core.succession import hand_over
from schemas import statements as st
from schemas.errors import Code, Malformed, NotAuthentic
from schemas.ids import LogId
from tests.support import keys
from tests.support.ledger_world import Ledger, founded, receipt_of
from tests.support.pens import LOG, PINS, changed

NEXT = LogId("musterstadt.example/log/2026-12")


@dataclass
class Following:
    """Two shards, and a view that has learned the first one to its end."""

    old: Ledger = field(default_factory=founded)
    view: View = field(default_factory=lambda: View(PINS))

    def __post_init__(self) -> None:
        """Close the first shard, and learn all of it."""
        self.consent = self.old.consented()
        self.old.write(self.old.closing())
        for index in range(len(self.old.leaves)):
            self.view.learn(*receipt(self.old, index))
        self.new = self.old.branch()
        hand_over(self.new.state)
        self.new.log, self.new.handed_over, self.new.leaves = self.new.state.log, self.new.state.begun_with, []
        self.new.numbers.clear()


def receipt(ledger: Ledger, index: int) -> tuple[bytes, bytes]:
    """Give an entry of a shard with its proof."""
    return receipt_of(ledger.log, ledger.leaves, index)


def test_a_view_goes_on_in_the_next_shard() -> None:
    """What is in force stays so, indexes go on, and both shards' keys are known."""
    found = Following()
    closed = found.view.state.closed
    assert closed is not None
    assert (found.view.log, found.view.logs, closed.next) == (LOG, (LOG,), NEXT)
    found.new.write(found.new.opening())
    opened = found.view.learn(*receipt(found.new, 0))
    assert (opened.index, found.view.log, found.view.logs) == (len(found.old.leaves), NEXT, (NEXT, LOG))
    assert found.view.first(NEXT) == opened.index
    assert found.view.log_key(NEXT) == keys.signer(NEXT).key
    assert found.view.evidence(st.Basis(kind="consent", consent=found.consent.consent)) is not None
    again = found.view.learn(*receipt(found.new, 0))
    assert again.index == opened.index
    found.new.write(found.new.withdrawal("beratung", found.consent))
    withdrawn = found.view.learn(*receipt(found.new, 1))
    assert withdrawn.index == opened.index + 1
    assert found.view.has_ended(found.consent.consent)
    assert found.view.prove(*receipt(found.old, 3)).index == 3


def test_a_shard_opens_only_as_it_was_announced() -> None:
    """Two steering keys sign for another log key than the one the shard before named: it is not opened by that."""
    found = Following()
    other = keys.signer(f"{NEXT}x").key
    strange = changed(found.new.opening(), log=LogId(other.name), log_vkey=other.vkey)
    found.new.log = LogId(other.name)
    found.new.state.log, found.new.state.shards = LogId(other.name), {}
    found.new.write(strange)
    with pytest.raises(NotAuthentic, match="than the one before it named"):
        found.view.learn(*receipt(found.new, 0))
    assert found.view.log == LOG


def test_nothing_of_an_unopened_shard_is_believed() -> None:
    """A receipt of a log that the chain has not opened here says so, and is proven once the opening was learned."""
    found = Following()
    found.new.write(found.new.opening())
    found.new.write(found.new.withdrawal("beratung", found.consent))
    with pytest.raises(NotAuthentic) as caught:
        found.view.learn(*receipt(found.new, 1))
    assert caught.value.code is Code.WRONG_LOG
    found.view.learn(*receipt(found.new, 0))
    found.view.learn(*receipt(found.new, 1))


def test_a_statement_stands_in_the_shard_it_was_made_for() -> None:
    """An entry of the new shard with a statement that was signed for the old one is none."""
    found = Following()
    found.new.write(found.new.opening())
    found.view.learn(*receipt(found.new, 0))
    found.new.leaves.append(found.old.leaves[-2])
    with pytest.raises(NotAuthentic, match="made for another log"):
        found.view.prove(*receipt(found.new, 1))


def test_what_was_sealed_in_an_earlier_shard_opens() -> None:
    """Each shard's name is tried, the open one first; what opens under none fails as under the last."""
    tried: list[str] = []

    def opening(log: LogId) -> str:
        tried.append(log)
        if log != LOG:
            raise NotAuthentic(log)
        return "opened"

    assert open_under((NEXT, LOG), opening) == "opened"
    assert tried == [NEXT, LOG]
    with pytest.raises(NotAuthentic, match="2026-12"):
        open_under((NEXT, NEXT), opening)

    def malformed(log: LogId) -> str:
        raise Malformed(log)

    with pytest.raises(Malformed):
        open_under((NEXT, LOG), malformed)
