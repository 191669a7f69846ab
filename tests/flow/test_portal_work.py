"""Whole pieces of work through the pages of running nodes: a question, a release by hand, an approval."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.store.rows import AskedState
from adapters.sources.paper import PaperMapping, PaperSource
from schemas import messages as ms
from schemas.errors import Code
from schemas.ids import FieldName
from schemas.record import PersonBlock
from schemas.statements import SINGLE_CASE
from tests.support.node_world import World
from tests.support.portal_visit import House, Seated
from tests.support.small_town import COLLECTOR, FIELDS, HOLDER, PERSON, REQUESTER, VALUES, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

STATE = "course_participation.state"


def seated(world: World, agency: str, role: Role) -> Seated:
    """Sit somebody down at an agency's pages."""
    return Seated(House(world.clock, world.nodes[agency]), role)


@virtual
async def test_an_adviser_asks_for_a_case_typed_by_hand(tmp_path: Path) -> None:
    """Where there is no source a client is typed in; the consent held is found, the record comes, no name in a path."""
    town = await Town.start(tmp_path)
    await town.consent()
    adviser = seated(town.world, REQUESTER, Role.ADVISER)
    said = {"family_name": PERSON.family_name.upper(), "given_names": PERSON.given_names}
    page = await adviser.send("/case", **said, birth_date=PERSON.birth_date or "")
    assert (page.status_code, page.url.path) == (200, "/case")
    page = await adviser.send("/case/question", purpose="Z16@1", holder=HOLDER)
    assert (page.status_code, "Send" in page.text) == (200, True)
    page = await adviser.send("/case/send", purpose="Z16@1", holder=HOLDER)
    assert page.status_code == 200
    assert "läuft" in page.text
    assert "Die Person hat genau in diese Weitergabe eingewilligt" in page.text
    assert "02.02.2026" in page.text
    assert PERSON.family_name.casefold() not in str(page.url).casefold()
    assert (await adviser.open("/requests")).text.count("/requests/") >= 1
    await town.close()


@virtual
async def test_a_consent_under_another_spelling_is_offered_with_what_differs(tmp_path: Path) -> None:
    """The collector wrote the name another way: the caseworker sees both, chooses, and the record comes."""
    town = await Town.start(tmp_path)
    await town.consent()
    adviser = seated(town.world, REQUESTER, Role.ADVISER)
    page = await adviser.send("/case", family_name="Alhamadi", given_names="Rimah", birth_date=PERSON.birth_date or "")
    assert PERSON.family_name in page.text
    assert "anders ist:" in page.text or "what differs:" in page.text
    page = await adviser.send("/case/send", purpose="Z16@1", holder=HOLDER)
    assert (page.status_code, "läuft" in page.text) == (200, True)
    page = await adviser.send("/case", family_name="Ganzanders", given_names="Nora", birth_date="1960-01-02")
    assert PERSON.family_name not in page.text
    await town.close()


@virtual
async def test_a_consent_that_is_used_up_is_not_offered(tmp_path: Path) -> None:
    """Of two consents the one with a use left is taken; when none has, it says that a consent is needed."""
    town = await Town.start(tmp_path)
    for uses in (1, 1):
        await town.consent(uses=uses)
    adviser = seated(town.world, REQUESTER, Role.ADVISER)
    said = {"family_name": PERSON.family_name, "given_names": PERSON.given_names}
    await adviser.send("/case", **said, birth_date=PERSON.birth_date or "")
    for status in (200, 200, 422):
        page = await adviser.send("/case/send", purpose="Z16@1", holder=HOLDER)
        assert (page.status_code, "läuft" in page.text) == (status, status == 200)
    await town.close()


