"""What a node believes of its federation: only what is proven, in its order, and never two things at once."""

import pytest

from adapters.node.core import view as module
from adapters.node.core.view import View
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.proof import format_proof
from consent_ledger.core.signed import Pins
from schemas import statements as st
from schemas.entries import Recorded, encode_entry
from schemas.errors import Code, LedgerInconsistent, Malformed, Misuse, NotAuthentic
from schemas.ids import AgencyId, FederationName, KeyName, LogId, Purpose
from schemas.registry import load
from tests.support import keys, small_law
from tests.support.ledger_world import Ledger
from tests.support.node_view import Seen, seen
from tests.support.pens import DAY, FEDERATION, LOG, PINS, START, changed, seal_id
from tests.support.small_law import LAW


def of(found: Seen, statement: st.Statement) -> int:
    """Have a statement logged, and give its index."""
    return found.ledger.write(statement).index


def test_a_view_knows_nothing_before_the_first_entry() -> None:
    """Before the shard's opening nothing can be proven, and nobody is told otherwise."""
    view = View(PINS)
    assert (view.chain, view.registry()) == (0, None)
    with pytest.raises(Misuse):
        _ = view.log
    assert view.log_key(LOG) is None
    with pytest.raises(Misuse, match="has not been learned yet"):
        view.prove(*seen().receipt(0))


def test_a_view_learns_the_chain_and_the_law() -> None:
    """The founding entries give log, members, keys, law and approvals."""
    found = seen()
    assert found.view.log == found.ledger.log
    assert found.view.log_key(LOG) == keys.log_signer().key
    assert found.view.chain == found.ledger.state.chain
    assert found.view.registry() is LAW
    assert found.view.law_at(1) is None
    assert found.view.law_at(found.view.chain) == LAW.hash
    assert found.view.state.members.keys() == found.ledger.state.members.keys()


def test_the_former_law_is_the_last_other_one() -> None:
    """Setting the same registry again makes none the former one; another one does, and going back turns them round."""
    found = seen()
    other = load(small_law.bundle(purposes=small_law.PURPOSES.replace('review = "draft"', 'review = "reviewed"')))
    found.ledger.registries[other.hash] = other
    formers = []
    for law in (LAW, other, other, LAW):
        found.learn(of(found, found.ledger.registry(law)))
        formers.append(found.view.former_law())
    assert formers == [None, LAW.hash, LAW.hash, other.hash]


def test_what_is_known_is_proven_again_and_changes_nothing() -> None:
    """An entry that comes twice is folded once."""
    found = seen()
    consent = of(found, found.ledger.consent("beratung", "jobcenter"))
    found.learn(consent)
    withdrawn = of(found, found.ledger.withdrawal("beratung", consent_of(found, consent)))
    found.learn(withdrawn)
    before = found.view.chain
    found.learn(consent)
    found.learn(0)
    evidence = found.view.evidence(basis_on(found, consent))
    assert evidence is not None
    assert evidence.withdrawn == withdrawn
    assert found.view.chain == before
    assert found.view.knows(consent)


def consent_of(found: Seen, index: int) -> st.ConsentGiven:
    """Give the consent that stands at an index."""
    statement = read_leaf(found.ledger.leaves[index]).statement
    assert isinstance(statement, st.ConsentGiven)
    return statement


def basis_on(found: Seen, index: int) -> st.Basis:
    """Give the basis that names a consent."""
    return st.Basis(kind="consent", consent=consent_of(found, index).consent)


def test_a_withdrawal_counts_that_was_heard_of_before_the_consent() -> None:
    """A node that learns of the end first does not take the consent for good later."""
    found = seen()
    consent = of(found, found.ledger.consent("beratung", "jobcenter"))
    withdrawn = of(found, found.ledger.withdrawal("beratung", consent_of(found, consent)))
    found.learn(withdrawn)
    found.learn(consent)
    evidence = found.view.evidence(basis_on(found, consent))
    assert evidence is not None
    assert evidence.withdrawn == withdrawn
    assert found.view.has_ended(consent_of(found, consent).consent)


def test_what_a_client_ended_has_ended_at_the_node() -> None:
    """An end by the code on the receipt bears no agency's signature and counts all the same."""
    found = seen()
    consent = of(found, found.ledger.consent("beratung", "jobcenter"))
    found.learn(consent)
    ended = of(found, found.ledger.client_withdrawal(consent_of(found, consent)))
    assert found.learn(ended).agency == "client"
    assert found.view.has_ended(consent_of(found, consent).consent)


