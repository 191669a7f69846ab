"""The fold: what each entry changes, and that only entries and the log's time change anything."""

import pytest

from consent_ledger.core.approval import Approval
from consent_ledger.core.leaf import Leaf, read_leaf, statement_id
from consent_ledger.core.state import LedgerState, text_hash
from schemas import statements as st
from schemas.entries import Recorded, Rejected, encode_entry
from schemas.errors import Code, Malformed
from schemas.ids import AgencyId, CodeName, ExchangeId, KeyName, Purpose
from tests.support import keys
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.pens import DEADLINE, FEDERATION, HOUR, LOG, NORM, ROLE, START, account, changed, seal_id


@pytest.fixture
def ledger() -> Ledger:
    """Give a founded log."""
    return founded()


def _folded(leaves: list[bytes]) -> LedgerState:
    """Fold leaves read back from their bytes, as a restart does."""
    state = LedgerState(LOG)
    for raw in leaves:
        leaf = read_leaf(raw)
        state.apply(raw, leaf.entry, leaf.statement)
    return state


def _granted(ledger: Ledger, uses: int = 2) -> tuple[st.ConsentGiven, Logged]:
    consent = ledger.consent("beratung", "jobcenter", uses=uses)
    ledger.write(consent)
    granted = ledger.write(ledger.request("jobcenter", "kurse", consent))
    assert granted.kind == "exchange.granted"
    return consent, granted


def _exchange(granted: Logged) -> ExchangeId:
    assert isinstance(granted.leaf.statement, st.Request)
    return granted.leaf.statement.exchange


# -- steering -------------------------------------------------------------------------------------------------------


def test_founding_puts_members_keys_and_law_into_force(ledger: Ledger) -> None:
    """Each agency is a member by its kind and account; its keys are in force under their names and long ids."""
    state = ledger.state
    assert sorted(state.members) == ["amt", "beratung", "jobcenter", "kurse", "stadtplan"]
    assert state.members[AgencyId("kurse")].kind == "provider"
    assert state.accounts[account("kurse")] == "kurse"
    name = KeyName(f"{FEDERATION}/kurse/statement-1")
    assert state.key_in_force(name, "statement") is state.keys[name]
    seal = state.key_by_id(AgencyId("kurse"), seal_id("kurse"))
    assert seal is not None
    assert (seal.role, seal.verifier) == ("seal", None)
    assert state.log_vkey == keys.log_signer().key.vkey
    assert state.registry is not None


def test_the_chain_is_known_by_index_seq_and_hash(ledger: Ledger) -> None:
    """Steering entries move seq and prev on and are found by their index; other entries do not."""
    chain, indices = ledger.state.chain, list(ledger.state.chain_indices)
    ledger.write(ledger.agency_head("amt"))
    assert (ledger.state.chain, ledger.state.chain_indices) == (chain, indices)
    left = ledger.write(ledger.leaving("amt"))
    assert ledger.state.chain == chain + 1
    assert ledger.state.chain_indices == [*indices, left.index]
    assert ledger.state.chain_prev == text_hash(left.leaf.entry.statement.encode())


def test_a_key_serves_only_its_role_and_owner(ledger: Ledger) -> None:
    """A key is in force for the roles it has and found by its long id for its own agency only."""
    name = KeyName(f"{FEDERATION}/kurse/statement-1")
    assert ledger.state.key_in_force(name, "dpo") is None
    assert ledger.state.key_in_force(name, "dpo", "statement") is not None
    assert ledger.state.key_in_force(KeyName(f"{FEDERATION}/kurse/statement-9"), "statement") is None
    assert ledger.state.key_by_id(AgencyId("amt"), seal_id("kurse")) is None
    assert ledger.state.key_by_id(AgencyId("amt"), seal_id("niemand")) is None


def test_a_revoked_key_ends_at_its_index(ledger: Ledger) -> None:
    """A revocation is noted once, at the first index; a key unknown here is passed over."""
    first = ledger.write(ledger.revocation("kurse", "seal"))
    assert ledger.state.key_by_id(AgencyId("kurse"), seal_id("kurse")) is None
    name = KeyName(f"{FEDERATION}/kurse/seal-1")
    assert ledger.state.keys[name].revoked == first.index
    for again in (ledger.revocation("kurse", "seal"), ledger.revocation("kurse", "seal", 7)):
        _apply(ledger, again)
    assert ledger.state.keys[name].revoked == first.index


