"""A withdrawal cuts off: in no order of events does anything flow after its index, nor more often than was consented.

The oracle reads nothing but the entries' bytes, and knows nothing of the state the decisions were made on.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from broker.core.replay import replay_leaf
from consent_ledger.core.decision import OpenedBody
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.state import LedgerState
from consent_ledger.sequencer import Receipt
from schemas import statements as st
from schemas.errors import Unavailable
from schemas.ids import ConsentId, ExchangeId, Hash
from tests.support.ledger_world import Ledger, Logged, copied, founded, stored
from tests.support.memory_store import MemoryDisk
from tests.support.pens import DAY, DEADLINE, PINS, changed
from tests.support.running_log import RunningLog

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders


def wrongs(leaves: Sequence[bytes]) -> list[str]:
    """Find every disclosure that should not be: after a withdrawal, an expiry or its deadline, or one use too many."""
    consents: dict[ConsentId, st.ConsentGiven] = {}
    ended: set[ConsentId] = set()
    asked: dict[ExchangeId, st.Request] = {}
    used: Counter[ConsentId] = Counter()
    found = []
    for index, raw in enumerate(leaves):
        leaf = read_leaf(raw)
        match leaf.kind, leaf.statement:
            case "consent.given", st.ConsentGiven() as consent:
                consents[consent.consent] = consent
            case "consent.withdrawn", st.ConsentWithdrawn() as withdrawn:
                ended.add(withdrawn.consent)
            case "client.withdrawn", st.ClientWithdrawn() as said:
                ended.add(said.basis)
            case "exchange.granted", st.Request() as request:
                asked[request.exchange] = request
            case "exchange.disclosed", st.Outcome() as outcome:
                request = asked.pop(outcome.exchange)
                name = request.basis.consent
                assert name is not None
                used[name] += 1
                over = leaf.entry.time >= consents[name].expires or leaf.entry.time > request.answer_by + 60_000
                if name in ended or over or used[name] > consents[name].uses:
                    found.append(f"{index}: {name}")
            case _:
                pass
    return found


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


EVENTS: Final = ("ask", "disclose", "decline", "withdraw", "wait", "restart")


@pytest.mark.slow
@settings(max_examples=60)
@given(some.lists(some.tuples(some.sampled_from(EVENTS), some.integers(0, 5)), max_size=40), some.integers(1, 3))
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
    """All 7,776 stories of five events after a first grant; in each, every single entry is replayed as it was made."""
    ledger = founded()
    story = Story(ledger, [ledger.consented(uses=uses)])
    story.ask(0)
    replayed = LedgerState(ledger.log)
    for raw in ledger.leaves:
        assert replay_leaf(replayed, raw, ledger.decide, PINS) is None
    assert _explore(story, replayed, 5) == len(EVENTS) ** 5


# -- many at once, with restarts and faults --------------------------------------------------------------------------


Said = tuple[st.Statement, OpenedBody | None]


class Crowd:
    """Draws what many agencies do at the same moment, from a seed; what was not answered is said again."""

    def __init__(self, pens: Ledger, seed: int) -> None:
        """Begin without any consent."""
        self.pens = pens
        self.chance = random.Random(seed)  # noqa: S311  repeatable draws of a test, no secret
        self.consents: list[st.ConsentGiven] = []
        self.open: list[Receipt] = []
        self.unanswered: list[Said] = []

    def consent(self) -> Said:
        """Take a new consent."""
        lasts = self.chance.choice([DAY, DEADLINE // 2])
        consent = self.pens.consent("beratung", "jobcenter", uses=self.chance.randint(1, 3))
        self.consents.append(changed(consent, expires=self.pens.clock.ms + lasts))
        return self.consents[-1], None

    def ask(self) -> Said:
        """Ask under one of the last consents."""
        return self.pens.request("jobcenter", "kurse", self.chance.choice(self.consents[-6:])), None

    def withdraw(self) -> Said:
        """End one of the last consents."""
        party = self.chance.choice(["beratung", "jobcenter", "kurse"])
        return self.pens.withdrawal(party, self.chance.choice(self.consents[-6:])), None

    def answer(self) -> Said:
        """Answer a grant that was open a while ago, mostly with a record."""
        if not self.open:
            return self.ask()
        granted = self.open.pop(self.chance.randrange(len(self.open)))
        kind = self.chance.choice(["disclosed", "disclosed", "unavailable"])
        return self.pens.outcome(granted.leaf, Hash(leaf_hash(granted.leaf.raw).hex()), kind)

    async def moment(self, log: RunningLog, events: int) -> None:
        """Let some things be said at once, what was not answered before first of all."""
        acts: list[Callable[[], Said]] = [self.ask, self.withdraw, self.answer]
        said = [*self.unanswered, self.consent()]
        said += [act() for act in self.chance.choices(acts, weights=[5, 1, 4], k=events)]
        told = await asyncio.gather(*(log.submit(*one) for one in said), return_exceptions=True)
        assert {type(one) for one in told} <= {Receipt, Unavailable}, told
        self.unanswered = [one for one, answer in zip(said, told, strict=True) if isinstance(answer, Unavailable)]
        self.open += [one for one in told if isinstance(one, Receipt) and one.leaf.kind == "exchange.granted"]
        self.pens.clock.ms += self.chance.choice([0, 1, 1000, DEADLINE // 3])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_crowds_restarts_and_faults(seed: int) -> None:
    """Forty at a time, a disk that fails now and then, a restart after each fault: sound, and nothing is lost."""
    pens = founded()
    crowd, disk = Crowd(pens, seed), stored(pens)
    while len(disk.entries) < 1500:
        async with RunningLog(pens, disk) as log:
            for _ in range(4):
                await crowd.moment(log, 40)
            _break(disk, crowd.chance)
            await crowd.moment(log, 40)
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
