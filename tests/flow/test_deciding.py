"""A human's decision that takes more than one: a colleague who is asked, and two persons where the purpose says so."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.releases import Chosen, Releases, Wish
from adapters.node.store.colleagues import StandIn
from adapters.node.store.rows import AskedState
from adapters.sources.paper import PaperMapping, PaperSource
from adapters.sources.port import LocalRef
from adapters.sources.typed import Typed
from schemas import canonical
from schemas.errors import Code, Malformed, Misuse
from schemas.ids import ExchangeId, FieldName
from schemas.record import PersonBlock
from tests.support.node_http import Front
from tests.support.portal_visit import House, Seated
from tests.support.small_town import FIELDS, HOLDER, PERSON, VALUES, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

ANNA, BO, CEM, ASKER = "anna", "bo", "cem", "ada"
HOUR_S = 3600
STATE = FieldName("course_participation.state")


def row(by: str) -> Chosen:
    """Choose the one row, as somebody."""
    return Chosen(LocalRef("T-1"), by)


async def staffed(folder: Path, *, two: bool = False) -> Town:
    """Give a town whose holder has three colleagues who release; `two`: the purpose demands two of them."""
    town = await Town.start(folder)
    for name in (ANNA, BO, CEM):
        await town.world.nodes[HOLDER].colleagues.seen(name, name.title(), Role.CLERK_ANSWER)
    await town.world.nodes[HOLDER].colleagues.seen(ASKER, "Ada", Role.ADVISER)
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    if two:
        await town.world.enact(demanding_two(town.world.raw_registry))
        for node in town.world.nodes.values():
            await node.federation.catch_up()
    return town


def demanding_two(raw: bytes) -> bytes:
    """Give the law with one more demand: two persons release a course's state."""
    bundle = canonical.decode(raw)
    assert isinstance(bundle, dict)
    purposes = bundle["purposes"]
    assert isinstance(purposes, dict)
    rows = purposes["purpose"]
    assert isinstance(rows, list)
    (course,) = (one for one in rows if isinstance(one, dict) and one["purpose"] == "Z16@1")
    course["release"] = "two_humans"
    return canonical.encode(bundle)


async def answered(town: Town, exchange: ExchangeId) -> bool:
    """Tell whether the record has come."""
    await pass_time(5)
    return (await town.requester.result(exchange)).state is AskedState.ANSWERED


async def refused(releases: Releases, exchange: ExchangeId, by: str) -> None:
    """See that somebody can neither release nor refuse it."""
    for step in (releases.release(exchange, row(by)), releases.refuse(exchange, by, "too_uncertain")):
        with pytest.raises(Misuse) as no:
            await step
        assert no.value.code is Code.NOT_ENTITLED


async def steps(town: Town) -> list[tuple[str, str, str]]:
    """Give the log of decisions, oldest first: pseudonym, step, reason."""
    found = await town.world.nodes[HOLDER].store.deciding.steps()
    return [(one.pseudonym, one.step, one.why) for one in reversed(found)]


# -- asking a colleague ---------------------------------------------------------------------------------------------


@virtual
async def test_what_a_colleague_was_asked_is_theirs_to_decide(tmp_path: Path) -> None:
    """Until they have, the asker and all others decide nothing, and nothing leaves; every step stands by pseudonym."""
    town = await staffed(tmp_path)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    await releases.ask(exchange, ANNA, Wish(BO, "unsure_person", "Is it the one from Tuesday?"))
    for by, yours in ((ANNA, False), (CEM, False), (BO, True)):
        (waiting,) = await releases.waiting(by)
        assert (waiting.yours, waiting.handed is not None and waiting.handed.note) == (
            yours,
            "Is it the one from Tuesday?",
        )
    for by in (ANNA, CEM):
        await refused(releases, exchange, by)
    assert not await answered(town, exchange)
    await releases.release(exchange, row(BO))
    assert await answered(town, exchange)
    pseudonym = town.world.nodes[HOLDER].colleagues.staff.pseudonym
    assert await steps(town) == [
        (await pseudonym(ANNA), "asked", "unsure_person"),
        (await pseudonym(BO), "released", ""),
    ]
    assert await town.world.nodes[HOLDER].store.deciding.handed_on() == {}
    await town.close()