@virtual
async def test_what_may_not_be_asked_is_not_asked(tmp_path: Path) -> None:
    """Without a consent the purpose is shown as not ready, and sending it anyhow changes nothing."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, REQUESTER, Role.ADVISER)
    await adviser.send("/case", family_name="Beispiel", given_names="Bente", birth_date="1991-03-17")
    page = await adviser.send("/case/send", purpose="Z16@1", holder=HOLDER)
    assert page.status_code == 422
    assert await town.requester.results("staff-1") == []
    for typed in ({"family_name": "\x00"}, {"family_name": "A", "given_names": "B", "birth_date": "17.13.91"}):
        assert (await adviser.send("/case", **typed)).status_code == 422
    assert (await adviser.open(f"/requests/{'0' * 32}")).status_code == 422
    await town.close()


@virtual
async def test_a_clerk_releases_what_is_only_probable(tmp_path: Path) -> None:
    """The rows stand side by side with what differs; after the release the record is there, and in the register."""
    town = await Town.start(tmp_path)
    town.source.rows.clear()
    town.source.add("T-9", PersonBlock(family_name="Al-Hamadi", given_names="Rima", birth_date="1991-03"), VALUES)
    asked, refused = await town.agreed(), await town.agreed()
    clerk = seated(town.world, HOLDER, Role.CLERK_ANSWER)
    page = await clerk.open("/releases")
    assert page.text.count("T-9") >= 2
    assert (await clerk.send(f"/releases/{asked.exchange}/release")).status_code == 422
    assert (await clerk.send(f"/releases/{asked.exchange}/refuse", reason="because")).status_code == 422
    assert (await clerk.send(f"/releases/{asked.exchange}/release", ref="T-9")).status_code == 200
    await clerk.send(f"/releases/{refused.exchange}/refuse", reason="too_uncertain")
    await pass_time(2)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    assert (await town.requester.result(refused.exchange)).state is AskedState.GRANTED
    assert "T-9" in (await clerk.open("/disclosures")).text
    await town.close()


@virtual
async def test_a_paper_file_is_read_by_a_human_on_the_screen(tmp_path: Path) -> None:
    """What is typed is bound by the law's lists: a wrong word changes nothing, the right one travels."""
    town = await Town.start(tmp_path)
    paper = PaperSource(PaperMapping(kind="paper", fields=tuple(FieldName(name) for name in FIELDS)))
    await town.world.nodes[HOLDER].close()
    town.world.sources[HOLDER] = paper
    await town.world.start_node(HOLDER)
    asked = await town.agreed()
    clerk = seated(town.world, HOLDER, Role.CLERK_ANSWER)
    page = await clerk.open("/releases")
    assert f'name="typed.{STATE}"' in page.text
    way = f"/releases/{asked.exchange}/release"
    assert (await clerk.send(way, ref="P-1", **{f"typed.{STATE}": "no such state"})).status_code == 422
    said = {"ref": "P-1", "verified": "document", f"typed.{STATE}": "running"}
    page = await clerk.send(way, **said, discussed="bald")
    assert (page.status_code, "Das ist kein Datum" in page.text) == (422, True)
    assert (await clerk.send(way, **said, discussed="30.01.2026")).status_code == 200
    await pass_time(2)
    result = await town.requester.result(asked.exchange)
    assert result.record is not None
    (state,) = next(one.values for one in result.record.fields if one.field == STATE)
    assert (state.value, state.verified, state.discussed) == ("running", "document", "2026-01-30")
    adviser = Seated(House(town.world.clock, town.world.nodes[REQUESTER]), Role.ADVISER, "staff-7")
    assert "30.01.2026" in (await adviser.open(f"/requests/{asked.exchange}")).text
    await town.close()


@virtual
async def test_an_officer_approves_and_ends(tmp_path: Path) -> None:
    """An approval given on the page is in force, and over once it is ended there; nonsense gives none."""
    town = await Town.start(tmp_path)
    officer = seated(town.world, COLLECTOR, Role.DPO)
    assert (await officer.send("/officer/approve", purpose="Z16@1", role="chief", days="90")).status_code == 422
    said = {"purpose": "Z16@1", "role": "adviser", "days": "90", "conditions": SINGLE_CASE}
    page = await officer.send("/officer/approve", **said, fields=list(FIELDS))
    assert page.status_code == 200
    ((name, approval),) = town.world.nodes[COLLECTOR].approvals.own().items()
    assert approval.fields == frozenset(FIELDS)
    assert approval.conditions == {SINGLE_CASE}
    await officer.send("/officer/end", approval=name)
    assert town.world.nodes[COLLECTOR].approvals.own() == {}
    await town.close()