def test_new_codes_for_an_unknown_consent_are_passed_over(ledger: Ledger) -> None:
    """Who folds only parts of the log may meet codes without their consent."""
    consent = ledger.consent("beratung", "jobcenter")
    _apply(ledger, ledger.recoding("beratung", consent, "NEWVIEWNEWVIEWNE", "NEWSTOPNEWSTOPNE"))
    assert not ledger.state.views


def _apply(ledger: Ledger, statement: st.Statement) -> None:
    """Fold what a sound log would not hold, as a node does that folds only parts of the log."""
    kind = {
        st.KeyRevoked: "key.revoked",
        st.MemberLeft: "member.left",
        st.ConsentCodes: "consent.codes",
    }[type(statement)]
    entry = Recorded(time=ledger.state.time, statement=ledger.sign(statement).decode())
    ledger.state.apply(encode_entry(kind, entry), entry, statement)


def test_an_agency_that_leaves_leaves_its_name_behind(ledger: Ledger) -> None:
    """Membership, account and keys end; the name stays used up. To leave without being in changes nothing."""
    ledger.write(ledger.leaving("kurse"))
    state = ledger.state
    assert AgencyId("kurse") not in state.members
    assert account("kurse") not in state.accounts
    assert state.former == {"kurse"}
    assert state.key_in_force(KeyName(f"{FEDERATION}/kurse/statement-1"), "statement") is None
    _apply(ledger, ledger.leaving("niemand"))
    assert state.former == {"kurse"}


# -- approvals and catalogues ---------------------------------------------------------------------------------------


def _in_force(ledger: Ledger) -> Approval | None:
    return ledger.state.approved.get((AgencyId("jobcenter"), Purpose("Z16@1"), ROLE))


def test_a_later_approval_takes_the_place_of_an_earlier_one(ledger: Ledger) -> None:
    """Of two approvals of one kind of access the later is in force; ending the earlier leaves the later alone."""
    first, second = ledger.approval("jobcenter", "Z16@1"), ledger.approval("jobcenter", "Z16@1")
    ledger.write(first)
    index = ledger.write(second).index
    ledger.write(ledger.approval_end(first))
    found = _in_force(ledger)
    assert found is not None
    assert found.index == index
    ledger.write(ledger.approval_end(second))
    assert _in_force(ledger) is None
    ledger.write(ledger.approval_end(second))
    assert _in_force(ledger) is None


@pytest.mark.parametrize(
    ("said", "kind", "ceiling"),
    [(0, 2, 0), (1, 2, 1), (2, 2, 2), (3, 2, 3), (2, 0, 0), (2, 3, 2), (3, 3, 3), (3, 0, 3)],
)
def test_an_approvals_ceiling(said: int, kind: int, ceiling: int) -> None:
    """Only an approval that says 3 leads above the kind's ceiling; one that says less than the kind's binds."""
    approval = Approval(
        index=0,
        valid_until=0,
        agency=AgencyId("a"),
        role=CodeName("r"),
        purpose=Purpose("Z16@1"),
        fields=frozenset(),
        ceiling=said,
        automatic=False,
    )
    assert approval.ceiling_for(kind) == ceiling


def test_the_latest_catalogue_counts(ledger: Ledger) -> None:
    """A holder's catalogue is replaced as a whole."""
    ledger.write(ledger.catalogue("kurse", ["course.state"]))
    assert ledger.state.catalogues[AgencyId("kurse")] == {"course.state"}
    assert ledger.state.catalogue_indices[AgencyId("kurse")] == ledger.state.size - 1


def test_a_catalogue_learned_late_replaces_no_later_one(ledger: Ledger) -> None:
    """A node folds entries in the order it learns them: what counts is where they stand in the log."""
    entry = ledger.write(ledger.catalogue("kurse", ["course.state"]))
    late, size = ledger.catalogue("kurse", ["course.started"]), ledger.state.size
    ledger.state.size = 3
    ledger.state.apply(entry.leaf.raw, entry.leaf.entry, late)
    ledger.state.size = size
    assert ledger.state.catalogues[AgencyId("kurse")] == {"course.state"}


# -- consents, grants, uses -----------------------------------------------------------------------------------------


def test_a_grant_reserves_and_a_disclosure_consumes(ledger: Ledger) -> None:
    """While a grant is open one use is reserved; a disclosure takes it, and the grant is closed."""
    consent, granted = _granted(ledger)
    evidence = ledger.state.evidence[consent.consent]
    assert (evidence.uses, evidence.reserved) == (2, 1)
    ledger.answer(granted)
    assert (evidence.uses, evidence.reserved) == (1, 0)
    assert ledger.state.grants == {}