@virtual
async def test_a_colleague_who_was_asked_is_asked_no_longer(tmp_path: Path) -> None:
    """Asker and asked take it back, nobody else; then everybody may decide again."""
    town = await staffed(tmp_path)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    for back in (ANNA, BO):
        await releases.ask(exchange, ANNA, Wish(BO))
        with pytest.raises(Misuse):
            await releases.take_back(exchange, CEM)
        await releases.take_back(exchange, back)
        with pytest.raises(Misuse):
            await releases.take_back(exchange, back)
    await releases.refuse(exchange, CEM, "protects_the_client")
    assert not await answered(town, exchange)
    assert [one[1:] for one in await steps(town)] == [
        *(("asked", ""), ("taken_back", "")) * 2,
        ("refused", "protects_the_client"),
    ]
    await town.close()


@virtual
async def test_only_who_releases_here_can_be_asked(tmp_path: Path) -> None:
    """Nobody asks themselves, a stranger, somebody of another role, a second colleague; nothing changes then."""
    town = await staffed(tmp_path)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    for wish in (Wish(ANNA), Wish("nobody"), Wish(ASKER), Wish("")):
        with pytest.raises(Misuse):
            await releases.ask(exchange, ANNA, wish)
    with pytest.raises(Malformed):
        await releases.ask(exchange, ANNA, Wish(BO, None, "x" * 301))
    assert await steps(town) == []
    await releases.ask(exchange, ANNA, Wish(BO))
    with pytest.raises(Misuse):
        await releases.ask(exchange, ANNA, Wish(CEM))
    with pytest.raises(Misuse) as twice:
        await releases.ask(exchange, BO, Wish(CEM))
    assert twice.value.code is Code.GRANT_CLOSED
    await town.close()


@virtual
async def test_who_stands_in_decides_for_the_absent_colleague(tmp_path: Path) -> None:
    """What Bo was asked Cem may decide while standing in for Bo, under Cem's own pseudonym."""
    town = await staffed(tmp_path)
    node, releases, exchange = town.world.nodes[HOLDER], town.holder.releases, (await town.agreed()).exchange
    await releases.ask(exchange, ANNA, Wish(BO))
    with pytest.raises(Misuse):
        await node.colleagues.stand_in(StandIn(BO, ASKER, town.world.clock.now_ms() + 1000))
    await node.colleagues.stand_in(StandIn(BO, CEM, town.world.clock.now_ms() + HOUR_S * 1000))
    await releases.release(exchange, row(CEM))
    assert await answered(town, exchange)
    assert (await steps(town))[-1] == (await node.colleagues.staff.pseudonym(CEM), "released", "")
    await town.close()


@virtual
async def test_what_was_asked_ends_with_the_deadline(tmp_path: Path) -> None:
    """A question nobody decided is over at the deadline like any other, and nothing of it is kept but the steps."""
    town = await staffed(tmp_path)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    await releases.ask(exchange, ANNA, Wish(BO, None, "a note"))
    await town.world.restart(HOLDER)
    assert exchange in await town.world.nodes[HOLDER].store.deciding.handed_on()
    await pass_time(HOUR_S + 1)
    assert (await town.requester.result(exchange)).state is AskedState.NOT_AVAILABLE
    assert await town.world.nodes[HOLDER].store.deciding.handed_on() == {}
    await town.close()


@virtual
async def test_nothing_is_decided_from_its_deadline_on(tmp_path: Path) -> None:
    """Between the deadline and the moment the node notices it, a yes or a no comes too late already."""
    town = await staffed(tmp_path)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    town.world.clock.ms += HOUR_S * 1000
    for step in (releases.release(exchange, row(ANNA)), releases.refuse(exchange, ANNA, "too_uncertain")):
        with pytest.raises(Misuse) as no:
            await step
        assert no.value.code is Code.DEADLINE_PASSED
    await town.close()


