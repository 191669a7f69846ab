"""What an auditor is shown of entries: who, for what, on which basis, and which of them are one exchange."""

from broker.core.log_lines import Line, Timeline, Wanted, grant_of, line_of
from consent_ledger.core.leaf import read_leaf
from schemas import statements as st
from schemas.errors import Pruned
from schemas.ids import ExchangeId
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.pens import NORM, changed


def line_at(ledger: Ledger, index: int) -> Line:
    """Say what an entry says."""
    return line_of(index, read_leaf(ledger.leaves[index]), ledger.leaves.__getitem__)


def followed(ledger: Ledger, asked: Logged, basis: str | None) -> Timeline:
    """Follow an exchange to the end of the log."""
    timeline = Timeline(line_at(ledger, asked.index), basis)
    for index, raw in enumerate(ledger.leaves[asked.index + 1 :], asked.index + 1):
        timeline.see(index, raw, ledger.leaves.__getitem__)
    return timeline


def test_a_grant_says_what_it_rests_on() -> None:
    """Parties, purpose, basis and fields, what was cut by which rule, and the entries of approval and consent."""
    ledger = founded()
    given = ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    asked = ledger.asked(consent)
    line = line_at(ledger, asked.index)
    assert (line.kind, line.agency, line.others) == ("exchange.granted", "jobcenter", ("kurse",))
    assert (line.purpose, line.basis, line.reason) == ("Z16@1", "consent", "")
    assert line.fields
    assert line.rests_on[-1] == given.index
    assert line_at(ledger, line.rests_on[0]).kind == "approval.given"


def test_an_outcome_is_told_with_the_request_it_answers() -> None:
    """A holder's answer names neither requester nor purpose; both come from the grant, which it rests on."""
    ledger = founded()
    ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    asked = ledger.asked(consent)
    answer = line_at(ledger, ledger.answer(asked).index)
    assert (answer.kind, answer.agency, answer.others) == ("exchange.disclosed", "kurse", ("jobcenter",))
    assert (answer.purpose, answer.basis, answer.rests_on) == ("Z16@1", "consent", (asked.index,))
    assert answer.fields == line_at(ledger, asked.index).fields
    pending = ledger.asked(consent)
    ledger.write(ledger.withdrawal("kurse", consent))
    withheld = line_at(ledger, ledger.answer(pending).index)
    assert (withheld.kind, withheld.reason, withheld.fields) == ("exchange.withheld", "consent_withdrawn", ())
    refused = line_at(ledger, ledger.asked(consent).index)
    assert (refused.kind, refused.reason, bool(refused.rules)) == ("exchange.refused", "consent_withdrawn", True)


def test_every_other_entry_has_a_line_too() -> None:
    """Steering, approvals, catalogues, consents, refusals, given bases and the client's own word."""
    ledger = founded()
    ledger.write(ledger.refusal("beratung", "jobcenter"))
    given = ledger.write(basis := ledger.given("beratung", "amt", "beratung"))
    ended = ledger.write(ledger.client_withdrawal(basis))
    lines = [line_at(ledger, index) for index in range(len(ledger.leaves))]
    by_kind = {line.kind: line for line in lines}
    assert by_kind["shard.opened"].agency == "steering"
    assert by_kind["member.admitted"].others
    assert by_kind["key.added"].others
    assert by_kind["approval.given"].purpose
    assert by_kind["catalogue.set"].fields
    assert (by_kind["consent.refused"].others, by_kind["consent.refused"].basis) == (("jobcenter",), "consent")
    assert (lines[given.index].basis, lines[given.index].others) == (basis.kind, ("amt", "beratung"))
    assert (lines[ended.index].agency, lines[ended.index].kind) == ("client", "client.withdrawn")


def test_a_timeline_holds_one_exchange_and_what_ended_its_basis() -> None:
    """Grant, withdrawal, withheld; the entries of others, and of the same consent's other requests, are left out."""
    ledger = founded()
    ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    asked, other = ledger.asked(consent), ledger.asked(consent)
    ledger.answer(other)
    ledger.write(ledger.withdrawal("kurse", consent))
    ledger.answer(asked)
    timeline = followed(ledger, asked, consent.consent)
    assert [line.kind for line in timeline.lines] == ["consent.withdrawn", "exchange.withheld"]
    assert not timeline.over


def test_a_renewal_of_the_basis_stands_in_the_timeline_and_another_consent_does_not() -> None:
    """It is why an answer is withheld; a renewal of somebody else's consent is none of this exchange's."""
    ledger = founded()
    consent, other = ledger.consented(), ledger.consented()
    asked = ledger.asked(consent)
    ledger.consented(replaces=other.consent)
    ledger.consented(replaces=consent.consent)
    ledger.answer(asked)
    kinds = [line.kind for line in followed(ledger, asked, consent.consent).lines]
    assert kinds == ["consent.given", "exchange.withheld"]