@virtual
async def test_a_case_by_hand_takes_a_date_as_people_write_it_and_a_file_number(tmp_path: Path) -> None:
    """The same client under 17.03.1991; what was asked stands with the file number the next time the case is opened."""
    town = await Town.start(tmp_path)
    await town.consent()
    adviser = seated(town.world, REQUESTER, Role.ADVISER)
    said = {"family_name": PERSON.family_name, "given_names": PERSON.given_names, "birth_date": "17.03.1991"}
    page = await adviser.send("/case", **said, file_number="JC-2026-117")
    assert ("JC-2026-117" in page.text, "Schon angefragt" in page.text) == (True, False)
    await adviser.send("/case/send", purpose="Z16@1", holder=HOLDER)
    page = await adviser.send("/case", **said, file_number="JC-2026-117")
    assert "Schon angefragt" in page.text
    assert "Schon angefragt" not in (await adviser.send("/case", **said)).text
    for birth_date in ("17.13.1991", "31.02.1991", "gestern", "01.01.1900"):
        page = await adviser.send("/case", **(said | {"birth_date": birth_date}))
        assert (page.status_code, "Ein Datum ist ein Tag wie 17.03.1991" in page.text) == (422, True)
    await town.close()


def away(topic: str, _: bytes) -> bytes | None:
    """Answer like a broker that is out of reach."""
    return ms.pack(ms.fault(Code.UNAVAILABLE, "broker: away")) if topic.startswith("ask.") else None


@virtual
async def test_everybody_sees_what_others_hold(tmp_path: Path) -> None:
    """An agency that never asked sees the holder's latest catalogue; without the broker it sees what it has seen."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    page = await adviser.open("/holdings")
    assert (f"Kursträger ({HOLDER})" in page.text, "Stand der Teilnahme" in page.text) == (True, True)
    town.source.fields = frozenset({FieldName("course_participation.started_on")})
    await town.world.publish_catalogue(HOLDER)
    page = await adviser.open("/holdings")
    assert ("Kursbeginn" in page.text, "Stand der Teilnahme" in page.text) == (True, False)
    town.world.buses[COLLECTOR].divert = away
    page = await adviser.open("/holdings")
    assert ("Kursbeginn" in page.text, "nicht erreichbar" in page.text) == (True, True)
    await town.close()


@virtual
async def test_the_steward_publishes_the_catalogue(tmp_path: Path) -> None:
    """Everybody reads what others hold; the steward of a holder can publish anew."""
    town = await Town.start(tmp_path)
    steward = seated(town.world, HOLDER, Role.ACCESS_STEWARD)
    page = await steward.send("/holdings/publish")
    assert (page.status_code, HOLDER in page.text) == (200, True)
    assert "/holdings/publish" not in (await seated(town.world, HOLDER, Role.CLERK_ANSWER).open("/holdings")).text
    await town.close()


@virtual
async def test_an_officer_sees_what_changed_in_the_law(tmp_path: Path) -> None:
    """Before a change there is nothing to see; after it old and new stand side by side, in words."""
    town = await Town.start(tmp_path)
    officer = seated(town.world, REQUESTER, Role.DPO)
    page = await officer.open("/officer/registry")
    assert (page.status_code, "keine andere Fassung" in page.text) == (200, True)
    law = town.world.raw_registry.decode()
    assert '"answer_within_s":' in law
    changed = law.replace('"mode":"package"', '"mode":"single"', 1).replace(
        '"review":"draft"', '"review":"reviewed"', 1
    )
    changed = changed.replace('"purpose":"Z16@1"', '"purpose":"Z16@2"', 1)
    await town.world.enact(changed.encode())
    node = town.world.nodes[REQUESTER]
    await node.federation.catch_up()
    page = await officer.open("/officer/registry")
    assert page.status_code == 200
    assert town.world.registry.hash[:12] in page.text
    for word in (
        "Zweck Z",
        "mehrere Anfragen zu einem Anlass",
        "einzelne Anfrage",
        "Z16@2",
        "an Stelle von Z16@1",
        "erlaubt mehr",
    ):
        assert word in page.text, word
    await officer.send("/language", language="en")
    assert "several requests of one occasion" in (await officer.open("/officer/registry")).text
    await town.close()