# -- two persons ----------------------------------------------------------------------------------------------------


@virtual
async def test_two_persons_release_what_demands_two(tmp_path: Path) -> None:
    """A first yes is kept and nothing leaves; the same person cannot be the second, another one is, after a restart."""
    town = await staffed(tmp_path, two=True)
    exchange = (await town.agreed()).exchange
    with pytest.raises(Misuse) as early:
        await town.holder.releases.confirm(exchange, BO, 0)
    assert early.value.code is Code.GRANT_CLOSED
    first = await town.holder.releases.release(exchange, row(ANNA))
    assert first is not None
    assert not await answered(town, exchange)
    await town.world.restart(HOLDER)
    releases = town.holder.releases
    (waiting,) = await releases.waiting(BO)
    assert (waiting.two, waiting.first) == (True, first)
    for by, at, code in ((ANNA, first.at, Code.NOT_ENTITLED), (BO, first.at + 1, Code.GRANT_CLOSED)):
        with pytest.raises(Misuse) as no:
            await releases.confirm(exchange, by, at)
        assert no.value.code is code
    with pytest.raises(Misuse) as again:
        await releases.release(exchange, row(BO))
    assert again.value.code is Code.GRANT_CLOSED
    assert not await answered(town, exchange)
    await releases.confirm(exchange, BO, first.at)
    assert await answered(town, exchange)
    assert [one[1] for one in await steps(town)] == ["agreed", "released"]
    assert await town.world.nodes[HOLDER].store.deciding.agreed() == {}
    await town.close()


@virtual
async def test_one_person_is_not_two_by_standing_in(tmp_path: Path) -> None:
    """Anna stands in for Bo and was asked for Bo: she agrees once, and then it takes somebody else."""
    town = await staffed(tmp_path, two=True)
    node, releases, exchange = town.world.nodes[HOLDER], town.holder.releases, (await town.agreed()).exchange
    await node.colleagues.stand_in(StandIn(BO, ANNA, town.world.clock.now_ms() + HOUR_S * 1000))
    first = await releases.release(exchange, row(ANNA))
    assert first is not None
    with pytest.raises(Misuse):
        await releases.ask(exchange, BO, Wish(ANNA))
    await releases.ask(exchange, CEM, Wish(BO))
    with pytest.raises(Misuse) as no:
        await releases.confirm(exchange, ANNA, first.at)
    assert no.value.code is Code.NOT_ENTITLED
    with pytest.raises(Misuse):
        await releases.confirm(exchange, CEM, first.at)
    await releases.confirm(exchange, BO, first.at)
    assert await answered(town, exchange)
    await town.close()


@virtual
async def test_the_second_person_may_refuse(tmp_path: Path) -> None:
    """A no takes one person, before a first yes and after it, and looks outwardly like every other."""
    town = await staffed(tmp_path, two=True)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    first = await releases.release(exchange, row(ANNA))
    assert first is not None
    await releases.refuse(exchange, BO, "another_person")
    with pytest.raises(Misuse):
        await releases.confirm(exchange, CEM, first.at)
    await pass_time(HOUR_S + 1)
    assert (await town.requester.result(exchange)).state is AskedState.NOT_AVAILABLE
    assert await town.world.nodes[HOLDER].store.deciding.agreed() == {}
    await town.close()


@virtual
async def test_a_row_blocked_after_the_first_yes_stays(tmp_path: Path) -> None:
    """The second person confirms what is true now, not what was when the first looked."""
    town = await staffed(tmp_path, two=True)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    first = await releases.release(exchange, row(ANNA))
    assert first is not None
    town.source.add("T-1", PERSON, VALUES, blocked=True)
    with pytest.raises(Misuse) as blocked:
        await releases.confirm(exchange, BO, first.at)
    assert blocked.value.code is Code.PROHIBITED
    assert not await answered(town, exchange)
    await town.close()


