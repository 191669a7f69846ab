"""Step 8 at the holder: a grant is decided again, and each thing it may lack keeps it from being worked on."""

from collections.abc import Callable

import pytest

from adapters.node.core.accept import accept, needed
from adapters.node.core.view import Proven
from consent_ledger.core.leaf import read_leaf
from schemas import statements as st
from schemas.entries import Granted, Recorded
from schemas.errors import Code, NotAuthentic, Unavailable
from schemas.ids import AgencyId, CodeName, FieldName, Norm, Purpose
from schemas.registry import load
from tests.support.ledger_world import Logged
from tests.support.node_view import Seen, seen
from tests.support.pens import DAY, NORM, PERSON, changed
from tests.support.small_law import LAW, PURPOSES, bundle

Forgery = Callable[[Seen], Proven]


def asked(found: Seen) -> Logged:
    """Have the Jobcenter ask under a consent that the provider has learned of."""
    consent = found.ledger.consented()
    found.learn(len(found.ledger.leaves) - 1)
    return found.ledger.asked(consent)


def basis_of(logged: Logged) -> st.Basis:
    """Give the basis a logged request names."""
    assert isinstance(logged.leaf.statement, st.Request)
    return logged.leaf.statement.basis


def test_a_grant_is_accepted() -> None:
    """A true grant gives its fields, its rule and its evidence, and its sealed person fits."""
    found = seen()
    logged = asked(found)
    grant = accept(found.prove(logged.index), PERSON, found.holding)
    assert isinstance(logged.leaf.entry, Granted)
    assert grant.fields == logged.leaf.entry.fields
    assert grant.requester == "jobcenter"
    assert grant.rule is LAW.purposes[Purpose("Z16@1")]
    assert grant.evidence is found.view.evidence(grant.request.basis)
    assert accept(found.prove(logged.index), None, found.holding) == grant


def test_a_statute_needs_no_evidence() -> None:
    """A grant that rests on a norm is accepted on the registry alone."""
    found = seen()
    request = found.ledger.request("jobcenter", "amt", NORM, "Z03@1")
    logged = found.ledger.write(changed(request, declared=(CodeName("reason_not_from_client"),)))
    holding = found.holding._replace(agency=AgencyId("amt"), catalogue=frozenset({FieldName("person.status")}))
    assert accept(found.prove(logged.index), PERSON, holding).evidence is None


def test_what_is_lacking_is_named() -> None:
    """A grant beyond what the node knows names chain, approval and registry to be fetched; else nothing."""
    found = seen()
    logged = asked(found)
    entry = logged.leaf.entry
    assert isinstance(entry, Granted)
    assert needed(entry, found.view) == (False, None, None)
    fresh = Seen(found.ledger)
    fresh.learn(0)
    assert needed(entry, fresh.view) == (True, entry.approval, entry.registry)


def catalogue_entry(found: Seen) -> Proven:
    """Give an entry that is no grant at all."""
    index = next(i for i, raw in enumerate(found.ledger.leaves) if read_leaf(raw).kind == "catalogue.set")
    return found.prove(index)


def a_refusal(found: Seen) -> Proven:
    """Give the entry of a request that was refused."""
    asked(found)
    refused = found.ledger.write(found.ledger.request("jobcenter", "kurse", NORM, "Z16@1"))
    assert refused.leaf.kind == "exchange.refused"
    return found.prove(refused.index)


def of_another_holder(found: Seen) -> Proven:
    """Give a grant for another agency's records."""
    request = found.ledger.request("jobcenter", "amt", NORM, "Z03@1")
    return found.prove(found.ledger.write(changed(request, declared=(CodeName("reason_not_from_client"),))).index)


def unapproved(found: Seen) -> Proven:
    """Give a grant that names the approval of another purpose."""
    other = found.ledger.write(found.ledger.approval("jobcenter", "Z18@1"))
    found.learn(other.index)
    return found.granted(asked(found), approval=other.index)


def approved_too_long_ago(found: Seen) -> Proven:
    """Give a grant made after its approval had run out."""
    logged = asked(found)
    return found.granted(logged, time=found.ledger.clock.ms + 366 * DAY)


def approved_on_a_condition(found: Seen) -> Proven:
    """Give a grant of an approval that demands what the request does not declare."""
    logged = asked(found)
    demanding = changed(found.ledger.approval("jobcenter", "Z16@1"), conditions=(CodeName("reason_not_from_client"),))
    other = found.ledger.write(demanding)
    found.learn(other.index)
    return found.granted(logged, approval=other.index)


def of_another_law(found: Seen) -> Proven:
    """Give a grant that rests on a registry the steering group never put into force."""
    other = load(bundle(purposes=PURPOSES.replace("answer_within_s = 3600", "answer_within_s = 7200")))
    found.view.registries[other.hash] = other
    return found.granted(asked(found), registry=other.hash)


def by_a_former_member(found: Seen) -> Proven:
    """Give a grant to an agency that has left since."""
    logged = asked(found)
    found.learn(found.ledger.write(found.ledger.leaving("jobcenter")).index)
    return found.prove(logged.index)


