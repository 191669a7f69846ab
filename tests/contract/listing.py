"""The part of a source's contract by which an index of all persons is built and kept current."""

import pytest

from adapters.sources.port import PERSONS_AT_ONCE, LocalRef, Search
from schemas.errors import Misuse
from tests.support.agency_tables import ROW, Agency


class ListingContract:
    """Listing everybody, or saying that nobody can be listed; listing one team's."""

    @pytest.mark.parametrize(
        ("team", "found"), [(None, "123"), ("Team Nord", "13"), ("team  nord", "13"), ("Süd", "23"), ("Ost", "3")]
    )
    async def test_a_search_may_be_limited_to_a_team(self, agency: Agency, team: str | None, found: str) -> None:
        """A member of a team finds the team's clients and those of nobody; a limit alone is no search."""
        rows = zip("123", ("Team Nord", "Süd", None), strict=True)
        agency.write(*({**ROW, "Nr": int(number), "Team": of} for number, of in rows))
        source = agency.open()
        hits = await source.search(Search(family_name="Havchenko", team=team))
        assert "".join(sorted(one.ref for one in hits)) == found
        with pytest.raises(Misuse, match="at least a name"):
            await source.search(Search(team="Süd"))

    @pytest.mark.slow
    async def test_everybody_is_listed_once_or_nobody_can_be(self, agency: Agency) -> None:
        """The parts of a listing hold each row with a name once; where nothing can be listed, no state is told."""
        many = [{**ROW, "Nr": number, "Name": f"Name {number:05}"} for number in range(PERSONS_AT_ONCE + 3)]
        agency.write(*many, {**ROW, "Nr": len(many), "Name": None})
        source = agency.open()
        refs: list[LocalRef] = []
        listing = await source.persons(None)
        if listing is None:
            assert await source.state() is None
            return
        while listing is not None:
            refs += [one.ref for one in listing.candidates]
            listing = None if listing.after is None else await source.persons(listing.after)
        assert sorted(refs, key=int) == [LocalRef(str(number)) for number in range(len(many))]


class StateContract:
    """Telling that something changed."""

    async def test_a_change_changes_the_state(self, agency: Agency) -> None:
        """Whoever keeps an index learns at little cost that it must be read again."""
        agency.write(ROW)
        source = agency.open()
        before = await source.state()
        assert before == await source.state()
        agency.write(ROW, {**ROW, "Nr": 2})
        assert before is None or await source.state() != before