@virtual
async def test_the_second_person_confirms_what_the_first_typed(tmp_path: Path) -> None:
    """From a paper file: a wrong word is no first yes, the right one travels as the first person typed it."""
    town = await staffed(tmp_path, two=True)
    town.world.sources[HOLDER] = PaperSource(PaperMapping(kind="paper", fields=tuple(map(FieldName, FIELDS))))
    await town.world.nodes[HOLDER].close()
    await town.world.start_node(HOLDER)
    releases, exchange = town.holder.releases, (await town.agreed()).exchange
    with pytest.raises(Malformed):
        await releases.release(exchange, Chosen(LocalRef("P-1"), ANNA, {STATE: (Typed(text="no such state"),)}))
    typed = {STATE: (Typed(text="running", verified="document"),)}
    first = await releases.release(exchange, Chosen(LocalRef("P-1"), ANNA, typed))
    assert first is not None
    await releases.confirm(exchange, BO, first.at)
    assert await answered(town, exchange)
    record = (await town.requester.result(exchange)).record
    assert record is not None
    (value,) = next(one.values for one in record.fields if one.field == STATE)
    assert (value.value, value.verified) == ("running", "document")
    await town.close()


# -- on the pages --------------------------------------------------------------------------------------------------


def clerk(town: Town, staff: str) -> Seated:
    """Sit a colleague down at the release list."""
    return Seated(House(town.world.clock, town.world.nodes[HOLDER]), Role.CLERK_ANSWER, staff)


@virtual
async def test_a_colleague_is_asked_on_the_page(tmp_path: Path) -> None:
    """The list says to each whose turn it is and why; the form of who may not decide is not there."""
    town = await staffed(tmp_path)
    exchange = (await town.agreed()).exchange
    anna, bo, cem = (clerk(town, name) for name in (ANNA, BO, CEM))
    way = f"/releases/{exchange}"
    for said in ({"colleague": "nobody"}, {"colleague": BO, "why": "because"}, {"colleague": BO, "note": "x" * 301}):
        assert (await anna.send(f"{way}/ask", **said)).status_code == 422
    page = await anna.send(f"{way}/ask", colleague=BO, why="unsure_person", note="Siehe Dienstag")
    assert ("Bis zur Entscheidung verlässt nichts die Stelle" in page.text, f"{way}/release" in page.text) == (
        True,
        False,
    )
    assert f"{way}/take-back" in page.text
    for seat, forms in ((bo, (True, True)), (cem, (False, False))):
        page = await seat.open("/releases")
        assert ("Siehe Dienstag" in page.text, "unsicher, ob es die Person ist" in page.text) == (True, True)
        assert (f"{way}/release" in page.text, f"{way}/take-back" in page.text) == forms
    assert (await cem.send(f"{way}/release", ref="T-1")).status_code == 422
    page = await bo.send(f"{way}/take-back")
    assert "Die Frage liegt wieder bei allen" in page.text
    assert "Die Frage liegt wieder bei allen" not in (await bo.open("/releases")).text
    assert "Freigegeben." in (await cem.send(f"{way}/release", ref="T-1")).text
    officer = Seated(House(town.world.clock, town.world.nodes[HOLDER]), Role.DPO, "staff-1")
    page = await officer.open("/watch")
    assert ("Kollegin oder Kollegen gefragt" in page.text, "Siehe Dienstag" in page.text) == (True, False)
    await town.close()


