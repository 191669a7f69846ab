"""What a client is shown of the log: all under their own code, and nothing of anybody else."""

from collections.abc import Iterable

from broker.core.client_story import Step, Story
from schemas import statements as st
from schemas.ids import CodeName, Hash
from tests.support.ledger_world import Ledger, Logged, founded
from tests.support.pens import NORM, changed


def told(ledger: Ledger, first: Logged, view: str = "") -> list[Step]:
    """Read the log from the entry a code belongs to."""
    story = Story(view)
    for index, raw in enumerate(ledger.leaves[first.index :], first.index):
        story.see(index, raw)
    return story.steps


def words(steps: Iterable[Step]) -> list[str]:
    """Give what happened, in order."""
    return [step.what for step in steps]


def test_everything_under_a_consent_is_told_in_order() -> None:
    """Given, asked, disclosed, not available, refused, withheld, new codes, withdrawn: each with who, what and when."""
    ledger = founded()
    given = ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9))
    ledger.answer(ledger.asked(consent))
    ledger.answer(ledger.asked(consent), "unavailable")
    ledger.answer(ledger.asked())  # somebody else's consent
    ledger.write(ledger.recoding("beratung", consent, "NEWVIEWNEWVIEWNE", "NEWSTOPNEWSTOPNE"))
    ledger.write(ledger.recoding("jobcenter", consent, "NEWVIEWNEWVIEWNE", "NEWSTOPNEWSTOPNE"))
    pending = ledger.asked(consent)
    ledger.write(ledger.withdrawal("kurse", consent))
    ledger.answer(pending)
    ledger.asked(consent)
    steps = told(ledger, given)
    assert words(steps) == [
        "given",
        *("asked", "disclosed"),
        *("asked", "unavailable"),
        "recoded",
        *("asked", "withdrawn", "withheld", "refused"),
    ]
    assert (steps[0].agency, steps[0].other, steps[0].purpose) == ("beratung", "jobcenter", "Z16@1")
    assert (steps[1].agency, steps[1].other) == ("jobcenter", "kurse")
    assert (steps[2].agency, steps[2].other, steps[2].fields) == ("kurse", "jobcenter", steps[1].fields)
    assert steps[-1].reason == "consent_withdrawn"
    withheld = next(step for step in steps if step.what == "withheld")
    assert (withheld.index, withheld.at_ms > ledger.clock.ms) == (-1, True), "nobody learns here sooner what came of it"
    seen = [step for step in steps if step is not withheld]
    assert [step.index for step in seen] == sorted(step.index for step in seen)
    assert all(step.at_ms == ledger.clock.ms for step in seen)


def test_what_the_client_ended_is_told_as_the_clients_own() -> None:
    """A given basis has a page of its own, too."""
    ledger = founded()
    given = ledger.write(basis := ledger.given("beratung", "amt", "beratung"))
    ledger.write(ledger.client_withdrawal(basis))
    assert words(told(ledger, given)) == ["given", "withdrawn_by_client"]
    given = ledger.write(basis := ledger.given("beratung", "amt", "beratung"))
    ledger.write(ledger.withdrawal("beratung", basis))
    assert words(told(ledger, given)) == ["given", "withdrawn"]


def test_a_notice_opens_its_own_request_alone() -> None:
    """On a statute there is no consent: the code belongs to one request, its answer included."""
    ledger = founded()
    view = Hash("ab" * 32)
    request = ledger.request("jobcenter", "amt", NORM, "Z03@1")
    mine = changed(request, declared=(CodeName("reason_not_from_client"),), view=view)
    asked = ledger.write(mine)
    assert ledger.state.views[bytes.fromhex(view)] == asked.index
    ledger.answer(asked)
    assert words(told(ledger, asked, view)) == ["asked", "disclosed"]
    assert told(ledger, asked, "cd" * 32) == []


def test_a_code_of_something_else_opens_nothing() -> None:
    """An entry that is no beginning of a story shows nothing at all; nor does a request that was rejected."""
    ledger = founded()
    head = ledger.write(ledger.agency_head("amt"))
    ledger.consented()
    assert told(ledger, head) == []
    consent = ledger.consented()
    asked = ledger.write(changed(ledger.request("jobcenter", "kurse", consent), exp=ledger.clock.ms - 1))
    assert isinstance(asked.leaf.statement, st.Request)
    assert asked.kind == "statement.rejected"
    given = Logged(next(i for i, raw in enumerate(ledger.leaves) if consent.consent.encode() in raw), asked.leaf)
    assert words(told(ledger, given)) == ["given"]


def test_what_only_names_an_exchange_is_no_step() -> None:
    """An acknowledgement of what is not answered yet bears the exchange's id, and tells a client nothing."""
    ledger = founded()
    given = ledger.write(consent := ledger.consent("beratung", "jobcenter"))
    asked = ledger.asked(consent)
    assert isinstance(asked.leaf.statement, st.Request)
    ledger.write(ledger.acknowledgement("jobcenter", "kurse", [asked.leaf.statement.exchange]))
    assert words(told(ledger, given)) == ["given", "asked"]


def test_a_renewal_is_the_last_step_of_the_old_story_and_the_first_of_the_new() -> None:
    """The consent that renews another bears the other's id; what happens under it is no step of the other."""
    ledger = founded()
    old = ledger.write(consent := ledger.consent("beratung", "jobcenter"))
    new = ledger.write(renewed := changed(ledger.consent("beratung", "jobcenter"), replaces=consent.consent))
    ledger.asked(renewed)
    assert words(told(ledger, old)) == ["given", "renewed"]
    assert words(told(ledger, new)) == ["given", "asked"]
