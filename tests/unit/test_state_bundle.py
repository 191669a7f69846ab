"""A state written and read back: nothing is lost, one state has one spelling, and what is out of form is refused."""

from functools import cache
from itertools import pairwise

import pytest

from broker.core.replay import replay_leaf
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import FORMAT, dump_state, load_state
from schemas import statements as st
from schemas.errors import Malformed
from tests.support.audited_log import told
from tests.support.ledger_world import Ledger
from tests.support.pens import LOG, NORM, PINS, changed

KINDS = (
    *("head", "shard", "text", "member", "key", "approval", "catalogue", "fields"),
    *("evidence", "grant", "counter", "exchanges", "views"),
)


@cache
def _eventful() -> Ledger:
    """Give a log in which something of every kind is in force, was ended, and is open."""
    ledger = told()
    approval = ledger.approval("amt", "Z16@1")
    ledger.write(approval)
    ledger.write(ledger.approval_end(approval))
    ledger.write(changed(ledger.approval("jobcenter", "Z16@1"), conditions=(st.SINGLE_CASE,)))
    ledger.write(ledger.key("kurse", "statement", 2))
    ledger.write(ledger.revocation("kurse", "statement", 2))
    ledger.write(ledger.leaving("stadtplan"))
    ledger.write(ledger.review("approved"))
    ledger.write(ledger.review("approved", b"form", "Z16@1"))
    recoded = ledger.consented(uses=3)
    ledger.write(ledger.recoding("beratung", recoded, "1" * 64, "2" * 64))
    ended = ledger.consented()
    ledger.write(ledger.client_withdrawal(ended))
    ledger.write(ledger.given("beratung", "jobcenter", "kurse"))
    ledger.write(changed(ledger.request("jobcenter", "kurse", NORM), view="3" * 64))
    ledger.asked(recoded)
    ledger.asked(recoded)
    ledger.head("amt")
    ledger.head("amt")
    ledger.write(ledger.agency_head("amt"))  # two numbers before it are neither logged nor dead
    return ledger


def _folded(leaves: list[bytes], state: LedgerState | None = None) -> LedgerState:
    state = state or LedgerState(LOG)
    for raw in leaves:
        leaf = read_leaf(raw)
        state.apply(raw, leaf.entry, leaf.statement)
    return state


def _all_of(state: LedgerState) -> dict[str, object]:
    """Give all that a state holds; of deadlines those that still concern a grant."""
    held = {name: getattr(state, name) for name in LedgerState.__slots__ if name not in {"counters", "_deadlines"}}
    deadlines = {one for one in state._deadlines if one[1] in state.grants}  # noqa: SLF001 - nothing else shows them
    counters = {name: (one.highest, list(one.taken())) for name, one in state.counters.items() if one.floor > 1}
    return held | {"counters": counters, "deadlines": deadlines}


def _bundle() -> bytes:
    return dump_state(_folded(_eventful().leaves))


def test_nothing_is_lost() -> None:
    """Read back, a state holds what it held, and approvals in force are those that can be ended."""
    state = _folded(_eventful().leaves)
    again = load_state(dump_state(state))
    assert _all_of(again) == _all_of(state)
    assert {id(one) for one in again.approved.values()} <= {id(one) for one in again.approvals.values()}
    assert list(again.keys) == list(state.keys)
    assert list(again.evidence) == list(state.evidence)


def test_the_log_leaves_nothing_as_it_was() -> None:
    """Whatever a state can hold is held at some time in it: what is added to the state and not written shows above."""
    state = _folded(_eventful().leaves)
    for name in LedgerState.__slots__:
        # `tests/unit/test_succession.py` shows the first two, and that nobody needs the third once a shard is open.
        assert name in {"log", "first", "begun_with"} or getattr(state, name) != getattr(LedgerState(LOG), name), name


def test_there_is_a_line_of_every_kind_in_order() -> None:
    """The eventful log leaves nothing out, and kinds stand in their order; the empty state is its head alone."""
    kinds = [line.partition(b" ")[0].decode() for line in _bundle().splitlines()[1:]]
    assert [one for one, other in pairwise([*kinds, ""]) if one != other] == list(KINDS)
    empty = dump_state(LedgerState(LOG))
    assert len(empty.splitlines()) == 2
    assert dump_state(load_state(empty)) == empty


