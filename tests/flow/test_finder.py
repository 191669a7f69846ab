"""Finding a person at the holder: the index follows the source, and never answers with what is not there any more."""

from dataclasses import replace

import pytest

from adapters.node.background import Background
from adapters.node.finder import LOOK_EVERY_MS, Finder
from adapters.sources.port import Candidate, Listing, LocalRef
from schemas.errors import Unavailable
from schemas.record import PersonBlock
from tests.support.matching import person, refs, row, town
from tests.support.memory_source import MemorySource
from tests.support.node_world import RunningClock
from tests.support.virtual_time import pass_time, virtual

AMAL = person("Amal", "Haddad", "1990-05-17")


class World:
    """A source with a finder over it."""

    def __init__(self, source: MemorySource | None = None) -> None:
        """Fill the source with strangers."""
        self.source = source or MemorySource(frozenset())
        for number, known in enumerate(town(60)):
            self.put(f"s{number}", known)
        self.read: list[int] = []
        self.background = Background(lambda *_: None)
        self.finder = Finder(self.source, self.background, RunningClock(), self.read.append)

    def put(self, ref: str, known: PersonBlock) -> None:
        """Put a row in, or change it."""
        self.source.put(row(ref, known), {})


@virtual
async def test_rows_are_read_once_and_again_after_a_change() -> None:
    """The source is read when it begins and when it says it changed, not otherwise; progress is told."""
    world = World()
    world.finder.start()
    await pass_time(1)
    assert world.read == [60]
    await pass_time(3 * LOOK_EVERY_MS / 1000)
    assert world.read == [60]
    world.put("1", person("Amel", "Hadad", "1990-05-17"))
    await pass_time(LOOK_EVERY_MS / 1000)
    assert world.read == [60, 61]
    assert refs(await world.finder.find(AMAL)) == ["1"]
    world.finder.close()


@virtual
async def test_a_row_that_came_a_moment_ago_is_found() -> None:
    """What the source itself finds for a name and a date is taken in before the question."""
    world = World()
    world.finder.start()
    await pass_time(1)
    world.put("1", AMAL)
    found = await world.finder.find(AMAL)
    assert (found.outcome, refs(found)) == ("certain", ["1"])
    world.finder.close()


@virtual
async def test_the_client_of_a_team_is_found() -> None:
    """Whose client it is changes nothing about who it is."""
    world = World()
    world.source.put(replace(row("t1", AMAL), team="Nord"), {})
    world.finder.start()
    assert refs(await world.finder.find(AMAL)) == ["t1"]
    world.finder.close()


@virtual
async def test_a_row_that_changed_or_went_is_never_the_answer() -> None:
    """The row found is read again: it counts as it is now, and a row that is gone is nobody."""
    world = World()
    world.put("1", person("Amel", "Haddad", "1990-05-17"))
    world.finder.start()
    await pass_time(1)
    world.put("1", person("Petra", "Meyer", "1961-02-03"))
    assert refs(await world.finder.find(AMAL)) == []
    world.put("2", AMAL)
    assert refs(await world.finder.find(AMAL)) == ["2"]
    del world.source.rows[LocalRef("2")]
    assert refs(await world.finder.find(AMAL)) == []
    world.finder.close()


@virtual
async def test_a_source_that_is_down_is_not_an_empty_one() -> None:
    """Questions raise while the source is down; after it is back the index is read."""
    world = World()
    world.put("1", AMAL)
    world.source.down = True
    world.finder.start()
    await pass_time(1)
    with pytest.raises(Unavailable):
        await world.finder.find(AMAL)
    world.source.down = False
    await pass_time(60)
    assert refs(await world.finder.find(AMAL)) == ["1"]
    world.finder.close()


class Restless(MemorySource):
    """A source whose row is another one at each look."""

    looks = 0

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Give the row with another file number each time."""
        self.looks += 1
        found = await super().lookup(ref)
        return Candidate(ref, f"look {self.looks}", found.person, found.transfer_block, found.guardian)


@virtual
async def test_a_row_that_never_holds_still_is_no_answer() -> None:
    """After a few looks the question fails, as for a source that is down."""
    world = World(Restless(frozenset()))
    world.put("1", AMAL)
    world.finder.start()
    await pass_time(1)
    with pytest.raises(Unavailable, match="change while"):
        await world.finder.find(AMAL)
    world.finder.close()


class Mute(MemorySource):
    """A source that finds by name and lists nobody."""

    async def persons(self, after: object | None) -> Listing | None:  # type: ignore[override]  # as a service does
        """Give nothing."""
        del after
        return None


@virtual
async def test_a_source_that_cannot_list_is_matched_by_the_letter() -> None:
    """Without knowing how common names are, certain is only what agrees in every letter and stands alone."""
    world = World(Mute(frozenset()))
    world.put("1", AMAL)
    world.finder.start()
    await pass_time(1)
    assert (await world.finder.find(AMAL)).outcome == "certain"
    assert (await world.finder.find(person("Amel", "Haddad", "1990-05-17"))).outcome == "probable"
    world.finder.close()


TRAPS: dict[str, tuple[PersonBlock, list[PersonBlock]]] = {
    "twins": (AMAL, [AMAL, person("Iman", "Haddad", "1990-05-17")]),
    "the other twin": (AMAL, [person("Iman", "Haddad", "1990-05-17")]),
    "father and son": (person("Amal", "Haddad", "1990-05-17", "m"), [person("Amal", "Haddad", "1962-05-17", "m")]),
    "1 January": (person("Amal", "Haddad", "1990-01-01"), [person("Amal", "Haddad", "1990-01-01")]),
    "swapped siblings": (AMAL, [person("Amal", "Haddad", "1992-08-20"), person("Iman", "Haddad", "1990-05-17")]),
}


@pytest.mark.parametrize("trap", TRAPS, ids=list(TRAPS))
@virtual
async def test_no_trap_is_ever_certain(trap: str) -> None:
    """Twins, father and son, one name on 1 January, swapped siblings: a human decides, whatever the source holds."""
    asked, rows = TRAPS[trap]
    world = World()
    for number, known in enumerate(rows):
        world.put(str(number), known)
    world.finder.start()
    await pass_time(1)
    assert (await world.finder.find(asked)).outcome != "certain"
    world.finder.close()