def test_a_renewed_consent_ends_the_one_before() -> None:
    """A consent that replaces another ends it, whether the other was known or comes later."""
    found = seen()
    old = of(found, found.ledger.consent("beratung", "jobcenter"))
    renewed = changed(found.ledger.consent("beratung", "jobcenter"), replaces=consent_of(found, old).consent)
    found.learn(of(found, renewed))
    found.learn(old)
    evidence = found.view.evidence(basis_on(found, old))
    assert evidence is not None
    assert evidence.withdrawn is not None


def test_a_given_basis_is_learned_and_ended() -> None:
    """A given basis and its withdrawal are folded like a consent's."""
    found = seen()
    statement = found.ledger.given("beratung", "jobcenter", "kurse")
    found.learn(of(found, statement))
    basis = st.Basis(kind="client_request", given=statement.given)
    evidence = found.view.evidence(basis)
    assert evidence is not None
    found.learn(of(found, found.ledger.withdrawal("beratung", statement)))
    assert evidence.withdrawn is not None
    assert found.view.evidence(st.Basis(kind="statute", norm=LAW.purposes[Purpose("Z03@1")].row.norm[0])) is None


def test_nothing_is_learned_from_a_rejected_statement() -> None:
    """A withdrawal that was rejected ends nothing, and a grant or another's last number teaches nothing."""
    found = seen()
    consent = of(found, found.ledger.consent("beratung", "jobcenter"))
    rejected = of(found, found.ledger.withdrawal("amt", consent_of(found, consent)))
    assert read_leaf(found.ledger.leaves[rejected]).kind == "statement.rejected"
    granted = of(found, found.ledger.request("jobcenter", "kurse", consent_of(found, consent)))
    head = of(found, found.ledger.agency_head("jobcenter"))
    for index in (rejected, granted, head):
        with pytest.raises(Malformed, match="nothing is learned"):
            found.learn(index)
    assert not found.view.has_ended(consent_of(found, consent).consent)


def test_keys_and_approvals_are_found_as_far_as_they_are_in_force() -> None:
    """Seal keys by owner and id; an approval for automatic answers while it holds."""
    found = seen()
    agency, purpose = AgencyId("jobcenter"), Purpose("Z16@1")
    key = found.view.seal_key_of(agency)
    assert key is not None
    assert found.view.key_of(agency, seal_id("jobcenter")) == key
    assert found.view.key_of(AgencyId("amt"), seal_id("jobcenter")) is None
    assert found.view.seal_key_of(AgencyId("nobody")) is None
    assert found.view.automatic_approval(agency, purpose, START) is None
    index = of(found, changed(found.ledger.approval("jobcenter", "Z16@1"), automatic=True))
    found.learn(index)
    assert found.view.automatic_approval(agency, purpose, START) == found.view.approval_at(index)
    assert found.view.automatic_approval(agency, purpose, START + 366 * DAY) is None
    assert found.view.automatic_approval(agency, Purpose("Z18@1"), START) is None
    assert not found.view.single_case(agency, purpose, START)
    demanding = changed(found.ledger.approval("jobcenter", "Z16@1"), conditions=(st.SINGLE_CASE,))
    found.learn(of(found, demanding))
    assert found.view.single_case(agency, purpose, START)
    assert not found.view.single_case(agency, purpose, START + 366 * DAY)
    assert not found.view.single_case(AgencyId("kurse"), purpose, START)
    found.learn(of(found, found.ledger.revocation("jobcenter", "seal")))
    assert found.view.seal_key_of(agency) is None


def test_an_entry_counts_only_while_its_key_is_in_force() -> None:
    """What a key signed is believed between its entry and its revocation, by index."""
    found = seen()
    before = of(found, found.ledger.agency_head("beratung"))
    forged = found.ledger.agency_head("beratung")
    found.learn(of(found, found.ledger.revocation("beratung", "statement")))
    note = found.ledger.sign(forged).decode()
    assert found.prove(before).agency == "beratung"
    entry = changed(read_leaf(found.ledger.leaves[before]).entry, statement=note)
    with pytest.raises(NotAuthentic) as refused:
        found.forge("agency.head", entry)
    assert refused.value.code is Code.KEY_NOT_IN_FORCE


