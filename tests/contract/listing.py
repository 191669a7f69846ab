"""The part of a source's contract by which an index of all persons is built and kept current."""

import pytest

from adapters.sources.port import PERSONS_AT_ONCE, LocalRef
from tests.support.agency_tables import ROW, Agency


class ListingContract:
    """Listing everybody, or saying that nobody can be listed."""

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