def test_not_available_frees_the_use(ledger: Ledger) -> None:
    """An outcome without a disclosure costs no use."""
    consent, granted = _granted(ledger)
    ledger.answer(granted, "unavailable")
    evidence = ledger.state.evidence[consent.consent]
    assert (evidence.uses, evidence.reserved) == (2, 0)


def test_withheld_frees_the_use(ledger: Ledger) -> None:
    """An outcome after a withdrawal costs no use, and the grant is closed."""
    consent, granted = _granted(ledger)
    index = ledger.write(ledger.withdrawal("beratung", consent)).index
    assert ledger.answer(granted).kind == "exchange.withheld"
    evidence = ledger.state.evidence[consent.consent]
    assert (evidence.uses, evidence.reserved, evidence.withdrawn) == (2, 0, index)
    assert ledger.state.grants == {}


def test_a_statutory_grant_has_no_uses(ledger: Ledger) -> None:
    """A request on a statute is granted, answered and, unanswered, ended without any consent to count on."""
    ask = changed(ledger.request("jobcenter", "amt", NORM, "Z03@1"), declared=(CodeName("reason_not_from_client"),))
    granted = ledger.write(ask)
    assert ledger.answer(granted).kind == "exchange.disclosed"
    again = changed(ledger.request("jobcenter", "amt", NORM, "Z03@1"), declared=(CodeName("reason_not_from_client"),))
    ledger.write(again)
    ledger.state.advance(START + DEADLINE + 1)
    assert ledger.state.grants == {}


def test_an_overdue_grant_ends_by_the_logs_time_alone(ledger: Ledger) -> None:
    """At its deadline a grant is open, a millisecond later it is over and its use free; no entry is needed for that."""
    consent, granted = _granted(ledger, uses=1)
    evidence = ledger.state.evidence[consent.consent]
    ledger.state.advance(START + DEADLINE)
    assert _exchange(granted) in ledger.state.grants
    ledger.state.advance(START + DEADLINE + 1)
    assert ledger.state.grants == {}
    assert (evidence.uses, evidence.reserved) == (1, 0)


def test_a_deadline_after_the_answer_changes_nothing(ledger: Ledger) -> None:
    """The deadline of a grant that was answered frees no second use."""
    consent, granted = _granted(ledger)
    ledger.answer(granted)
    ledger.state.advance(START + DEADLINE + 1)
    evidence = ledger.state.evidence[consent.consent]
    assert (evidence.uses, evidence.reserved) == (1, 0)


def test_the_logs_time_never_runs_backwards(ledger: Ledger) -> None:
    """A smaller time than one seen before is passed over."""
    ledger.state.advance(START + HOUR)
    ledger.state.advance(START)
    assert ledger.state.time == START + HOUR


def test_an_answer_to_no_grant_changes_nothing(ledger: Ledger) -> None:
    """An outcome whose grant this fold does not know has no effect but on its number."""
    _, granted = _granted(ledger)
    answered = ledger.answer(granted).leaf
    counted = ledger.state.counter(KeyName(f"{FEDERATION}/kurse/statement-1")).highest
    ledger.state.apply(answered.raw, answered.entry, answered.statement)
    assert ledger.state.grants == {}
    assert ledger.state.counter(KeyName(f"{FEDERATION}/kurse/statement-1")).highest == counted


def test_the_first_withdrawal_counts(ledger: Ledger) -> None:
    """A second withdrawal is taken and moves nothing."""
    consent = ledger.consent("beratung", "jobcenter")
    ledger.write(consent)
    index = ledger.write(ledger.withdrawal("beratung", consent)).index
    ledger.write(ledger.withdrawal("kurse", consent))
    assert ledger.state.evidence[consent.consent].withdrawn == index


def test_a_renewed_consent_ends_the_one_it_replaces(ledger: Ledger) -> None:
    """After a renewal only the new consent stands, so that one withdrawal ends all."""
    old = ledger.consent("beratung", "jobcenter")
    ledger.write(old)
    new = changed(ledger.consent("beratung", "jobcenter"), replaces=old.consent)
    index = ledger.write(new).index
    assert ledger.state.evidence[old.consent].withdrawn == index
    assert ledger.state.evidence[old.consent].renewed
    assert ledger.state.evidence[new.consent].withdrawn is None


def test_a_given_basis_is_kept_like_a_consent(ledger: Ledger) -> None:
    """Kind, parties and uses of a client's request are known; it needs no first day, and is withdrawn the same way."""
    given = ledger.given("kurse", "jobcenter", "kurse")
    ledger.write(given)
    evidence = ledger.state.evidence[given.given]
    assert (evidence.kind, evidence.not_before, evidence.uses) == ("client_request", 0, 1)
    assert evidence.secrecy_release is False
    index = ledger.write(ledger.withdrawal("jobcenter", given)).index
    assert evidence.withdrawn == index


