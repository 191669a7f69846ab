"""What the broker rejects, does not log at all, and how it decides an outcome wholly again."""

from collections.abc import Callable

import pytest

from broker.core.decide import decider, is_stale
from broker.core.standing import CLOCK_SKEW_MS
from consent_ledger.core.decision import Decision, NotLogged, OpenedBody, Submission
from consent_ledger.core.signed import SignedStatement
from schemas import statements as st
from schemas.commitment import commit_body, sha256
from schemas.entries import Disclosed, Unavailable, Withheld
from schemas.errors import Code
from schemas.ids import AgencyId, FieldName
from schemas.registry import load
from tests.support import small_law
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.pens import DAY, DEADLINE, HOUR, MASK, START, changed

Event = Callable[[Ledger, st.ConsentGiven], None]


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


# -- what is rejected, and what is not logged at all ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": START - 1}, Code.STALE),
        ({"answer_by": START}, Code.STALE),
        ({"at": START + CLOCK_SKEW_MS + 1}, Code.STALE),
        ({"holder": AgencyId("jobcenter")}, Code.MISADDRESSED),
    ],
)
def test_a_request_out_of_time_or_to_oneself_is_rejected(
    ledger: Ledger, changes: dict[str, object], code: Code
) -> None:
    """It uses up its number and exchange, and nothing is decided about the law."""
    logged = ledger.asked(**changes)
    assert (logged.kind, logged.reason) == ("statement.rejected", code)


@pytest.mark.parametrize("changes", [{"exp": START}, {"at": START + CLOCK_SKEW_MS}, {"answer_by": START + 1}])
def test_the_last_moment_is_in_time(ledger: Ledger, changes: dict[str, object]) -> None:
    """The bounds themselves are still good."""
    assert ledger.asked(**changes).kind == "exchange.granted"


def test_withdrawals_voids_and_heads_never_expire(ledger: Ledger) -> None:
    """However wrong the signer's clock runs, these are taken; all else from the future is stale."""
    consent = ledger.consented()
    late = START + 10 * DAY
    for statement in (ledger.withdrawal("kurse", consent), ledger.void("amt", 1, 1), ledger.agency_head("amt")):
        assert not is_stale(changed(statement, at=late), START)
    assert is_stale(changed(ledger.refusal("beratung", "kurse"), at=late), START)
    assert not is_stale(changed(ledger.refusal("beratung", "kurse"), at=0), START)


def test_an_exchange_id_is_used_once(ledger: Ledger) -> None:
    """A second request under a used id is rejected, whoever signs it."""
    consent = ledger.consented(uses=5)
    first = ledger.asked(consent)
    assert isinstance(first.leaf.statement, st.Request)
    again = changed(ledger.request("jobcenter", "kurse", consent), exchange=first.leaf.statement.exchange)
    assert ledger.write(again).reason == Code.ID_IN_USE
    other = changed(ledger.request("beratung", "kurse", consent), exchange=first.leaf.statement.exchange)
    assert ledger.write(other).reason == Code.ID_IN_USE


def test_a_revoked_key_says_nothing_any_more(ledger: Ledger) -> None:
    """What a revoked key signs is not logged, and its number stays free."""
    ledger.write(ledger.revocation("jobcenter", "statement"))
    refused = ledger.submit(ledger.agency_head("jobcenter"))
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.KEY_NOT_IN_FORCE


def test_an_agency_that_left_says_nothing_any_more(ledger: Ledger) -> None:
    """Its keys are unrevoked and yet not in force."""
    ledger.write(ledger.leaving("jobcenter"))
    refused = ledger.submit(ledger.agency_head("jobcenter"))
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.KEY_NOT_IN_FORCE


@pytest.mark.parametrize("known", [True, False])
def test_without_a_registry_nothing_is_decided(ledger: Ledger, *, known: bool) -> None:
    """Before a registry is in force, or where its bundle is missing, an agency's statement is not logged."""
    decide = decider({} if known else {small_law.LAW.hash: small_law.LAW})
    if not known:
        ledger.state.registry = None
    head = ledger.agency_head("amt")
    signed = SignedStatement(ledger.sign(head), head, AgencyId("amt"))
    refused = decide(ledger.state, Submission(signed), START)
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.UNAVAILABLE


