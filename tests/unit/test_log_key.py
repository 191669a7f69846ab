"""A shard whose key was lost or stolen: two steering keys end it at a checkpoint, and all that was in force goes on."""

from dataclasses import replace

import pytest

from broker.core.admission import decide_steered
from consent_ledger.core.checkpoint import Checkpoint
from consent_ledger.core.decision import NotLogged
from consent_ledger.core.shard import RETENTION_MS, Shard
from consent_ledger.core.signed import STEERING, SignedStatement
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state, load_state
from consent_ledger.core.succession import begin, end
from schemas import statements as st
from schemas.entries import Recorded
from schemas.errors import Misuse, NotAuthentic
from schemas.ids import LogId
from tests.support import keys
from tests.support.audited_log import told
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import HOUR, LOG, changed

NEXT = LogId("musterstadt.example/log/2026-12")
WRONG = "0" * 64


def _refused(ledger: Ledger, statement: st.Statement) -> str:
    seq, prev = ledger.seq, ledger.prev
    decided = ledger.submit(statement)
    ledger.seq, ledger.prev = seq, prev
    assert isinstance(decided, NotLogged), decided
    return decided.detail


def _log_key(old: Ledger, new: Ledger) -> st.LogKey:
    return new.log_key(old.log, len(old.leaves), old.root())


def test_all_that_is_in_force_goes_on() -> None:
    """The next shard begins with what was in force at the checkpoint, and the old one takes no entry for it."""
    old = told()
    size, kept = old.state.size, dump_state(old.state)
    new = old.rekeyed()
    assert (dump_state(old.state), new.leaves[0].partition(b"\n")[0]) == (kept, b"handschlag/entry/log.key/v1")
    assert (new.state.log, new.state.first, new.state.entries) == (NEXT, size, 1)
    assert new.state.evidence == old.state.evidence
    assert new.state.members == old.state.members
    assert not new.state.counters
    assert new.state.log_vkey == keys.signer(NEXT).key.vkey
    assert [one.log for one in new.state.shards.values()] == [LOG, NEXT]
    assert load_state(dump_state(new.state)).shards == new.state.shards
    assert new.write(new.agency_head("kurse")).kind == "agency.head"


def test_a_grant_of_the_ended_shard_is_answered_in_the_next() -> None:
    """An open grant and a consent keep the index they have over all shards."""
    old = founded()
    consent = old.consented(uses=2)
    granted = old.asked(consent)
    new = old.rekeyed()
    answered = new.answer(granted)
    assert (answered.kind, getattr(answered.leaf.entry, "grant", None)) == ("exchange.disclosed", granted.index)
    new.write(new.withdrawal("beratung", consent))
    assert new.asked(consent).reason == "consent_withdrawn"


def test_the_ended_shard_is_kept_from_the_log_key_on() -> None:
    """Its last entry may be old when the key is found lost: its five months begin when the log went on."""
    old = founded()
    last = old.state.time
    old.clock.ms += 5 * HOUR
    new = old.ended()
    before = new.state.shards[LOG].closed
    assert before is not None
    assert (before.at_ms, before.end, before.root) == (last, old.state.size, old.root().hex())
    new.write(_log_key(old, new))
    assert new.state.shards[LOG].past_retention_ms == old.clock.ms + RETENTION_MS
    assert replace(new.state.shards[LOG].closed or before, at_ms=last) == before


def test_a_stranger_begins_with_the_bundle() -> None:
    """Read back, it is the state that was handed over, and log.key follows on it."""
    old = told()
    new = old.ended()
    state = begin(new.bundle)
    assert (state.begun_with, dump_state(state)) == (new.handed_over, dump_state(new.state))
    new.state = state
    assert new.write(_log_key(old, new)).kind == "log.key"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": WRONG}, "state: is not"),
        ({"ended": NEXT}, "ended, size, root: are not"),
        ({"size": 7}, "ended, size, root: are not"),
        ({"root": WRONG}, "ended, size, root: are not"),
        ({"log_vkey": keys.signer("musterstadt.example/log/2027-01").key.vkey}, "log_vkey: the shard before names"),
        ({"seq": 99}, "the chain continues with seq"),
        ({"prev": WRONG}, "the chain continues with seq"),
    ],
)
def test_a_log_key_that_does_not_follow(changes: dict[str, object], rule: str) -> None:
    """It must name the shard, the checkpoint and the key with which the state was handed over."""
    old = founded()
    new = old.ended()
    assert rule in _refused(new, changed(_log_key(old, new), **changes))
    assert new.write(_log_key(old, new)).kind == "log.key"


def test_what_opens_a_shard_in_place_of_the_other() -> None:
    """An ended shard is followed by log.key alone, a closed one and a federation's first by shard.opened alone."""
    old = founded()
    ended = old.ended()
    assert "only log.key goes on" in _refused(ended, ended.opening())
    old.write(old.closing())
    closed = old.branch()
    closed.state.move_on(closed.state.closed or pytest.fail("is closed"))
    closed.log = closed.state.log
    closed.handed_over = closed.state.begun_with
    assert "ended, size, root: are not" in _refused(closed, _log_key(old, closed))
    first = Ledger()
    assert "state: is not" in _refused(first, first.log_key(NEXT, 1, bytes(32)))
    assert "one of them is the first entry" in _refused(founded(), founded().log_key(LOG, 1, bytes(32)))


def test_a_name_is_used_once() -> None:
    """The log does not go on under its own name, or one that an earlier shard had."""
    old = founded()
    for ended in (old, old.rekeyed()):
        again = ended.ended("2026-11")
        statement = _log_key(ended, again)
        signed = SignedStatement(again.sign(statement), statement, STEERING)
        decided = decide_steered(again.state, signed, again.clock.ms, again.registries)
        assert isinstance(decided, NotLogged)
        assert "that there was not yet" in decided.detail


def test_a_shard_that_was_never_opened_is_not_ended() -> None:
    """There is nothing to go on from; and folding a log.key of a forged log that ends nothing changes nothing else."""
    with pytest.raises(Misuse, match="not closed"):
        end(LedgerState(LOG), bytes(32), NEXT, keys.signer(NEXT).key.vkey)
    old = founded()
    new = old.ended()
    note = new.sign(_log_key(old, new)).decode()
    state = LedgerState(NEXT)
    state.apply(b"", Recorded(time=5, statement=note), _log_key(old, new))
    assert list(state.shards) == [NEXT]


def test_nothing_counts_beyond_the_end() -> None:
    """Of an ended shard only its tree counts, of a closed one no larger one, of an open one whatever is consistent."""
    old = founded()
    size, root = len(old.leaves), old.root()
    ended = old.rekeyed().state.shards[LOG]
    ended.check_within(Checkpoint(LOG, size, root))
    ended.check_within(Checkpoint(LOG, size - 1, bytes(32)))
    with pytest.raises(NotAuthentic, match=f"of {size + 1} entries, and {LOG} ended with {size}"):
        ended.check_within(Checkpoint(LOG, size + 1, root))
    with pytest.raises(NotAuthentic, match="of another tree"):
        ended.check_within(Checkpoint(LOG, size, bytes(32)))
    closed = founded().following().state.shards[LOG]
    closed.check_within(Checkpoint(LOG, size + 1, root))
    with pytest.raises(NotAuthentic, match="ended with"):
        closed.check_within(Checkpoint(LOG, size + 2, root))
    Shard(LOG, 0, keys.signer(LOG).key.vkey).check_within(Checkpoint(LOG, 10**6, root))
