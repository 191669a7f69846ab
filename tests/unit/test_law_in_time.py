"""The law changes while everything runs: by midnight alone, or by the steering group's word, valid by its index.

What was decided before stays explainable: replay makes each decision again with the law of its own time.
"""

from broker.core.decide import decider
from schemas import statements as st
from schemas.calendar import end_of_day_ms, parse_day
from schemas.entries import Granted, Refused, Withheld
from schemas.errors import Code
from schemas.ids import Hash, Purpose
from schemas.registry import Registry, load
from tests.support import small_law
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.pens import START, changed
from tests.support.small_law import LAW

LAST_DAY = "2026-11-20"
MIDNIGHT = end_of_day_ms(parse_day(LAST_DAY, "day"))
"""The end of the day on which the logs of these tests begin, in Berlin: 23:00 in UTC, as it is winter."""


def _law(old: str, new: str) -> Registry:
    """Give the small law with one text changed where it first stands in the purposes."""
    assert old in small_law.PURPOSES
    return load(small_law.bundle(purposes=small_law.PURPOSES.replace(old, new, 1)))


def _in_force(ledger: Ledger, law: Registry) -> Logged:
    """Put another law into force."""
    ledger.registries[law.hash] = law
    return ledger.write(ledger.registry(law))


def _asked(ledger: Ledger, consent: st.ConsentGiven, law: Registry) -> Logged:
    """Have the Jobcenter ask the provider with a law in hand, to be answered before the hour is over."""
    return ledger.asked(consent, registry=law.hash, answer_by=ledger.clock.ms + 1000)


def _ended() -> tuple[Ledger, Registry]:
    """Give a log under a law whose Z16 has its last day today."""
    ledger = founded()
    law = _law('valid_from = "2020-01-01"\n', f'valid_from = "2020-01-01"\nvalid_to = "{LAST_DAY}"\n')
    _in_force(ledger, law)
    return ledger, law


def test_a_purpose_stops_at_midnight_by_itself() -> None:
    """With the last day's last millisecond it is granted, with the next it is refused; nobody deployed anything."""
    ledger, law = _ended()
    consent = ledger.consented(uses=3)
    ledger.clock.ms = MIDNIGHT - 1
    assert _asked(ledger, consent, law).kind == "exchange.granted"
    ledger.clock.ms = MIDNIGHT
    refused = _asked(ledger, consent, law)
    assert isinstance(refused.leaf.entry, Refused)
    assert refused.reason == Code.PURPOSE_NOT_IN_FORCE
    assert ledger.replay() == []


def test_what_was_granted_before_midnight_is_withheld_after_it() -> None:
    """An answer that comes when the purpose is over does not flow: the disclosure is decided in its own time."""
    ledger, law = _ended()
    ledger.clock.ms = MIDNIGHT - 1
    granted = _asked(ledger, ledger.consented(), law)
    ledger.clock.ms = MIDNIGHT
    entry = ledger.answer(granted).leaf.entry
    assert isinstance(entry, Withheld)
    assert entry.reason == Code.PURPOSE_NOT_IN_FORCE
    assert ledger.replay() == []


def _under_two_laws() -> tuple[Ledger, Registry, list[Logged]]:
    """Ask the same before and after a law that no longer names the course's state."""
    ledger, second = founded(), _law('fields = ["course.*"]', 'fields = ["course.started"]')
    consent = ledger.consented(uses=3)
    before = _asked(ledger, consent, LAW)
    _in_force(ledger, second)
    late = _asked(ledger, consent, LAW)
    return ledger, second, [before, late, _asked(ledger, consent, second)]


def test_each_decision_rests_on_the_law_of_its_index() -> None:
    """The same question gives two fields, then one; asked with the law before, it is refused until the node follows."""
    ledger, second, (before, late, after) = _under_two_laws()
    first, last = before.leaf.entry, after.leaf.entry
    assert isinstance(first, Granted)
    assert isinstance(last, Granted)
    assert (first.registry, first.fields) == (LAW.hash, ("course.started", "course.state"))
    assert (last.registry, last.fields) == (second.hash, ("course.started",))
    assert late.reason == Code.REGISTRY_MISMATCH
    assert ledger.replay() == []


def test_replay_needs_both_laws_and_takes_neither_for_the_other() -> None:
    """An auditor who lacks a bundle, or is given the new one under the old one's name, finds each decision under it."""
    ledger, second, (before, _, after) = _under_two_laws()
    for laws, found in (({LAW.hash: second, second.hash: second}, before), ({LAW.hash: LAW}, after)):
        ledger.decide = decider(laws)
        assert found.index in [index for index, *_ in ledger.replay()]
    ledger.decide = decider(dict[Hash, Registry]())
    assert len(ledger.replay()) > 2


def test_a_new_version_stands_beside_the_old_one() -> None:
    """Both versions may be in force for a while; a consent to one is no consent to the other."""
    ledger = founded()
    both = load(small_law.bundle(purposes=small_law.PURPOSES + small_law.PURPOSES.replace("@1", "@2")))
    _in_force(ledger, both)
    ledger.write(ledger.approval("jobcenter", "Z16@2", both))
    consent = ledger.consented(uses=2)
    assert _asked(ledger, consent, both).kind == "exchange.granted"
    newer = changed(ledger.request("jobcenter", "kurse", consent), registry=both.hash, purpose=Purpose("Z16@2"))
    assert ledger.write(changed(newer, answer_by=START + 1000)).reason == Code.CONSENT_FOREIGN
