"""The main job end to end in one process: consent at counselling, request by the Jobcenter, record from the provider."""

from pathlib import Path

from adapters.node.collector import Taken
from adapters.node.core.compose import Question
from schemas.ids import AgencyId, CodeName, FieldName, Purpose
from schemas.record import PersonBlock
from tests.support.memory_source import MemorySource
from tests.support.node_world import World

PERSON = PersonBlock(family_name="Al-Hamadi", given_names="Rima", birth_date="1991-03-17")
FIELDS = ("course_participation.state", "course_participation.started_on", "course_results.exam_result")


def provider() -> MemorySource:
    """A course provider's source with one participant and more fields than any purpose needs."""
    fields = frozenset(FieldName(name) for name in (*FIELDS, "course_participation.hours_used", "language.literacy"))
    source = MemorySource(fields)
    source.add("T-1", PERSON, {"course_participation.state": "running", "course_participation.started_on": "2026-02-02"})
    return source


async def town(folder: Path, **timing: int) -> World:
    """Three agencies: counselling collects, the Jobcenter asks, the course provider holds."""
    world = await World.start(folder, **timing)
    await world.admit("beratung", "mbe")
    await world.admit("jobcenter", "jobcenter")
    await world.admit("sprachschule", "course_provider", provider())
    for node in world.nodes.values():
        await node.federation.catch_up()
    await world.publish_catalogue("sprachschule")
    await world.approve("jobcenter", "Z16@1")
    return world


def taken(world: World, *, uses: int = 3, person: PersonBlock = PERSON) -> Taken:
    """A consent for the Jobcenter to ask the provider, taken at counselling."""
    return Taken(
        purpose=Purpose("Z16@1"),
        recipient=AgencyId("jobcenter"),
        holders=(AgencyId("sprachschule"),),
        fields=tuple(FieldName(name) for name in FIELDS),
        person=person,
        expires=world.clock.ms + 30 * 86_400_000,
        uses=uses,
        text_sha256="0" * 64,
        language="ar",
        medium="screen",
        capacity="own",
        secrecy_release=False,
    )


async def test_main_job(tmp_path: Path) -> None:
    """The record arrives with the granted fields only, the ledger replays, and each step stands in it once."""
    world = await town(tmp_path)
    consent = await world.nodes["beratung"].collector.collect(taken(world))
    question = Question(Purpose("Z16@1"), AgencyId("sprachschule"), CodeName("adviser"), "staff-7", consent=consent.id)
    asked = await world.nodes["jobcenter"].requester.ask(question)
    assert asked.state == "answered", (asked, world.codes)
    assert {one.field for one in asked.record.fields} == set(FIELDS)
    assert world.sources["sprachschule"].read == [frozenset(FIELDS)]
    again = await world.nodes["jobcenter"].requester.ask(question)
    assert again.state == "answered", (again, world.codes)
    await world.nodes["beratung"].collector.withdraw(consent.id)
    refused = await world.nodes["jobcenter"].requester.ask(question)
    assert (refused.state, refused.reason) == ("refused", "consent_withdrawn")
    assert world.replay() == []
    await world.close()
    assert world.kinds().count("exchange.disclosed") == 2