def test_one_state_has_one_spelling() -> None:
    """What is dumped again is the same, and the live state, in which numbers were only asked for, is the folded one."""
    ledger = _eventful()
    assert dump_state(load_state(_bundle())) == _bundle()
    live = load_state(dump_state(ledger.state))
    unused = ledger.key("kurse", "statement", 2).name
    assert live.place(changed(ledger.branch().catalogue("kurse", ["course.kind"]), key=unused, n=1)) == "next"
    assert unused in live.counters
    live.time = load_state(_bundle()).time
    assert dump_state(live) == _bundle()


@pytest.mark.slow
def test_folding_goes_on_from_anywhere() -> None:
    """From a state read back at any index, every later decision comes out as it stands, and the end is the same."""
    ledger = _eventful()
    state = LedgerState(LOG)
    for index, raw in enumerate(ledger.leaves):
        if index % 3 == 0:
            state = load_state(dump_state(state))
        assert replay_leaf(state, raw, ledger.decide, PINS) is None
    assert dump_state(state) == _bundle()


def test_an_approval_that_was_read_back_can_be_ended() -> None:
    """The approval in force is the very one its id leads to; otherwise ending it would leave it in force."""
    ledger = _eventful().branch()
    ledger.state = load_state(dump_state(ledger.state))
    access, approval = next(iter(ledger.state.approved.items()))
    (name,) = [name for name, one in ledger.state.approvals.items() if one is approval]
    ended = changed(ledger.approval_end(ledger.approval(approval.agency, "Z16@1")), approval=name)
    assert ledger.write(ended).kind == "approval.ended"
    assert access not in ledger.state.approved


def _line(kind: str) -> bytes:
    return next(line for line in _bundle().splitlines() if line.startswith(f"{kind} ".encode()))


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (FORMAT, b"handschlag/state/v2", "must begin with the line handschlag/state/v1"),
        (b'"size":', b'"sizes":', "state, head: size: Field required; sizes: Extra inputs"),
        (b"\nmember ", b"\nmenber ", "line 6: is of no known kind"),
        (_line("head") + b"\n", b"", "0 lines of kind head, must be 1"),
        (_line("head"), _line("head") + b"\n" + _line("head"), "2 lines of kind head, must be 1"),
        (_line("fields") + b"\n", b"", "a line names a key or a set of fields"),
        (b'"fields":0', b'"fields":-1', "state, evidence: fields: Input should be greater"),
        (b"handschlag/request/v1", b"handschlag/void/v1", "Void: "),
        (b'views {"packed":"', b'views {"packed":"AAAA', "must be a multiple of 40"),
        (b'views {"packed":"', b'views {"packed":"*', "state, views: not base64"),
    ],
)
def test_what_is_out_of_form_is_refused(old: bytes, new: bytes, rule: str) -> None:
    """Whatever is wrong with a bundle, its place and rule are named."""
    assert old in _bundle()
    with pytest.raises(Malformed) as caught:
        load_state(_bundle().replace(old, new, 1))
    assert rule in str(caught.value)


@pytest.mark.parametrize("kept", [0, 1, len(FORMAT), -1])
def test_a_bundle_that_was_cut_off_is_refused(kept: int) -> None:
    """A bundle ends with a whole line."""
    with pytest.raises(Malformed):
        load_state(_bundle()[:kept])


def test_a_grant_is_of_a_request() -> None:
    """An open grant whose statement is another is none."""
    head = st.statement_text(_eventful().branch().agency_head("amt"))
    bundle = _bundle()
    start = bundle.index(b'"statement":"') + len(b'"statement":"')
    other = head.replace('"', '\\"').replace("\n", "\\n").encode()
    with pytest.raises(Malformed, match="is no request"):
        load_state(bundle[:start] + other + bundle[bundle.index(b'"}\n', start) :])