def test_what_a_key_signs_before_its_own_entry_counts_nothing() -> None:
    """A log that holds a statement earlier than the key that signed it is not believed."""
    found = seen()
    second = changed(found.ledger.agency_head("beratung"), key=KeyName(f"{FEDERATION}/beratung/statement-2"))
    early = Recorded(time=found.ledger.clock.ms, statement=found.ledger.sign(second).decode())
    found.ledger.leaves.append(encode_entry("agency.head", early))
    before = len(found.ledger.leaves) - 1
    found.learn(of(found, found.ledger.key("beratung", "statement", 2)))
    with pytest.raises(NotAuthentic) as refused:
        found.prove(before)
    assert refused.value.code is Code.KEY_NOT_IN_FORCE


def test_a_signature_is_verified_whatever_the_log_holds() -> None:
    """A statement under another one's signature is not its signer's word, though the log proves that it is in."""
    found = seen()
    one, other = (found.ledger.sign(found.ledger.agency_head("beratung")).decode() for _ in range(2))
    forged = one.partition("\n\n")[0] + "\n\n" + other.partition("\n\n")[2]
    with pytest.raises(NotAuthentic):
        found.forge("agency.head", Recorded(time=found.ledger.clock.ms, statement=forged))


def test_a_receipt_of_our_own_embeds_what_we_sent() -> None:
    """Our own signature need not be verified again, but the entry must embed the very note we sent."""
    found = seen()
    index = of(found, found.ledger.agency_head("beratung"))
    note = read_leaf(found.ledger.leaves[index]).entry.statement.encode()
    assert found.view.prove(*found.receipt(index), sent=note).agency == "beratung"
    with pytest.raises(NotAuthentic, match="another statement"):
        found.view.prove(*found.receipt(index), sent=note + b"!")


def test_an_entry_counts_only_if_made_for_this_log() -> None:
    """A statement of another shard is not taken over, though its signature holds."""
    found = seen()
    own = of(found, found.ledger.agency_head("beratung"))
    other = changed(found.ledger.agency_head("beratung"), log=LogId("musterstadt.example/log/2025-01"))
    entry = changed(read_leaf(found.ledger.leaves[own]).entry, statement=found.ledger.sign(other).decode())
    with pytest.raises(NotAuthentic) as refused:
        found.forge("agency.head", entry)
    assert refused.value.code is Code.WRONG_LOG


def test_the_chain_must_begin_with_its_opening() -> None:
    """The first entry opens the shard; any other names no log key that could be trusted."""
    found = Seen()
    with pytest.raises(NotAuthentic):
        found.learn(1)


def test_an_opening_of_others_leaves_nothing_behind() -> None:
    """An opening that the pinned keys did not sign gives no log key to believe, not even until the next entry."""
    found = Seen(view=View(Pins(PINS.federation, (keys.log_signer().key,))))
    with pytest.raises(NotAuthentic):
        found.learn(0)
    assert found.view.log_key(LOG) is None


def test_the_opening_must_be_of_the_pinned_federation() -> None:
    """Steering keys that also steer elsewhere open no log of another name here."""
    found = Seen(view=View(Pins(FederationName("elsewhere.example"), PINS.steering)))
    with pytest.raises(NotAuthentic):
        found.learn(0)


def test_a_gap_in_the_chain_stops_everything() -> None:
    """A proven steering entry that does not continue the known chain is a contradiction of the log."""
    found = Seen()
    found.learn(0)
    with pytest.raises(LedgerInconsistent):
        found.learn(2)


def test_two_roots_for_one_size_stop_everything() -> None:
    """The log's key under two different trees of one size is the proof of a fork."""
    found, other = seen(), Ledger()
    found.prove(0)
    for statement in other.founding():
        other.write(statement)
    while len(other.leaves) < len(found.ledger.leaves):
        other.write(other.agency_head("beratung"))
    twin = Seen(ledger=other)
    with pytest.raises(LedgerInconsistent, match="two roots"):
        found.view.prove(*twin.receipt(0))


def test_two_entries_at_one_index_stop_everything() -> None:
    """Two trees of different sizes that disagree about one entry are a fork as well."""
    found = seen()
    found.prove(0)
    leaf = found.ledger.leaves[1]
    note = sign_checkpoint(Checkpoint(found.ledger.log, 1, leaf_hash(leaf)), keys.log_signer())
    with pytest.raises(LedgerInconsistent, match="two entries"):
        found.view.prove(leaf, format_proof(0, (), note))


def test_what_is_compared_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest checkpoints and entries are remembered; the oldest is forgotten first."""
    monkeypatch.setattr(module, "REMEMBERED", 2)
    found = seen()
    for index in (0, 1, 2, 0):
        assert found.prove(index).index == index