def to_a_former_member(found: Seen) -> Proven:
    """Give a grant of what an agency holds that has left since."""
    logged = asked(found)
    found.learn(found.ledger.write(found.ledger.leaving("kurse")).index)
    return found.prove(logged.index)


def of_no_purpose(found: Seen) -> Proven:
    """Give a grant for a purpose the law does not have."""
    logged = asked(found)
    request = changed(found.ledger.request("jobcenter", "kurse", NORM, "Z03@1"), purpose=Purpose("Z99@1"))
    return found.grant_of(request, logged, basis=None)


def of_the_wrong_pair(found: Seen) -> Proven:
    """Give a grant for a purpose that is for other kinds of agencies."""
    return found.grant_of(found.ledger.request("jobcenter", "kurse", NORM, "Z03@1"), asked(found), basis=None)


def on_the_wrong_basis(found: Seen) -> Proven:
    """Give a grant on a norm where the purpose asks for the client's consent."""
    return found.grant_of(found.ledger.request("jobcenter", "kurse", NORM, "Z16@1"), asked(found), basis=None)


def prohibited(found: Seen) -> Proven:
    """Give a grant of the immigration office for what counselling holds, on a norm and not on the client's wish."""
    logged = asked(found)
    return found.grant_of(found.ledger.request("amt", "beratung", NORM, "Z23@1"), logged, basis=None)


def of_an_unbuilt_mode(found: Seen) -> Proven:
    """Give a grant of a subscription."""
    logged = asked(found)
    consent = found.ledger.consent("beratung", "beratung", ["jobcenter"], "Z19@1")
    return found.grant_of(found.ledger.request("beratung", "jobcenter", consent), logged, basis=None)


def of_another_norm(found: Seen) -> Proven:
    """Give a grant on a norm the purpose does not name."""
    request = found.ledger.request("jobcenter", "amt", Norm("SGB X § 99"), "Z03@1")
    return found.grant_of(changed(request, declared=(CodeName("reason_not_from_client"),)), asked(found), basis=None)


def undeclared(found: Seen) -> Proven:
    """Give a grant on a statute whose condition nobody declared."""
    logged = asked(found)
    approval = next(one.index for one in found.ledger.state.approved.values() if one.purpose == "Z03@1")
    request = found.ledger.request("jobcenter", "amt", NORM, "Z03@1")
    return found.grant_of(request, logged, basis=None, approval=approval)


def _under(found: Seen, consent: st.ConsentGiven, **changes: object) -> Proven:
    """Give a forged grant under a forged consent."""
    logged = asked(found)
    note = found.ledger.sign(changed(consent, **changes)).decode()
    index = found.forge("consent.given", Recorded(time=found.ledger.clock.ms, statement=note)).index
    found.learn(index)
    request = found.ledger.request(consent.recipient, consent.holders[0], consent)
    key = AgencyId(consent.recipient), consent.purpose, request.role
    return found.grant_of(request, logged, basis=index, approval=found.ledger.state.approved[key].index)


def unreleased(found: Seen) -> Proven:
    """Give a grant under a consent that keeps the secrecy the purpose needs released."""
    return _under(found, found.ledger.consent("kurse", "beratung", purpose="Z20@1"), secrecy_release=False)


def collected_under_pressure(found: Seen) -> Proven:
    """Give a grant under a consent that the Jobcenter collected for itself."""
    return _under(found, found.ledger.consent("jobcenter", "jobcenter"))


def collected_by_nobody(found: Seen) -> Proven:
    """Give a grant under a consent whose collector has left."""
    proven = _under(found, found.ledger.consent("beratung", "jobcenter"))
    found.learn(found.ledger.write(found.ledger.leaving("beratung")).index)
    return proven


def out_of_date(found: Seen) -> Proven:
    """Give a grant made before its purpose came into force."""
    return found.granted(asked(found), time=0)


def without_evidence(found: Seen) -> Proven:
    """Give a grant whose consent the node never saw."""
    return found.prove(found.ledger.asked(found.ledger.consented()).index)


def on_another_entry(found: Seen) -> Proven:
    """Give a grant that names another entry as its consent."""
    return found.granted(asked(found), basis=0)


def of_another_kind(found: Seen) -> Proven:
    """Give a grant on a duty to cooperate that names a client's own request as its basis."""
    logged = asked(found)
    given = found.ledger.write(found.ledger.given("jobcenter", "jobcenter", "kurse"))
    found.learn(given.index)
    assert isinstance(given.leaf.statement, st.BasisGiven)
    request = found.ledger.request("jobcenter", "kurse", given.leaf.statement)
    other = changed(request.basis, kind="cooperation_duty")
    approval = next(one.index for one in found.ledger.state.approved.values() if one.purpose == "Z23@1")
    return found.grant_of(changed(request, basis=other), logged, basis=given.index, approval=approval)


