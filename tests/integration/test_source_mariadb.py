"""The contract of sources on a real MariaDB, where the machine has one; and its time limit, rights and password."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sources.sql import SqlSource
from schemas.errors import Malformed, Unavailable
from tests.contract.test_sources import NamedTableContract, TableContract
from tests.support.agency_tables import ROW, TABLE, Agency
from tests.support.mariadb import MariaAgency, MariaPlace, mariadb


@pytest.fixture(scope="module")
def place() -> Iterator[MariaPlace]:
    """Give a running server to all tests of this file."""
    with mariadb() as place:
        yield place


@pytest.fixture
async def agency(place: MariaPlace, tmp_path: Path) -> AsyncIterator[MariaAgency]:
    """Give an agency with a table of its own."""
    made = MariaAgency(place, tmp_path)
    yield made
    await made.close()


class TestMariaDb(TableContract, NamedTableContract):
    """MariaDB keeps the contract."""

    @pytest.fixture
    async def agency(self, place: MariaPlace, tmp_path: Path) -> AsyncIterator[Agency]:
        """Give an agency with a table of its own."""
        made = MariaAgency(place, tmp_path)
        yield made
        await made.close()


async def test_a_wrong_password_is_named(agency: MariaAgency) -> None:
    """The message leads to the mapping and the file of the password."""
    agency.write(ROW)
    agency.secret.write_text("wrong guess")
    with pytest.raises(Malformed, match="refuses user or password"):
        await agency.open().check()


async def test_a_missing_right_is_named(agency: MariaAgency) -> None:
    """Without SELECT the message says what to grant."""
    agency.write(ROW)
    agency.place.do(sa.text("REVOKE SELECT ON `Kunden` FROM reader@localhost"))
    with pytest.raises(Malformed):
        await agency.open().check()


async def test_what_takes_too_long_is_ended(agency: MariaAgency) -> None:
    """A statement that waits for a lock ends by the clock, and the source counts as down."""
    agency.write(ROW)
    source = SqlSource.of_server(agency.mapping, agency.secret, timeout_s=0.5)
    with agency.place.owner.connect() as other:
        other.execute(sa.text(f"LOCK TABLES `{TABLE}` WRITE"))
        with pytest.raises(Unavailable):
            await source.check()
        other.execute(sa.text("UNLOCK TABLES"))
    await source.close()
