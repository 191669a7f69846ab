"""Step 9 at the holder: which row is the person, and whether the machine may answer."""

import pytest

from adapters.node.core.accept import AcceptedGrant, accept
from adapters.node.core.matching import Found, Match, Outcome
from adapters.node.core.matching.unlisted import match_exactly
from adapters.node.core.release import Parties, decide_release
from adapters.sources.port import Candidate, LocalRef
from consent_ledger.core.approval import Approval
from schemas.ids import AgencyId, CodeName, Purpose
from schemas.record import PersonBlock
from schemas.registry import AgencyKind, Labels, load
from schemas.registry_files import bundle_of
from tests.support.node_view import seen
from tests.support.registry import shipped

PERSON = PersonBlock(family_name="Müller-Beispiel", given_names="Bente Mai", birth_date="1991-03-17", sex="w")


def row(ref: str, *, blocked: bool = False, guardian: bool = False, **changes: object) -> Candidate:
    """Give a row of the holder's source that is the person but for some changes."""
    person = PERSON.model_copy(update=changes)
    return Candidate(LocalRef(ref), ref, person, transfer_block=blocked, guardian=guardian)


@pytest.mark.parametrize(
    ("rows", "outcome", "refs"),
    [
        ((), "none", ()),
        ((row("1"),), "certain", ("1",)),
        ((row("1", family_name="MU\u0308LLER-BEISPIEL "),), "certain", ("1",)),
        ((row("1", sex=None),), "certain", ("1",)),
        ((row("1"), row("2", given_names="Berit")), "ambiguous", ("1",)),
        ((row("1"), row("2")), "ambiguous", ("1", "2")),
        ((row("1", sex="m"),), "probable", ("1",)),
        ((row("1", birth_date="1991"),), "probable", ("1",)),
        ((row("1", birth_date=None),), "probable", ("1",)),
        ((row("1", given_names="Berit"),), "probable", ("1",)),
        ((row("1", given_names="Berit"), row("2", birth_date="1991-03")), "ambiguous", ("1", "2")),
    ],
)
def test_match(rows: tuple[Candidate, ...], outcome: str, refs: tuple[str, ...]) -> None:
    """Only one full agreement is certain; what agrees in part is for a human to look at."""
    found = match_exactly(PERSON, rows)
    assert found.outcome == outcome
    assert tuple(one.candidate.ref for one in found.candidates) == refs


def test_a_person_without_a_full_birth_date_is_never_certain() -> None:
    """A year alone does not tell two people apart, even where both sides have nothing better."""
    person = PERSON.model_copy(update={"birth_date": "1991"})
    assert match_exactly(person, (row("1", birth_date="1991"),)).outcome == "probable"


# -- the way of an answer -------------------------------------------------------------------------------------------


def kind(*, section35: bool = False, secret: bool = False) -> AgencyKind:
    """Give a kind of agency."""
    return AgencyKind(
        name=CodeName("kind"),
        label=Labels(de="Art", en="kind"),
        public=True,
        section35=section35,
        secrecy_203=False,
        secret_clientele=secret,
        sanction_power=False,
        ceiling=2,
    )


def approval(*, automatic: bool) -> Approval:
    """Give the holder's approval."""
    return Approval(0, AgencyId("kurse"), CodeName("x"), Purpose("Z16@1"), frozenset(), 0, 2, automatic)


@pytest.fixture(scope="module")
def grant() -> AcceptedGrant:
    """Give an accepted grant of a purpose that the machine may answer."""
    found = seen()
    consent = found.ledger.consented()
    found.learn(len(found.ledger.leaves) - 1)
    return accept(found.prove(found.ledger.asked(consent).index), None, found.holding)


def found_as(outcome: Outcome, *rows: Candidate) -> Match:
    """Give rows as a matcher gives them."""
    return Match(outcome, tuple(Found(one, 0.0, frozenset()) for one in rows))


CERTAIN = found_as("certain", row("1"))
PLAIN = Parties(kind(), kind(), None)


@pytest.mark.parametrize(
    ("found", "parties", "first", "way", "why"),
    [
        (found_as("none"), PLAIN, True, "none", "no_match"),
        (found_as("certain", row("1", blocked=True)), PLAIN, False, "none", "transfer_block"),
        (found_as("ambiguous", row("1"), row("2", blocked=True)), PLAIN, False, "none", "transfer_block"),
        (found_as("ambiguous", row("1"), row("2")), PLAIN, False, "human", "match_ambiguous"),
        (found_as("probable", row("1")), PLAIN, False, "human", "match_probable"),
        (found_as("certain", row("1", guardian=True)), PLAIN, False, "human", "guardian"),
        (CERTAIN, Parties(kind(), kind(secret=True), None), True, "human", "secret_clientele"),
        (CERTAIN, Parties(kind(), kind(secret=True), None), False, "automatic", "certain_match"),
        (CERTAIN, Parties(kind(), kind(section35=True), None), False, "human", "social_data"),
        (
            CERTAIN,
            Parties(kind(section35=True), kind(section35=True), approval(automatic=False)),
            False,
            "human",
            "social_data",
        ),
        (CERTAIN, Parties(kind(), kind(section35=True), approval(automatic=True)), False, "human", "social_data"),
        (
            CERTAIN,
            Parties(kind(section35=True), kind(section35=True), approval(automatic=True)),
            False,
            "automatic",
            "certain_match",
        ),
        (CERTAIN, PLAIN, True, "automatic", "certain_match"),
        (CERTAIN, PLAIN._replace(single_case=True), False, "human", "officer_demands_human"),
    ],
)
def test_the_way_of_an_answer(
    grant: AcceptedGrant, found: Match, parties: Parties, way: str, why: str, *, first: bool
) -> None:
    """The holder's vetoes stand in their order; only a certain match that none of them stops is answered by machine."""
    assert decide_release(grant, found, parties, first=first) == (way, why)


def test_a_blocked_person_is_answered_for_under_no_purpose(grant: AcceptedGrant) -> None:
    """V07: whatever the law says of a purpose, and whichever kinds ask and answer, a transfer block ends it."""
    blocked = found_as("certain", row("1", blocked=True))
    for rule in load(bundle_of(shipped())).purposes.values():
        open_rule = rule._replace(row=rule.row.model_copy(update={"release": "automatic", "secrecy_release": "never"}))
        for parties in (PLAIN, Parties(kind(section35=True), kind(section35=True), approval(automatic=True))):
            given = decide_release(grant._replace(rule=open_rule), blocked, parties, first=False)
            assert given == ("none", "transfer_block")


@pytest.mark.parametrize("release", ["human", "two_humans"])
def test_a_purpose_may_demand_humans(grant: AcceptedGrant, release: str) -> None:
    """Where the law says so, even a certain match waits for a human, or for two."""
    rule = grant.rule._replace(row=grant.rule.row.model_copy(update={"release": release}))
    demanding = grant._replace(rule=rule)
    assert decide_release(demanding, CERTAIN, PLAIN, first=False) == ("human", f"purpose_demands_{release}")
