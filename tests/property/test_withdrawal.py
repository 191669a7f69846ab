"""A withdrawal cuts off: in no order of events does anything flow after its index, nor more often than was consented.

The oracle (`wrongs`) reads nothing but the entries' bytes, and knows nothing of the state decisions were made on.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from broker.core.replay import replay_leaf
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from tests.support.ledger_world import Ledger, Logged, copied, founded, stored
from tests.support.memory_store import MemoryDisk
from tests.support.pens import DEADLINE, PINS, changed
from tests.support.running_log import RunningLog
from tests.support.withdrawal_crowd import Crowd, wrongs

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders


def test_the_oracle_sees() -> None:
    """A log in which a disclosure was moved behind the withdrawal is wrong, and a sound one is not."""
    ledger = founded()
    consent = ledger.consented()
    ledger.answer(ledger.asked(consent))
    ledger.write(ledger.withdrawal("kurse", consent))
    assert wrongs(ledger.leaves) == []
    assert len(wrongs([*ledger.leaves[:-2], ledger.leaves[-1], ledger.leaves[-2]])) == 1


# -- any story ------------------------------------------------------------------------------------------------------


class Story:
    """A log on which things happen to a consent, or to several: each event does what is possible then."""

    def __init__(self, ledger: Ledger, consents: Sequence[st.ConsentGiven]) -> None:
        """Begin with some consents."""
        self.ledger = ledger
        self.consents = consents
        self.open: list[Logged] = []

    def ask(self, pick: int) -> None:
        """Ask under one of the consents; a grant stays open."""
        granted = self.ledger.asked(self.consents[pick % len(self.consents)])
        if granted.kind == "exchange.granted":
            self.open.append(granted)

    def _answer(self, pick: int, kind: str) -> None:
        if self.open:
            granted = self.open.pop(pick % len(self.open))
            request = granted.leaf.statement
            assert isinstance(request, st.Request)
            if request.exchange in self.ledger.state.grants:
                self.ledger.answer(granted, kind)

    def disclose(self, pick: int) -> None:
        """Answer one open grant with a record."""
        self._answer(pick, "disclosed")

    def decline(self, pick: int) -> None:
        """Answer one open grant with "not available"."""
        self._answer(pick, "unavailable")

    def withdraw(self, pick: int) -> None:
        """End one of the consents, by one of its parties or by the client's own code."""
        consent = self.consents[pick % len(self.consents)]
        party = ("beratung", "jobcenter", "kurse", "client")[pick % 4]
        if party != "client":
            self.ledger.write(self.ledger.withdrawal(party, consent))
        elif self.ledger.state.place(said := self.ledger.client_withdrawal(consent)) == "next":
            self.ledger.write(said)

    def wait(self, pick: int) -> None:
        """Let the deadline of what is open pass, or nearly so."""
        self.ledger.clock.ms += DEADLINE + (pick % 3) - 1

    def restart(self, _: int) -> None:
        """Forget the state and fold the entries again from their bytes."""
        state = LedgerState(self.ledger.log)
        for raw in self.ledger.leaves:
            leaf = read_leaf(raw)
            state.apply(raw, leaf.entry, leaf.statement)
        self.ledger.state = state

    def renew(self, pick: int) -> None:
        """Have one of the consents renewed, if it is valid still; from then on the new one is asked under."""
        consents, at = list(self.consents), pick % len(self.consents)
        renewed = changed(self.ledger.consent("beratung", "jobcenter"), replaces=consents[at].consent, uses=2)
        if self.ledger.write(renewed).kind == "consent.given":
            consents[at] = renewed
        self.consents = consents


EVENTS: Final = ("ask", "disclose", "decline", "withdraw", "renew", "wait", "restart")


