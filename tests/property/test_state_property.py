"""A state written and read back in any story, as often as one likes, decides as if it had never been away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from broker.core.replay import replay_leaf
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state, load_state
from tests.property.test_withdrawal import EVENTS, Story
from tests.support.ledger_world import founded
from tests.support.pens import DEADLINE, LOG, PINS

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders


@settings(max_examples=40)
@given(some.lists(some.tuples(some.sampled_from(EVENTS), some.integers(0, 5), some.booleans()), max_size=30))
def test_reading_back_changes_no_story(events: list[tuple[str, int, bool]]) -> None:
    """Replay, read back as often, finds nothing; one spelling each time; and it ends where a fold of all ends."""
    ledger = founded()
    soon = ledger.clock.ms + 3 * DEADLINE
    story = Story(ledger, [ledger.consented(uses=2), ledger.consented(uses=1, expires=soon)])
    begun = len(ledger.leaves)
    away = set()
    for event, pick, leaves in events:
        getattr(story, event)(pick)
        if leaves:
            away.add(len(ledger.leaves))
            bundle = dump_state(ledger.state)
            ledger.state = load_state(bundle)
            assert dump_state(ledger.state) == bundle
    read_back, straight = LedgerState(LOG), LedgerState(LOG)
    for index, raw in enumerate(ledger.leaves):
        if index in away or index == begun:
            read_back = load_state(dump_state(read_back))
        assert replay_leaf(read_back, raw, ledger.decide, PINS) is None
        assert replay_leaf(straight, raw, ledger.decide, PINS) is None
    assert dump_state(read_back) == dump_state(straight)