def test_a_timeline_ends_with_the_acknowledgement() -> None:
    """What comes after belongs to it no more; an acknowledgement may name several exchanges."""
    ledger = founded()
    ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    asked = ledger.asked(consent)
    ledger.answer(asked)
    request = asked.leaf.statement
    assert isinstance(request, st.Request)
    ledger.write(ledger.acknowledgement("jobcenter", "kurse", [request.exchange]))
    ledger.write(ledger.withdrawal("kurse", consent))
    timeline = followed(ledger, asked, consent.consent)
    assert timeline.over
    assert [line.kind for line in timeline.lines] == ["exchange.disclosed", "exchange.acknowledged"]
    assert timeline.lines[-1].others == ("kurse",)


def test_a_refusal_is_over_at_once() -> None:
    """Nothing follows a request that was refused; one on a statute has no basis that could end."""
    ledger = founded()
    ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    ledger.write(ledger.withdrawal("kurse", consent))
    assert followed(ledger, ledger.asked(consent), consent.consent).over
    on_statute = ledger.write(ledger.request("jobcenter", "kurse", NORM))
    assert line_at(ledger, on_statute.index).basis == "statute"
    assert followed(ledger, on_statute, None).lines == []


def test_a_filter_takes_what_it_asks_for() -> None:
    """Each of its parts alone shuts out what does not fit; an empty one takes all."""
    ledger = founded()
    ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    asked = ledger.asked(consent)
    raw, line = ledger.leaves[asked.index], line_at(ledger, asked.index)
    assert line.exchange is not None
    for fits in (
        Wanted(),
        Wanted(agency="jobcenter"),
        Wanted(agency="kurse"),
        Wanted(purpose="Z16@1"),
        Wanted(basis="consent"),
        Wanted(kind="exchange.granted"),
        Wanted(exchange=line.exchange),
    ):
        assert fits.may_be(raw), fits
        assert fits.takes(line), fits
    for misfit in (Wanted(agency="amt"), Wanted(purpose="Z17@1"), Wanted(basis="statute")):
        assert not misfit.takes(line), misfit
    for misfit in (Wanted(kind="exchange.refused"), Wanted(exchange=ExchangeId("0" * 32))):
        assert not misfit.may_be(raw), misfit


def test_only_outcomes_answer_a_grant() -> None:
    """An outcome's entry names the grant's index; no other entry does."""
    ledger = founded()
    asked = ledger.asked()
    assert grant_of(asked.leaf) is None
    assert grant_of(read_leaf(ledger.leaves[ledger.answer(asked).index])) == asked.index


def test_an_outcome_whose_request_is_gone_says_what_it_says_itself() -> None:
    """A grant that was pruned is not read; holder, exchange and fields of the answer stand all the same."""
    ledger = founded()
    answered = ledger.answer(ledger.asked())

    def gone(index: int) -> bytes:
        raise Pruned(str(index))

    line = line_of(answered.index, answered.leaf, gone)
    assert (line.agency, line.others, line.purpose) == ("kurse", (), None)
    assert line.exchange == line.id == getattr(answered.leaf.statement, "exchange", "")
    assert line.fields


def test_what_a_line_is_about_has_a_name() -> None:
    """Consents, bases, approvals, keys and shards are named by their ids, whatever happens to them."""
    ledger = founded()
    ledger.write(consent := ledger.consent("beratung", "jobcenter"))
    ledger.write(basis := ledger.given("beratung", "amt", "beratung"))
    approval = ledger.approval("amt", "Z16@1")
    named = [
        (ledger.write(ledger.recoding("beratung", consent, "1" * 64, "2" * 64)), consent.consent),
        (ledger.write(ledger.withdrawal("beratung", consent)), consent.consent),
        (ledger.write(ledger.withdrawal("beratung", basis)), basis.given),
        (ledger.write(approval), approval.approval),
        (ledger.write(ledger.approval_end(approval)), approval.approval),
        (ledger.write(ledger.key("amt", "dpo", 2)), "musterstadt.example/amt/dpo-2"),
        (ledger.write(ledger.revocation("amt", "dpo", 2)), "musterstadt.example/amt/dpo-2"),
        (ledger.write(ledger.agency_head("amt")), ""),
        (ledger.write(ledger.closing()), "musterstadt.example/log/2026-12"),
    ]
    assert [line_at(ledger, logged.index).id for logged, _ in named] == [name for _, name in named]


def test_a_purpose_without_a_version_is_any_version_of_it() -> None:
    """Z16 finds Z16@1; Z16@2 and Z1 do not. Times are from the first on, and before the last."""
    ledger = founded()
    line = line_at(ledger, ledger.write(ledger.consent("beratung", "jobcenter")).index)
    assert [Wanted(purpose=name).takes(line) for name in ("Z16", "Z16@1", "Z16@2", "Z1")] == [True, True, False, False]
    assert [Wanted(from_ms=5, until_ms=7).within(at_ms) for at_ms in (4, 5, 6, 7)] == [False, True, True, False]