@pytest.mark.slow
@settings(max_examples=60)
@given(
    some.lists(some.tuples(some.sampled_from(EVENTS), some.integers(0, 5)), max_size=40),
    some.integers(1, 3),
)
def test_no_story_ends_in_a_wrong_disclosure(events: list[tuple[str, int]], uses: int) -> None:
    """Whatever happens to two consents in whatever order: no wrong disclosure, and replay agrees with every entry."""
    ledger = founded()
    soon = ledger.clock.ms + 3 * DEADLINE
    story = Story(ledger, [ledger.consented(uses=uses), ledger.consented(uses=1, expires=soon)])
    for event, pick in events:
        getattr(story, event)(pick)
        for one in ledger.state.evidence.values():
            assert 0 <= one.reserved <= one.uses
    assert wrongs(ledger.leaves) == []
    assert ledger.replay() == []


# -- every story of five events -------------------------------------------------------------------------------------


def _branch(story: Story) -> Story:
    """Give a story that goes on by itself from here."""
    branch = Story(story.ledger.branch(), story.consents)
    branch.open = list(story.open)
    return branch


def _explore(story: Story, replayed: LedgerState, depth: int) -> int:
    """Let every event happen next, and after it every other; give how many stories were told."""
    if depth == 0:
        assert wrongs(story.ledger.leaves[_founding(story) :]) == []
        return 1
    told = 0
    for event in EVENTS:
        branch, again = _branch(story), copied(replayed)
        known = len(branch.ledger.leaves)
        if event == "restart":
            branch.ledger.state = copied(replayed)
        else:
            getattr(branch, event)(0)
        for raw in branch.ledger.leaves[known:]:
            assert replay_leaf(again, raw, branch.ledger.decide, PINS) is None
        told += _explore(branch, again, depth - 1)
    return told


def _founding(story: Story) -> int:
    """Give where the consent's own story begins in the log."""
    return story.ledger.state.evidence[story.consents[0].consent].index


@pytest.mark.slow
@pytest.mark.parametrize("uses", [1, 2])
def test_every_order_of_five_events(uses: int) -> None:
    """All 16,807 stories of five events after a first grant; in each, every single entry is replayed as it was made."""
    ledger = founded()
    story = Story(ledger, [ledger.consented(uses=uses)])
    story.ask(0)
    replayed = LedgerState(ledger.log)
    for raw in ledger.leaves:
        assert replay_leaf(replayed, raw, ledger.decide, PINS) is None
    assert _explore(story, replayed, 5) == len(EVENTS) ** 5


# -- many at once, with restarts and faults --------------------------------------------------------------------------


async def _moment(crowd: Crowd, log: RunningLog, events: int) -> None:
    """Let some things be said at once."""
    said = crowd.moment(events)
    crowd.told(said, await asyncio.gather(*(log.submit(*one) for one in said), return_exceptions=True))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_crowds_restarts_and_faults(seed: int) -> None:
    """Forty at a time, a disk that fails now and then, a restart after each fault: sound, and nothing is lost."""
    pens = founded()
    crowd, disk = Crowd(pens, seed), stored(pens)
    while len(disk.entries) < 1500:
        async with RunningLog(pens, disk) as log:
            for _ in range(4):
                await _moment(crowd, log, 40)
            _break(disk, crowd.chance)
            await _moment(crowd, log, 40)
            disk.faults.clear()
    assert wrongs(disk.entries) == []
    assert pens.replay(disk.entries) == []
    leaves = [read_leaf(raw) for raw in disk.entries]
    kinds = Counter(leaf.kind for leaf in leaves)
    assert all(kinds[f"exchange.{kind}"] for kind in ("disclosed", "unavailable", "withheld", "refused")), kinds
    logged = {leaf.statement for leaf in leaves}
    assert {consent for consent in crowd.consents if (consent, None) not in crowd.unanswered} <= logged


def _break(disk: MemoryDisk, chance: random.Random) -> None:
    disk.fail_once(chance.choice(["append", "swap_lock"]), written=chance.choice([True, False]))