def test_refused_and_rejected_requests_use_up_their_exchange(ledger: Ledger) -> None:
    """An exchange id that was once logged is never free again, whatever was decided."""
    consent = ledger.consent("beratung", "jobcenter")
    refused = ledger.request("jobcenter", "kurse", consent)
    rejected = changed(ledger.request("jobcenter", "kurse", consent), exp=START - 1)
    assert ledger.write(refused).kind == "exchange.refused"
    assert ledger.write(rejected).kind == "statement.rejected"
    assert {bytes.fromhex(one.exchange) for one in (refused, rejected)} <= ledger.state.exchanges


# -- numbers and places ---------------------------------------------------------------------------------------------


def test_every_logged_statement_uses_its_number(ledger: Ledger) -> None:
    """Recorded, granted, refused and rejected alike; a void takes its range besides."""
    head = ledger.agency_head("amt")
    assert ledger.state.place(head) == "next"
    ledger.write(head)
    assert ledger.state.place(head) == "used"
    ledger.head("amt")
    void = ledger.void("amt", head.n + 1, head.n + 1)
    ledger.write(void)
    assert ledger.state.counter(head.key).floor == void.n + 1


def test_only_a_void_may_come_from_beyond_the_window(ledger: Ledger) -> None:
    """A number far ahead is too far for any statement but the one that declares the gap dead."""
    void = changed(ledger.void("amt", 1, 1), n=10**9, last=10**9 - 1)
    assert ledger.state.place(changed(ledger.agency_head("amt"), n=10**9)) == "too_far"
    assert ledger.state.place(void) == "next"


def test_a_steering_statement_has_its_place_in_the_chain(ledger: Ledger) -> None:
    """What the chain holds is used; what comes after it is next, and the decision looks whether it fits."""
    leaving = ledger.leaving("amt")
    assert ledger.state.place(leaving) == "next"
    ledger.write(leaving)
    assert ledger.state.place(leaving) == "used"


def test_an_entry_that_is_skipped_only_takes_up_its_index(ledger: Ledger) -> None:
    """The size grows, nothing else changes."""
    before = (ledger.state.size, ledger.state.time, ledger.state.chain)
    ledger.state.skip()
    assert (ledger.state.size, ledger.state.time, ledger.state.chain) == (before[0] + 1, *before[1:])


def test_folding_the_bytes_gives_the_same_state(ledger: Ledger) -> None:
    """A restart that reads the leaves comes to the state the running log has."""
    consent, granted = _granted(ledger)
    ledger.answer(granted)
    ledger.write(ledger.request("jobcenter", "kurse", consent))
    ledger.write(ledger.withdrawal("kurse", consent))
    ledger.write(ledger.leaving("stadtplan"))
    live, again = ledger.state, _folded(ledger.leaves)
    for name in LedgerState.__slots__:
        if name != "counters":
            assert getattr(again, name) == getattr(live, name), name
    assert {key: counter.floor for key, counter in again.counters.items()} == {
        key: counter.floor for key, counter in live.counters.items()
    }


# -- leaves ---------------------------------------------------------------------------------------------------------


def test_a_leaf_is_read_down_to_its_statement(ledger: Ledger) -> None:
    """Bytes, type, entry and embedded statement come back."""
    consent = ledger.consent("beratung", "jobcenter")
    logged = ledger.write(consent)
    assert read_leaf(logged.leaf.raw) == Leaf(logged.leaf.raw, "consent.given", logged.leaf.entry, consent)


def test_a_leaf_holds_the_statement_its_type_names(ledger: Ledger) -> None:
    """An entry that embeds a statement of another type is malformed; so is a rejected steering statement."""
    entry = Recorded(time=START, statement=ledger.sign(ledger.consent("beratung", "jobcenter")).decode())
    with pytest.raises(Malformed, match="another type"):
        read_leaf(encode_entry("catalogue.set", entry))
    rejected = Rejected(time=START, statement=ledger.sign(ledger.leaving("amt")).decode(), reason=Code.STALE)
    with pytest.raises(Malformed, match="another type"):
        read_leaf(encode_entry("statement.rejected", rejected))


def test_statements_are_found_by_key_and_number(ledger: Ledger) -> None:
    """An agency's statement by both, a steering statement by its place in the chain."""
    head = ledger.agency_head("amt")
    assert statement_id(head) == f"{head.key}|{head.n}".encode()
    assert statement_id(ledger.leaving("amt")) == b"steering|%d" % (ledger.seq + 1)
