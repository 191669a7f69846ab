"""Three agencies in a small world: counselling collects, the Jobcenter asks, the course provider holds."""

from pathlib import Path
from typing import Final, TypedDict, Unpack

from adapters.node.collector import Collector
from adapters.node.core.compose import Question
from adapters.node.core.consent_text import By, Terms, releases_secrecy, told
from adapters.node.core.taking import Taken
from adapters.node.node import Holder, Node
from adapters.node.requester import Requester
from adapters.node.store.rows import Asked
from adapters.web.client_words import shipped_words
from schemas.ids import AgencyId, CodeName, ConsentId, FieldName, Purpose
from schemas.record import PersonBlock
from tests.support.node_world import World
from tests.support.troubled_source import TroubledSource

COLLECTOR: Final = "beratung"
REQUESTER: Final = "jobcenter"
HOLDER: Final = "sprachschule"
PERSON: Final = PersonBlock(family_name="Al-Hamadi", given_names="Rima", birth_date="1991-03-17")
STRANGER: Final = PersonBlock(family_name="Nimmermehr", given_names="Alba", birth_date="1980-01-02")
FIELDS: Final = (
    "course_participation.started_on",
    "course_participation.state",
    "course_results.exam_result",
)
VALUES: Final = {"course_participation.state": "running", "course_participation.started_on": "2026-02-02"}
DAY_MS: Final = 86_400_000


def provider() -> TroubledSource:
    """Give a course provider's source with one participant and more fields than any purpose needs."""
    fields = frozenset(FieldName(name) for name in (*FIELDS, "course_participation.hours_used", "language.literacy"))
    source = TroubledSource(fields)
    source.add("T-1", PERSON, VALUES)
    return source


class Town:
    """The world with its three agencies, everything published and approved."""

    def __init__(self, world: World, source: TroubledSource) -> None:
        """Take a world that is running."""
        self.world = world
        self.source = source

    @classmethod
    async def start(cls, folder: Path, *, answer_within_s: int = 3600, later_after_ms: int = 5000) -> "Town":
        """Start all, publish the provider's catalogue, approve the Jobcenter's access."""
        world = await World.start(folder, answer_within_s=answer_within_s, later_after_ms=later_after_ms)
        source = provider()
        await world.admit(COLLECTOR, "mbe")
        await world.admit(REQUESTER, "jobcenter")
        await world.admit(HOLDER, "course_provider", source)
        for node in world.nodes.values():
            await node.federation.catch_up()
        await world.publish_catalogue(HOLDER)
        await world.approve(REQUESTER, "Z16@1")
        return cls(world, source)

    @property
    def collector(self) -> Collector:
        """The counselling service's collecting side."""
        found = self._node(COLLECTOR).collector
        assert found is not None
        return found

    @property
    def requester(self) -> Requester:
        """The Jobcenter's asking side."""
        found = self._node(REQUESTER).requester
        assert found is not None
        return found

    @property
    def holder(self) -> Holder:
        """The provider's answering side."""
        found = self._node(HOLDER).holder
        assert found is not None
        return found

    async def consent(self, person: PersonBlock = PERSON, *, uses: int = 5) -> ConsentId:
        """Have a consent collected, and give its id."""
        collected = await self.collector.collect(taken(self.world, person, uses=uses))
        return ConsentId(collected.id)

    async def ask(self, consent: ConsentId, *fields: str) -> Asked:
        """Have the Jobcenter ask the provider under a consent."""
        return await self.requester.ask(question(consent, *fields))

    async def agreed(self, person: PersonBlock = PERSON, *fields: str) -> Asked:
        """Collect a consent and ask under it."""
        return await self.ask(await self.consent(person), *fields)

    async def close(self) -> None:
        """Stop everything; the ledger must replay without a finding, whatever a test did."""
        await self.world.close()
        assert self.world.replay() == []

    def _node(self, agency: str) -> Node:
        return self.world.nodes[agency]


class Other(TypedDict, total=False):
    """What of a consent's terms is other than usual."""

    purpose: Purpose
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    fields: tuple[FieldName, ...]
    expires: int


def taken(world: World, person: PersonBlock = PERSON, *, uses: int = 5, **other: Unpack[Other]) -> Taken:
    """Give a consent for the Jobcenter to ask the provider, or on other terms, as a client gave it to its very text."""
    asked = Terms(
        purpose=Purpose("Z16@1"),
        recipient=AgencyId(REQUESTER),
        holders=(AgencyId(HOLDER),),
        fields=tuple(FieldName(name) for name in FIELDS),
        expires=world.clock.now_ms() + 30 * DAY_MS,
        uses=uses,
    )._replace(**other)
    by = By(world.registry, world.sequencer.state)
    return Taken(
        **asked._asdict(),
        person=person,
        text_sha256=told(asked, "ar", shipped_words(), by).hash,
        language="ar",
        medium="screen",
        capacity="own",
        secrecy_release=releases_secrecy(asked, by),
        interpreter="none",
        understood="first",
        staff="staff-7",
        role=CodeName("adviser"),
    )


def question(consent: ConsentId, *fields: str) -> Question:
    """Give the Jobcenter's question to the provider."""
    wanted = tuple(FieldName(name) for name in fields)
    return Question(Purpose("Z16@1"), AgencyId(HOLDER), CodeName("adviser"), "staff-7", wanted, consent=consent)
