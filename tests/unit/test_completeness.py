"""What no single entry shows: gaps in the numbers of a key, keys that fell silent, withdrawals that came late."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from consent_ledger.core.completeness import Completeness
from consent_ledger.core.findings import Finding, Verdict
from consent_ledger.core.leaf import Leaf
from consent_ledger.core.prove import Proven, fold_claimed, prove_leaf
from consent_ledger.core.state import LedgerState
from schemas.entries import Recorded
from tests.support.audited_log import MINUTE, audit, cosigned_now, told
from tests.support.pens import DAY, LOG, PINS, changed

SOUND, TAMPERED, INCOMPLETE, UNREADABLE = Verdict
TOLD = told()
HEAD = TOLD.agency_head("kurse")


def test_numbers_out_of_order_are_no_gap() -> None:
    """A number that comes after a larger one fills the gap; what was void is none."""
    ledger = told()
    first, second = ledger.refusal("beratung", "jobcenter"), ledger.refusal("beratung", "jobcenter")
    ledger.write(second)
    ledger.clock.ms += 20 * MINUTE
    ledger.write(first)
    ledger.write(ledger.refusal("beratung", "jobcenter"))
    third, fourth = ledger.refusal("beratung", "jobcenter"), ledger.refusal("beratung", "jobcenter")
    ledger.write(fourth)
    ledger.write(third)
    assert audit(cosigned_now(ledger)).verdict is SOUND


def test_a_gap_below_a_void_is_found() -> None:
    """A void that declares other numbers dead leaves what lies below them missing."""
    ledger = told()
    missing = ledger.head("kurse")["n"]
    dead = ledger.head("kurse")["n"]
    ledger.write(ledger.void("kurse", dead, dead))
    found = audit(cosigned_now(ledger))
    assert [(one.rule, one.expected, one.index) for one in found.findings] == [
        ("gapless", f"number {missing} of musterstadt.example/kurse/statement-1", 63)
    ]


def test_what_follows_a_gap_is_not_remembered() -> None:
    """However many numbers come after one that is missing, one is kept: the first, which dates the gap."""
    ledger, state = told(), LedgerState(LOG)
    ledger.head("beratung")
    for _ in range(30):
        ledger.write(ledger.refusal("beratung", "jobcenter"))
    completeness = Completeness(lambda _: None)
    for index, raw in enumerate(ledger.leaves):
        proven = prove_leaf(state, raw, PINS)
        assert isinstance(proven, Proven)
        fold_claimed(state, proven)
        completeness.observe(state, index, proven.leaf)
    assert [index for kept in completeness.ahead.values() for _, _, index in kept] == [63]


def test_a_gap_of_a_key_that_ended_soon_after_may_never_have_been_sent() -> None:
    """What was under way when a key was revoked can be logged no more: incomplete, however long ago."""
    ledger = told()
    ledger.head("kurse")
    ledger.write(ledger.agency_head("kurse"))
    ledger.write(ledger.revocation("kurse", "statement"))
    ledger.clock.ms += 30 * MINUTE
    ledger.write(ledger.agency_head("amt"))
    found = audit(cosigned_now(ledger))
    assert (found.verdict, [one.rule for one in found.findings]) == (INCOMPLETE, ["gapless"])


def test_an_agency_that_left_need_not_speak() -> None:
    """Neither its silence nor a revoked key's is a finding."""
    ledger = told()
    ledger.write(ledger.leaving("kurse"))
    ledger.write(ledger.revocation("stadtplan", "statement"))
    ledger.clock.ms += 2 * DAY
    for agency in ("beratung", "jobcenter", "amt"):
        ledger.write(ledger.agency_head(agency))
        ledger.write(ledger.agency_head(agency, "dpo"))
    files = cosigned_now(ledger)
    del files["witnesses.txt"]
    found = audit(files)
    assert [one.expected for one in found.findings] == [
        "an agency.head of musterstadt.example/stadtplan/dpo-1 each day"
    ]


@pytest.mark.parametrize(("later", "remarks"), [(MINUTE, 0), (MINUTE + 1, 1), (-3 * MINUTE, 1)])
def test_a_late_withdrawal_is_a_remark(later: int, remarks: int) -> None:
    """A withdrawal that was logged more than a minute after its signing, or before it, is told and stays sound."""
    ledger = told()
    consent = ledger.consented()
    withdrawal = changed(ledger.withdrawal("beratung", consent), at=ledger.clock.ms + 5 * MINUTE - later)
    ledger.clock.ms += 5 * MINUTE
    ledger.write(withdrawal)
    found = audit(cosigned_now(ledger))
    assert (found.verdict, [one.rule for one in found.findings]) == (SOUND, ["withdrawal"] * remarks)


@settings(max_examples=40)
@given(some.lists(some.integers(1, 30), min_size=1, max_size=20, unique=True))
def test_every_gap_is_dated_by_the_first_number_above_it(numbers: list[int]) -> None:
    """In whatever order numbers come: each run that is missing is named, with the entry that first came after it."""
    state, found = LedgerState(LOG, keys=TOLD.state.keys, members=TOLD.state.members), list[Finding]()
    completeness, head = Completeness(found.append), HEAD
    for index, number in enumerate(numbers):
        statement = changed(head, n=number, last=number)
        state.counter(head.key).use(number)
        leaf = Leaf(b"", "agency.head", Recorded(time=state.time, statement="x"), statement)
        completeness.observe(state, index, leaf)
    completeness.finish(state)
    missing = [number for number in range(1, max(numbers)) if number not in numbers]
    ends = [number for number in missing if number + 1 not in missing]
    expected = [next(index for index, number in enumerate(numbers) if number > end) for end in ends]
    assert [one.index for one in found if one.rule == "gapless"] == expected