def test_deciding_changes_nothing(ledger: Ledger) -> None:
    """The same submission on the same state is decided alike as often as one asks, overdue grants or not."""
    consent = ledger.consented()
    granted = ledger.asked(consent)
    outcome, opened = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    submission = Submission(SignedStatement(ledger.sign(outcome), outcome, AgencyId("kurse")), opened)
    first = ledger.decide(ledger.state, submission, START)
    ledger.decide(ledger.state, submission, START + 100 * DAY)
    assert ledger.decide(ledger.state, submission, START) == first
    assert isinstance(first, Decision)
    assert first.kind == "exchange.disclosed"


# -- outcomes -------------------------------------------------------------------------------------------------------


def test_an_outcome_is_recorded_with_its_opened_body(ledger: Ledger) -> None:
    """A disclosure stands in the log with key, body, grant and chain; so does "not available"."""
    consent = ledger.consented(uses=2)
    granted = ledger.asked(consent)
    entry = ledger.answer(granted).leaf.entry
    assert isinstance(entry, Disclosed)
    assert (entry.k, entry.grant, entry.chain) == (MASK.hex(), granted.index, ledger.seq)
    assert entry.body.fields == ("course.started", "course.state")
    assert isinstance(ledger.answer(ledger.asked(consent), "unavailable").leaf.entry, Unavailable)


def _consent_is_withdrawn(ledger: Ledger, consent: st.ConsentGiven) -> None:
    ledger.write(ledger.withdrawal("jobcenter", consent))


def _consent_is_renewed(ledger: Ledger, consent: st.ConsentGiven) -> None:
    ledger.consented(replaces=consent.consent)


def _consent_runs_out(ledger: Ledger, consent: st.ConsentGiven) -> None:
    ledger.clock.ms = consent.expires


def _approval_is_ended(ledger: Ledger, _: st.ConsentGiven) -> None:
    name = next(name for name, one in ledger.state.approvals.items() if one.agency == "jobcenter")
    ledger.write(st.ApprovalEnded(**ledger.head("jobcenter", "dpo"), approval=name))


def _approval_shrinks(ledger: Ledger, _: st.ConsentGiven) -> None:
    ledger.write(changed(ledger.approval("jobcenter", "Z16@1"), fields=(FieldName("course.state"),)))


def _requester_leaves(ledger: Ledger, _: st.ConsentGiven) -> None:
    ledger.write(ledger.leaving("jobcenter"))


def _requesters_key_is_revoked(ledger: Ledger, _: st.ConsentGiven) -> None:
    ledger.write(ledger.revocation("jobcenter", "statement"))


def _requesters_seal_key_is_revoked(ledger: Ledger, _: st.ConsentGiven) -> None:
    ledger.write(ledger.revocation("jobcenter", "seal"))


def _law_drops_the_purpose(ledger: Ledger, _: st.ConsentGiven) -> None:
    law = load(small_law.bundle(purposes=small_law.PURPOSES.replace("Z16@1", "Z16@2")))
    ledger.registries[law.hash] = law
    ledger.write(ledger.registry(law))


WITHHELD: list[tuple[Event, Code]] = [
    (_consent_is_withdrawn, Code.CONSENT_WITHDRAWN),
    (_consent_is_renewed, Code.CONSENT_RENEWED),
    (_consent_runs_out, Code.CONSENT_EXPIRED),
    (_approval_is_ended, Code.NO_APPROVAL),
    (_approval_shrinks, Code.NOTHING_LEFT),
    (_requester_leaves, Code.NOT_A_MEMBER),
    (_requesters_key_is_revoked, Code.KEY_NOT_IN_FORCE),
    (_requesters_seal_key_is_revoked, Code.KEY_NOT_IN_FORCE),
    (_law_drops_the_purpose, Code.PURPOSE_UNKNOWN),
]


@pytest.mark.parametrize("kind", ["disclosed", "unavailable"])
@pytest.mark.parametrize(("event", "code"), WITHHELD)
def test_what_falls_away_before_the_outcome_withholds_it(ledger: Ledger, event: Event, code: Code, kind: str) -> None:
    """Everything is decided again for either kind; the entry tells neither kind nor body, and replays without them."""
    consent = ledger.consented(expires=START + HOUR)
    granted = ledger.asked(consent)
    event(ledger, consent)
    entry = ledger.answer(granted, kind).leaf.entry
    assert isinstance(entry, Withheld)
    assert (entry.reason, entry.grant) == (code, granted.index)
    assert ledger.state.evidence[consent.consent].reserved == 0
    assert ledger.replay() == []