def for_other_parties(found: Seen) -> Proven:
    """Give a grant under a consent that was given for somebody else."""
    logged = asked(found)
    consent = found.ledger.consent("beratung", "stadtplan")
    index = found.ledger.write(consent).index
    found.learn(index)
    return found.grant_of(found.ledger.request("jobcenter", "kurse", consent), logged, basis=index)


def for_another_holder(found: Seen) -> Proven:
    """Give a grant under a consent that names other holders."""
    logged = asked(found)
    consent = changed(found.ledger.consent("beratung", "jobcenter"), holders=(AgencyId("amt"),))
    note = found.ledger.sign(consent).decode()
    index = found.forge("consent.given", Recorded(time=found.ledger.clock.ms, statement=note)).index
    found.learn(index)
    return found.grant_of(found.ledger.request("jobcenter", "kurse", consent), logged, basis=index)


def withdrawn(found: Seen) -> Proven:
    """Give a grant under a consent that is known to be withdrawn."""
    consent = found.ledger.consented()
    found.learn(len(found.ledger.leaves) - 1)
    logged = found.ledger.asked(consent)
    found.learn(found.ledger.write(found.ledger.withdrawal("beratung", consent)).index)
    return found.prove(logged.index)


def expired(found: Seen) -> Proven:
    """Give a grant made after its consent had run out."""
    return found.granted(asked(found), time=found.ledger.clock.ms + 31 * DAY)


def too_early(found: Seen) -> Proven:
    """Give a grant made before its consent began."""
    return found.granted(asked(found), time=found.ledger.clock.ms - DAY)


def of_one_field_more(found: Seen) -> Proven:
    """Give a grant of a field that is above what the requester may see."""
    logged = asked(found)
    assert isinstance(logged.leaf.entry, Granted)
    return found.granted(logged, fields=tuple(sorted((*logged.leaf.entry.fields, FieldName("course.advice")))))


REFUSED: dict[str, Forgery] = {
    "is no grant": catalogue_entry,
    "is no gra": a_refusal,
    "is for another holder": of_another_holder,
    "rests on a registry that was not in force": of_another_law,
    "one of the two agencies is no member": by_a_former_member,
    "one of the two agencies is no mem": to_a_former_member,
    "its purpose is unknown or prohibited": of_no_purpose,
    "its purpose does not allow this pair or basis": of_the_wrong_pair,
    "its purpose does not allow this pair or bas": on_the_wrong_basis,
    "its purpose is unknown or prohib": prohibited,
    "its purpose is not of this mode": of_an_unbuilt_mode,
    "its purpose is not of this mode or norm": of_another_norm,
    "a condition its purpose needs": undeclared,
    "its basis does not release from secrecy": unreleased,
    "its consent was collected by an agency that may sanction": collected_under_pressure,
    "its consent was collected by an agency that may": collected_by_nobody,
    "its purpose was not in force": out_of_date,
    "names an approval of something else": unapproved,
    "its approval had run out": approved_too_long_ago,
    "its approval's conditions are not declared": approved_on_a_condition,
    "the basis it names was not proven": without_evidence,
    "the basis it names was not prov": on_another_entry,
    "the basis it names was not pro": of_another_kind,
    "its basis is for other parties": for_other_parties,
    "its basis is for other parties or": for_another_holder,
    "its basis is over": withdrawn,
    "its basis is over,": expired,
    "its basis is over, or": too_early,
    "grants more than this node's own minimising": of_one_field_more,
}


HOLDERS: dict[Forgery, str] = {
    prohibited: "beratung",
    of_an_unbuilt_mode: "jobcenter",
    of_another_norm: "amt",
    undeclared: "amt",
}
"""Who is asked where it is not the provider."""


@pytest.mark.parametrize(("why", "forgery"), REFUSED.items(), ids=[forgery.__name__ for forgery in REFUSED.values()])
def test_a_grant_is_refused(why: str, forgery: Forgery) -> None:
    """Whatever a broker may have let through, the holder finds on its own, and says which rule it breaks."""
    found = seen()
    proven = forgery(found)
    holder = HOLDERS.get(forgery, "kurse")
    with pytest.raises(NotAuthentic, match=f"grant: {why}") as refused:
        accept(proven, None, found.holding._replace(agency=AgencyId(holder)))
    assert refused.value.code is Code.NOT_ENTITLED


def test_another_sealed_person_is_refused() -> None:
    """The person block beside a grant must be the one its request names."""
    found = seen()
    proven = found.prove(asked(found).index)
    with pytest.raises(NotAuthentic, match="another sealed person"):
        accept(proven, PERSON + b"!", found.holding)


@pytest.mark.parametrize("lacking", ["registry", "approval", "chain"])
def test_a_grant_beyond_ones_knowledge_waits(lacking: str) -> None:
    """What cannot be judged yet is neither accepted nor called false."""
    found = seen()
    logged = asked(found)
    unknown: dict[str, object] = {"registry": "0" * 64, "approval": 0, "chain": found.view.chain + 1}
    proven = found.granted(logged, **{lacking: unknown[lacking]})
    with pytest.raises(Unavailable):
        accept(proven, None, found.holding)