@virtual
async def test_two_persons_on_the_page(tmp_path: Path) -> None:
    """The second sees what the first chose, marked, beside what was asked for, and confirms that."""
    town = await staffed(tmp_path, two=True)
    exchange = (await town.agreed()).exchange
    anna, bo = clerk(town, ANNA), clerk(town, BO)
    way = f"/releases/{exchange}"
    assert "zwei Personen" in (await anna.open("/releases")).text
    page = await anna.send(f"{way}/release", ref="T-1")
    assert ("Es fehlt noch eine zweite Person" in page.text, f"{way}/confirm" in page.text) == (True, False)
    page = await bo.open("/releases")
    assert ("gewählt" in page.text, f"{way}/release" in page.text) == (True, False)
    agreed_at = page.text.split('name="agreed_at" value="')[1].split('"')[0]
    for seat, at in ((anna, agreed_at), (bo, "soon"), (bo, "1")):
        assert (await seat.send(f"{way}/confirm", agreed_at=at)).status_code == 422
    assert not await answered(town, exchange)
    assert (await bo.send(f"{way}/confirm", agreed_at=agreed_at)).status_code == 200
    assert await answered(town, exchange)
    await town.close()


@virtual
async def test_what_differs_is_marked(tmp_path: Path) -> None:
    """Every part known on both sides and not the same is marked in the row, and no other."""
    town = await staffed(tmp_path)
    town.source.rows.clear()
    town.source.add("T-2", PersonBlock(family_name="Al-Hamadi", given_names="Rima M.", birth_date="1991-03"), VALUES)
    await town.agreed()
    page = await clerk(town, ANNA).open("/releases")
    marks = [mark.split("</bdi>")[0] for mark in page.text.split('<mark class="hs-differs"><bdi>')[1:]]
    assert marks == ["Rima M.", "03.1991"]
    assert page.text.count("<bdi>Al-Hamadi</bdi>") == 2
    await town.close()


@virtual
async def test_a_certain_match_is_shown_beside_what_was_asked(tmp_path: Path) -> None:
    """Whom a human must decide about for another reason than a doubt stands there all the same, with no mark."""
    town = await staffed(tmp_path, two=True)
    await town.agreed()
    page = await clerk(town, ANNA).open("/releases")
    assert (page.text.count(f"<bdi>{PERSON.family_name}</bdi>"), "<mark" in page.text) == (2, False)
    await town.close()


# -- over HTTP ------------------------------------------------------------------------------------------------------


@virtual
async def test_two_persons_over_http(tmp_path: Path) -> None:
    """202 keeps a first yes; the same person's confirmation is a conflict, the second one's lets the record travel."""
    town = await staffed(tmp_path, two=True)
    holder, exchange = Front(town, HOLDER), (await town.agreed()).exchange
    way = f"/v1/releases/{exchange}"

    async def call(staff: str, step: str, body: object) -> tuple[int, object]:
        answer = await holder.call(Role.CLERK_ANSWER, "POST", f"{way}/{step}", body, staff=staff)
        return answer.status_code, answer.json() if answer.content else None

    colleagues = await holder.call(Role.CLERK_ANSWER, "GET", "/v1/releases/colleagues", staff=ANNA)
    assert [one["staff"] for one in colleagues.json()] == [BO, CEM]
    assert (await call(ANNA, "ask", {"colleague": BO, "reason": "second_opinion"}))[0] == 204
    assert (await call(ANNA, "release", {"ref": "T-1"}))[0] == 409
    assert (await call(ANNA, "take-back", None))[0] == 204
    assert (await call(ANNA, "ask", {"colleague": BO, "reason": "because"}))[0] == 422
    status, kept = await call(ANNA, "release", {"ref": "T-1"})
    assert (status, isinstance(kept, dict)) == (202, True)
    assert (await call(ANNA, "confirm", kept))[0] == 409
    (line,) = (await holder.call(Role.CLERK_ANSWER, "GET", "/v1/releases", staff=BO)).json()
    assert (line["two_persons"], line["agreed"]["staff"], line["yours"]) == (True, ANNA, True)
    assert not await answered(town, exchange)
    assert (await call(BO, "confirm", kept))[0] == 204
    assert await answered(town, exchange)
    log = (await holder.call(Role.DPO, "GET", "/v1/releases/steps")).json()
    assert [one["step"] for one in log] == ["released", "agreed", "taken_back", "asked"]
    assert ANNA not in str(log)
    await town.close()
