"""From one shard to the next: what was in force stays in force, and nothing else does."""

from dataclasses import replace

import pytest

from consent_ledger.core.decision import NotLogged
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state, load_state
from consent_ledger.core.succession import begin, closing_state, hand_over
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Closed
from schemas.errors import Code, Malformed, Misuse
from schemas.ids import Hash, LogId
from schemas.note import key_id
from tests.support import keys
from tests.support.audited_log import told
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import LOG, changed

NEXT = LogId("musterstadt.example/log/2026-12")


def _refused(ledger: Ledger, statement: st.Statement) -> NotLogged:
    seq, prev = ledger.seq, ledger.prev
    decided = ledger.submit(statement)
    ledger.seq, ledger.prev = seq, prev
    assert isinstance(decided, NotLogged), decided
    return decided


def _handed_over(ledger: Ledger) -> Ledger:
    """Close a log's shard and give the next one before it is opened."""
    ledger.write(ledger.closing())
    twin = ledger.branch()
    hand_over(twin.state)
    twin.log, twin.handed_over, twin.leaves = twin.state.log, twin.state.begun_with, []
    twin.numbers.clear()
    return twin


def test_the_closing_entry_names_what_is_in_force() -> None:
    """The hash in it is that of the bundle the state gives when it goes on, and to compute it changes nothing."""
    ledger = told()
    before = dump_state(ledger.state)
    closing = ledger.closing()
    note = ledger.branch().sign(closing).decode()
    computed = closing_state(ledger.state, closing, note, ledger.state.time)
    assert dump_state(ledger.state) == before
    entry = ledger.write(closing).leaf.entry
    assert isinstance(entry, Closed)
    assert entry.state == computed == sha256(hand_over(ledger.state))
    assert ledger.state.begun_with == computed


def test_all_that_is_in_force_goes_on() -> None:
    """In the next shard the state is the same but for where it is, and numbers begin with 1 again."""
    old = told()
    size = old.state.size
    new = old.following()
    assert (new.state.log, new.state.first, new.state.entries) == (NEXT, size + 1, 1)
    assert new.state.evidence == old.state.evidence
    assert new.state.members == old.state.members
    assert not new.state.counters
    assert new.state.log_vkey == keys.signer(NEXT).key.vkey
    assert [one.log for one in new.state.shards.values()] == [LOG, NEXT]
    assert new.write(new.catalogue("kurse", ["course.kind"])).leaf.entry is not None
    assert load_state(dump_state(new.state)).first == new.state.first


def test_a_grant_is_answered_in_the_next_shard() -> None:
    """A grant that is open when a shard closes is answered in the next one, under the index it has over all shards."""
    old = founded()
    granted = old.asked()
    new = old.following()
    answered = new.answer(granted)
    assert answered.kind == "exchange.disclosed"
    assert getattr(answered.leaf.entry, "grant", None) == granted.index
    assert new.write(*new.outcome(granted.leaf, Hash("0" * 64))).reason == "grant_closed"


def test_a_consent_is_used_and_ended_in_the_next_shard() -> None:
    """Uses and withdrawals count over shards, and a grant names the index at which the consent was given."""
    old = founded()
    consent = old.consented(uses=2)
    given = old.state.evidence[consent.consent].index
    new = old.following()
    granted = new.asked(consent)
    assert (granted.kind, getattr(granted.leaf.entry, "basis", None)) == ("exchange.granted", given)
    new.write(new.withdrawal("beratung", consent))
    assert new.asked(consent).reason == "consent_withdrawn"


def test_nothing_is_logged_behind_the_end() -> None:
    """A closed shard takes nothing more, from nobody, and says where the log goes on."""
    ledger = founded()
    ledger.write(ledger.closing())
    for statement in (ledger.catalogue("kurse", ["course.kind"]), ledger.leaving("kurse"), ledger.closing("2027-01")):
        refused = _refused(ledger, statement)
        assert (refused.code, str(NEXT) in refused.detail) == (Code.WRONG_LOG, True)


def test_nothing_is_logged_before_the_opening() -> None:
    """What comes before the new shard is opened can be said again later; only the opening can be its first entry."""
    ledger = founded()
    consent = ledger.consented()
    new = _handed_over(ledger)
    assert _refused(new, new.catalogue("kurse", ["course.kind"])).code is Code.UNAVAILABLE
    assert _refused(new, new.client_withdrawal(consent)).code is Code.UNAVAILABLE
    assert _refused(new, new.leaving("kurse")).code is Code.MALFORMED


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": None}, "state: is not"),
        ({"state": "0" * 64}, "state: is not"),
        ({"log_vkey": keys.log_signer().key.vkey}, "log_vkey: the shard before names another key"),
        ({"log_vkey": keys.signer("musterstadt.example/log/2027-01").key.vkey}, "the shard before names another key"),
    ],
)
def test_an_opening_that_does_not_follow(changes: dict[str, object], rule: str) -> None:
    """A shard opens with the very state and key it was announced with."""
    new = _handed_over(founded())
    assert rule in _refused(new, changed(new.opening(), **changes)).detail
    assert new.write(new.opening()).kind == "shard.opened"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"next": LOG}, "that there was not yet"),
        ({"next": "kleinstadt.example/log/2026-12"}, "must be a log of this federation"),
        ({"next_vkey": keys.log_signer().key.vkey}, f"its name must be {NEXT}"),
        ({"next_vkey": "nonsense" * 4}, "vkey"),
    ],
)
def test_a_closing_that_leads_nowhere(changes: dict[str, object], rule: str) -> None:
    """The log goes on in this federation, under an origin and a key that nobody used before."""
    ledger = founded()
    assert rule in _refused(ledger, changed(ledger.closing(), **changes)).detail


def test_a_log_key_is_used_once() -> None:
    """A key that signs, or signed, anything else here does not sign the next shard."""
    ledger = founded()
    key = keys.log_signer().key
    used = replace(key, name=NEXT, key_id=key_id(NEXT, key.type, key.public))
    assert "in use already" in _refused(ledger, changed(ledger.closing(), next_vkey=used.vkey)).detail


def test_an_open_shard_hands_nothing_over() -> None:
    """Only a closed shard is followed by another; the bundle of an open one begins none."""
    with pytest.raises(Misuse, match="not closed"):
        hand_over(LedgerState(LOG))
    with pytest.raises(Malformed, match="after its opening"):
        begin(dump_state(founded().state))


def test_a_bundle_begins_a_shard() -> None:
    """Read back, it is the state that was handed over, and the shard opens on it."""
    ledger = told()
    new = _handed_over(ledger)
    state = begin(hand_over(ledger.state))
    assert state.begun_with == new.handed_over
    assert dump_state(state) == dump_state(new.state)
    new.state = state
    assert new.write(new.opening()).kind == "shard.opened"


def test_a_log_without_an_opening_closes_nothing() -> None:
    """Folding the end of a shard that was never opened, as a forged log may have it, changes nothing but the index."""
    ledger = founded()
    closing = ledger.closing()
    state = LedgerState(LOG)
    state.apply(b"", Closed(time=5, statement=ledger.sign(closing).decode(), state=Hash("0" * 64)), closing)
    assert (state.closed, state.shards, state.size) == (None, {}, 1)