def test_a_new_law_that_still_allows_it_lets_an_open_grant_be_answered(ledger: Ledger) -> None:
    """The law of the disclosure's index counts; that the request was composed under an earlier one is no matter."""
    granted = ledger.asked()
    law = load(
        small_law.bundle(purposes=small_law.PURPOSES.replace("answer_within_s = 3600", "answer_within_s = 7200"))
    )
    ledger.registries[law.hash] = law
    ledger.write(ledger.registry(law))
    assert ledger.answer(granted).kind == "exchange.disclosed"


def test_the_last_use_is_the_grants_own(ledger: Ledger) -> None:
    """Two grants hold the two uses of a consent; each disclosure finds its own use, and a third grant finds none."""
    consent = ledger.consented(uses=2)
    first, second = ledger.asked(consent), ledger.asked(consent)
    assert ledger.asked(consent).reason == Code.CONSENT_EXHAUSTED
    assert ledger.answer(first).kind == "exchange.disclosed"
    assert ledger.answer(second).kind == "exchange.disclosed"
    assert ledger.state.evidence[consent.consent].uses == 0


def _reject(ledger: Ledger, granted: Logged, **changes: object) -> Logged:
    outcome, opened = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    return ledger.write(changed(outcome, **changes), opened)


def test_a_second_outcome_is_rejected(ledger: Ledger) -> None:
    """An exchange is answered once; the second answer finds the grant closed."""
    granted = ledger.asked()
    grant_hash = ledger.grant(granted).leaf
    ledger.answer(granted)
    assert ledger.write(*ledger.outcome(granted.leaf, grant_hash)).reason == Code.GRANT_CLOSED


def test_an_outcome_after_the_deadline_is_rejected(ledger: Ledger) -> None:
    """A minute after `answer_by` the grant is closed, for either kind of outcome."""
    granted = ledger.asked()
    grant_hash = ledger.grant(granted).leaf
    ledger.clock.ms = START + DEADLINE
    in_time = ledger.outcome(granted.leaf, grant_hash)
    ledger.clock.ms += 1
    assert ledger.write(*in_time).reason == Code.GRANT_CLOSED
    assert ledger.write(*ledger.outcome(granted.leaf, grant_hash, "unavailable")).reason == Code.GRANT_CLOSED


def test_an_outcome_at_the_deadline_counts(ledger: Ledger) -> None:
    """The last millisecond is in time."""
    granted = ledger.asked()
    ledger.clock.ms = START + DEADLINE
    assert ledger.answer(granted).kind == "exchange.disclosed"


def test_outcomes_of_strangers_change_nothing(ledger: Ledger) -> None:
    """To an unknown exchange, by an agency that is not the holder, or for another grant: rejected, the grant stays."""
    granted = ledger.asked()
    assert _reject(ledger, granted, exchange="0" * 32).reason == Code.GRANT_UNKNOWN
    assert _reject(ledger, granted, **ledger.head("amt")).reason == Code.NOT_ENTITLED
    assert _reject(ledger, granted, grant=sha256(b"another grant")).reason == Code.MISADDRESSED
    assert ledger.answer(granted).kind == "exchange.disclosed"


@pytest.mark.parametrize("named", ["course.advice", "course.result", "cv.school"])
def test_a_body_with_one_field_too_many_is_not_logged(ledger: Ledger, named: str) -> None:
    """Asked for or not: what was not granted is not disclosed; the grant stays open for a right answer."""
    granted = ledger.asked()
    outcome, opened = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    body = changed(opened.body, fields=tuple(sorted({*opened.body.fields, FieldName(named)})))
    refused = ledger.submit(changed(outcome, body=commit_body(MASK, body)), OpenedBody(opened.k, body))
    assert isinstance(refused, NotLogged)
    assert refused.code is Code.NOT_ENTITLED
    assert ledger.answer(granted).kind == "exchange.disclosed"


def test_an_outcome_without_its_body_is_not_logged(ledger: Ledger) -> None:
    """Only a withheld outcome stands in the log without a body."""
    granted = ledger.asked()
    outcome, _ = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    assert isinstance(ledger.submit(outcome), NotLogged)


def test_fewer_fields_than_granted_may_be_disclosed(ledger: Ledger) -> None:
    """A holder that has less delivers less."""
    granted = ledger.asked()
    outcome, opened = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    body = changed(opened.body, fields=(FieldName("course.state"),))
    logged = ledger.write(changed(outcome, body=commit_body(MASK, body)), OpenedBody(opened.k, body))
    assert logged.kind == "exchange.disclosed"
